/** The places that show Calico's settings. */
import { configMap, type Evidence, mapped, parsed, resources, textIn, textOf } from "../evidence.ts";
import type { Reading } from "../inference.ts";
import type { KubeObject } from "../object.ts";
import { type Program, variable } from "../programs.ts";

/** The settings of a cluster from all places that state one. */
export interface CalicoSources {
  readonly reading: Reading;
  readonly program: Program | undefined;
  readonly installation: KubeObject | undefined;
  readonly bgp: KubeObject | undefined;
  /** Of calico-node's environment, then of FelixConfiguration. `what` names the setting if both can differ. */
  felix(field: string, what: string): Evidence<string> | undefined;
}

function statedBackend({ dump }: Reading, program: Program | undefined): Evidence<string> | undefined {
  return variable(dump, program, "CALICO_NETWORKING_BACKEND") ?? configMap(dump, ["calico-config"], "calico_backend");
}

/** Without BGP, Felix programs only the routes of VXLAN pools: without them, another plugin routes. */
export function policyOnly(reading: Reading, program: Program): Evidence<string> | undefined {
  const { dump } = reading;
  const backend = statedBackend(reading, program);
  const modes = [
    variable(dump, program, "CALICO_IPV4POOL_VXLAN"),
    variable(dump, program, "CALICO_IPV6POOL_VXLAN"),
    ...resources(dump, "IPPool", "projectcalico.org").map((pool) => textOf(pool, "spec", "vxlanMode")),
  ];
  const hasVxlan = modes.some((mode) => mode !== undefined && mode.value.toLowerCase() !== "never");
  return backend?.value === "none" && !hasVxlan ? backend : undefined;
}

/** calico_backend, or without BGP in the operator's Installation. */
export function backendOf({ reading, program, installation }: CalicoSources): Evidence<string> | undefined {
  const stated = statedBackend(reading, program);
  const operator = mapped(textOf(installation, "spec", "calicoNetwork", "bgp"), (value) =>
    value === "Disabled" ? "vxlan" : "bird",
  );
  return stated ?? operator;
}

/**
 * The CNI configuration uses host-local with the nodes' podCIDR instead of Calico's IPAM. In `cni_network_config`, the
 * MTU is a placeholder without quotes, so that the text is not JSON.
 */
export function hostLocal(reading: Reading): Evidence<unknown> | undefined {
  const text = configMap(reading.dump, ["calico-config", "canal-config"], "cni_network_config");
  const conf = parsed(mapped(text, (value) => value.replace(/__\w+__/g, "0")));
  for (const index of [0, 1, 2]) {
    const type = textIn(conf, "plugins", index, "ipam", "type");
    if (type?.value === "host-local") return type;
  }
  const plain = textIn(conf, "ipam", "type");
  return plain?.value === "host-local" ? plain : undefined;
}
