/** kind's Cluster (kind.x-k8s.io/v1alpha4); defaults of pkg/apis/config/v1alpha4/default.go and config/default.go. */

import { listAt, textAt } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import { entryOf } from "../../text/table.ts";
import { type Evidence, flagOf, lookedUp, rangesIn, resources, textOf } from "../kubernetes/evidence.ts";
import { note, type Reading } from "../kubernetes/inference.ts";
import type { KubeObject } from "../kubernetes/object.ts";
import type { Installer } from "./installer.ts";
import { type Machine, machinesOf } from "./machines.ts";

const RANGES: Readonly<Record<string, { readonly pods: string; readonly services: string }>> = {
  ipv4: { pods: "10.244.0.0/16", services: "10.96.0.0/16" },
  ipv6: { pods: "fd00:10:244::/56", services: "fd00:10:96::/112" },
  dual: { pods: "10.244.0.0/16,fd00:10:244::/56", services: "10.96.0.0/16,fd00:10:96::/112" },
};

/** Docker assigns the network `kind` the next free range; on a machine without other networks, it is this one. */
const DOCKER_NETWORK = "172.18.0.0/16";
/** Derived from the name of the network (pkg/cluster/internal/providers/docker/network.go). */
const DOCKER_NETWORK_V6 = "fc00:f853:ccd:e793::/64";

export function kindInstallers(reading: Reading): readonly Installer[] {
  return resources(reading.dump, "Cluster", "kind.x-k8s.io").map((object) => {
    const family = textOf(object, "networking", "ipFamily")?.value ?? "ipv4";
    const ranges = entryOf(RANGES, family) ?? RANGES["ipv4"]!;
    const isOff = flagOf(object, "networking", "disableDefaultCNI");
    const usual = (value: string): Evidence<string> => ({ value, object, path: [] });
    const place: Evidence<unknown> = { value: undefined, object, path: [] };
    const network = family === "ipv4" ? DOCKER_NETWORK : `${DOCKER_NETWORK} ${DOCKER_NETWORK_V6}`;
    const isListed = reading.dump.nodes.length === 0;
    if (isListed)
      note(
        reading,
        place,
        t`the nodes of kind are on a Docker network that the file does not show: ${DOCKER_NETWORK} is used`,
      );
    return {
      name: "kind",
      object,
      pods: rangesIn(textOf(object, "networking", "podSubnet") ?? usual(ranges.pods)),
      services: rangesIn(textOf(object, "networking", "serviceSubnet") ?? usual(ranges.services)),
      domain: undefined,
      proxyMode: lookedUp(textOf(object, "networking", "kubeProxyMode"), {
        iptables: "iptables",
        ipvs: "ipvs",
        nftables: "nftables",
        none: "none",
      }),
      plugin: isOff?.value === true ? undefined : { name: "kindnet", shown: place, settings: [], ranges: [] },
      machines: isListed ? machinesOf(object, nodesOf(object), network) : undefined,
    };
  });
}

/** The names of the containers: kind-control-plane, kind-worker, kind-worker2 (pkg/cluster/internal/providers/common). */
function nodesOf(object: KubeObject): readonly Machine[] {
  const cluster = textAt(object.value, "name") ?? "kind";
  const stated = listAt(object.value, "nodes");
  const roles = stated.length === 0 ? ["control-plane"] : stated.map((one) => textAt(one, "role") ?? "control-plane");
  const counts = new Map<string, number>();
  return roles.map((role, index) => {
    const count = (counts.get(role) ?? 0) + 1;
    counts.set(role, count);
    return {
      name: `${cluster}-${role}${count === 1 ? "" : count}`,
      address: undefined,
      path: stated.length === 0 ? [] : ["nodes", index],
    };
  });
}
