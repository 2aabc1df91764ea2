/**
 * Calico: its custom resources, the operator's Installation, the ConfigMap and the environment of calico-node. A
 * variable FELIX_… takes precedence over FelixConfiguration (felix/config, sources in order of priority).
 */
import type { Draft } from "../../../declared/build.ts";
import { listAt, textAt } from "../../../text/json.ts";
import { t } from "../../../text/l10n.ts";
import { configMap, flagOf, lookedUp, mapped, resource, resources, setting, textOf, unless } from "../evidence.ts";
import { agreed, note, type Reading } from "../inference.ts";
import type { KubeObject } from "../object.ts";
import { hasVariable, type Program, programOf, variable } from "../programs.ts";
import { bgpDrafts, peerDrafts } from "./calico-bgp.ts";
import { calicoNodes } from "./calico-nodes.ts";
import { type CalicoPools, calicoPools } from "./calico-pools.ts";
import type { CalicoSources } from "./calico-sources.ts";
import type { Plugin } from "./plugin.ts";

const GROUP = "projectcalico.org";

export function calicoProgram(reading: Reading): Program | undefined {
  return programOf(reading.dump, (name) => name === "calico-node");
}

export function installationOf({ dump }: Reading): KubeObject | undefined {
  return resources(dump, "Installation", "operator.tigera.io")[0];
}

/** What shows Calico without its DaemonSet. */
export function calicoObject(reading: Reading): KubeObject | undefined {
  const installation = installationOf(reading);
  const type = installation && textAt(installation.value, "spec", "cni", "type");
  return (
    (type === undefined || type === "Calico" ? installation : undefined) ?? resources(reading.dump, "IPPool", GROUP)[0]
  );
}

export function calicoPlugin(reading: Reading, program: Program | undefined, object: KubeObject): Plugin {
  const { dump } = reading;
  const felix = resource(dump, "FelixConfiguration", GROUP, "default");
  const sources: CalicoSources = {
    reading,
    program,
    installation: installationOf(reading),
    bgp: resource(dump, "BGPConfiguration", GROUP, "default"),
    felix: (field, what) =>
      agreed(reading, what, [
        variable(dump, program, `FELIX_${(VARIABLES[field] ?? field).toUpperCase()}`),
        textOf(felix, "spec", field) ?? mapped(flagOf(felix, "spec", field), String),
      ]),
  };
  const pools = calicoPools(sources);
  unmodeled(sources);
  return {
    name: "calico",
    shown: { value: undefined, object, path: ["metadata", "name"] },
    settings: [
      ...pools.drafts,
      ...ipamDrafts(reading),
      ...bgpDrafts(sources, pools),
      ...mtuDrafts(sources, pools),
      ...felixDrafts(sources),
      ...peerDrafts(sources),
    ],
    ranges: pools.ranges,
    ownRanges: true,
    defaultPods: "192.168.0.0/16",
    ofNode: calicoNodes(reading, pools),
  };
}

/** Parameters whose name is different from their field (felix/config, the tag `config`). */
const VARIABLES: Readonly<Record<string, string>> = { ipipMTU: "IpInIpMtu", ipipEnabled: "IpInIpEnabled" };

function ipamDrafts({ dump }: Reading): readonly Draft[] {
  const config = resources(dump, "IPAMConfig", GROUP)[0] ?? resources(dump, "IPAMConfiguration", GROUP)[0];
  return [
    ...setting("strict-affinity", unless(flagOf(config, "spec", "strictAffinity"), false)),
    ...setting("auto-allocate-blocks", unless(flagOf(config, "spec", "autoAllocateBlocks"), true)),
    ...setting("max-blocks-per-host", unless(textOf(config, "spec", "maxBlocksPerHost"), "0")),
  ];
}

/** veth_mtu, then the MTUs of the encapsulations in use; the pods' MTU is the smallest. 0 is automatic. */
function mtuDrafts({ reading, installation, felix }: CalicoSources, pools: CalicoPools): readonly Draft[] {
  const veth = unless(configMap(reading.dump, ["calico-config"], "veth_mtu"), "0", "");
  const operator = textOf(installation, "spec", "calicoNetwork", "mtu");
  const mtus = [
    pools.hasVxlan ? felix("vxlanMTU", t`VXLAN MTU`) : undefined,
    pools.hasIpip ? felix("ipipMTU", t`IPIP MTU`) : undefined,
  ].flatMap((one) => unless(one, "0", "") ?? []);
  const [tunnel] = [...mtus].sort((a, b) => Number(a.value) - Number(b.value));
  return setting("mtu", agreed(reading, t`MTU`, [veth, operator, tunnel]));
}

function felixDrafts({ felix, program }: CalicoSources): readonly Draft[] {
  const exclusions = lookedUp(felix("natOutgoingExclusions", t`NAT exclusions`), {
    ippoolsonly: "ip-pools-only",
    IPPoolsOnly: "ip-pools-only",
    IPPoolsAndHostIPs: "ip-pools-and-host-ips",
  });
  const action = mapped(felix("defaultEndpointToHostAction", t`default endpoint to host action`), (value) =>
    value.toLowerCase(),
  );
  // Felix's own default; the manifests and the operator set the variable (felix/config, DefaultEndpointToHostAction).
  const isDrop = program !== undefined && hasVariable(program, "DATASTORE_TYPE") && action === undefined;
  const place = program && { object: program.object, path: program.spec, value: "drop" };
  return [
    ...setting("vxlan-port", unless(felix("vxlanPort", t`VXLAN port`), "4789")),
    ...setting("vxlan-vni", unless(felix("vxlanVNI", t`VXLAN VNI`), "4096")),
    ...setting("nat-outgoing-exclusions", unless(exclusions, "ip-pools-only")),
    ...setting("default-endpoint-to-host-action", isDrop ? place : unless(action, "accept")),
  ];
}

/** Features that change the path of packets and that no declaration expresses. */
function unmodeled({ reading, felix, installation, bgp }: CalicoSources): void {
  const dataplane = textOf(installation, "spec", "calicoNetwork", "linuxDataplane");
  const bpf =
    unless(felix("bpfEnabled", t`eBPF data plane`), "false") ?? (dataplane?.value === "BPF" ? dataplane : undefined);
  if (bpf) note(reading, bpf, t`Calico's eBPF data plane is not modeled: iptables and kube-proxy are used`);
  if (dataplane?.value === "VPP") note(reading, dataplane, t`Calico's VPP data plane is not modeled: iptables is used`);
  for (const field of ["wireguardEnabled", "wireguardEnabledV6"]) {
    const found = unless(felix(field, t`WireGuard`), "false");
    if (found) note(reading, found, t`Calico's WireGuard encryption is not modeled: packets are sent unencrypted`);
  }
  for (const object of resources(reading.dump, "FelixConfiguration", GROUP))
    if (object.name.startsWith("node."))
      note(
        reading,
        { object, path: ["metadata", "name"] },
        t`settings of a single node (FelixConfiguration ${object.name}) are not modeled: the cluster's settings are used`,
      );
  for (const field of ["serviceClusterIPs", "serviceExternalIPs", "serviceLoadBalancerIPs"]) {
    const [first] = bgp ? listAt(bgp.value, "spec", field) : [];
    const text = textAt(first, "cidr");
    if (bgp && text !== undefined)
      note(
        reading,
        { object: bgp, path: ["spec", field, 0, "cidr"] },
        t`the advertisement of service addresses ${text} over BGP cannot be expressed: configure the routers in a \`.knet\` file`,
      );
  }
}
