/**
 * Host ports: the rules that the portmap plugin, chained after nearly every CNI plugin, adds for `hostPort`
 * (containernetworking/plugins plugins/meta/portmap/portmap_iptables.go). A packet to an address of the node and this
 * port is rewritten to the pod's address (DNAT); the source is unchanged, except for pods of the same range and for
 * localhost.
 */
import { bits, hostPrefix, type Ip, prefixOf } from "../addressing/ip.ts";
import type { Device, NfTarget } from "../dataplane/model.ts";
import type { Conditions, RuleSpec } from "../dataplane/rule.ts";
import type { Cluster, Listener, Node, Pod } from "../topology/model.ts";
import { usesOfNodes } from "../topology/workload.ts";
import { hexOf } from "./hash.ts";
import { familyOf } from "./host.ts";
import type { ChainRules, PodParts } from "./mode.ts";

const DNAT = "CNI-HOSTPORT-DNAT";
const SETMARK = "CNI-HOSTPORT-SETMARK";
const MASQ = "CNI-HOSTPORT-MASQ";
/** markMasqBit 13, distinct from kube-proxy's bit 14. */
const MARK = { value: 0x2000, mask: 0x2000 };
/** utils.MustFormatChainNameWithPrefix: 28 characters in total. */
const CHAIN_DIGITS = 21;

export interface HostPort {
  readonly port: number;
  readonly target: number;
  readonly proto: Listener["proto"];
  readonly listener: Listener;
}

/** Of a range of ports, only the first is mapped. */
export function hostPortsOf({ workload }: Pod): readonly HostPort[] {
  if (workload.hostNetwork) return [];
  return workload.containers.flatMap(({ listeners }) =>
    listeners.flatMap((listener) =>
      listener.hostPort === undefined
        ? []
        : [{ port: listener.hostPort, target: listener.first, proto: listener.proto, listener }],
    ),
  );
}

export interface PortmapChains {
  /** Inserted at the top, above the masquerade rules of other plugins. */
  readonly before: readonly ChainRules[];
  readonly after: readonly ChainRules[];
}
const NONE: PortmapChains = { before: [], after: [] };

export function portmapChains(cluster: Cluster, node: Node, parts: (pod: Pod) => PodParts): PortmapChains {
  if (!usesOfNodes(cluster.workloads).hostPorts) return NONE;
  const mapped: { readonly pod: Pod; readonly ports: readonly HostPort[] }[] = [];
  for (const pod of cluster.pods.podsOn(node)) {
    const ports = hostPortsOf(pod);
    if (ports.length > 0 && pod.addresses.length > 0) mapped.push({ pod, ports });
  }
  if (mapped.length === 0) return NONE;
  const families = [4, 6].filter((one) => mapped.some(({ pod }) => pod.addresses.some((ip) => familyOf(ip) === one)));
  const chains = (families as (4 | 6)[]).map((family) => {
    const own = mapped.flatMap(({ pod, ports }) => {
      const ip = pod.addresses.find((one) => familyOf(one) === family);
      return ip === undefined ? [] : [podChain(pod, ip, lengthOf(parts(pod), ip), ports, family)];
    });
    // The entry rules of later pods are appended: of two pods with one port, the first wins.
    const entries = own.map(({ entry }) => entry);
    return { family, own: own.map(({ chain }) => chain), entries };
  });
  return {
    before: chains.map(({ family }) => ({
      family,
      table: "nat",
      chain: "POSTROUTING",
      rules: [rule({}, { kind: "JUMP", chain: MASQ }, "CNI portfwd requiring masquerade")],
    })),
    after: chains.flatMap(({ family, own, entries }): ChainRules[] => {
      const local = rule({ addrtype: { side: "dst", type: "LOCAL" } }, { kind: "JUMP", chain: DNAT });
      return [
        { family, table: "nat", chain: "PREROUTING", rules: [local] },
        { family, table: "nat", chain: "OUTPUT", rules: [local] },
        {
          family,
          table: "nat",
          chain: SETMARK,
          rules: [rule({}, { kind: "MARK", ...MARK }, "CNI portfwd masquerade mark")],
        },
        { family, table: "nat", chain: MASQ, rules: [rule({ mark: { is: MARK } }, { kind: "MASQUERADE" })] },
        { family, table: "nat", chain: DNAT, rules: entries.flat() },
        ...own,
      ];
    }),
  };
}

/**
 * enableLocalnetRouting (plugins/meta/portmap/utils.go): route_localnet on the interface through which the node reaches the
 * pod, for host ports on 127.0.0.1. Here on all bridges and veth devices of a node with host ports.
 */
export function portmapSysctl(
  devices: readonly Device[],
  name: string,
  chains: () => PortmapChains,
): string | undefined {
  const device = /^net\.ipv4\.conf\.(.+)\.route_localnet$/.exec(name)?.[1];
  const kind = devices.find((one) => one.name === device)?.kind;
  if (kind !== "bridge" && kind !== "veth") return undefined;
  return chains().before.some(({ family }) => family === 4) ? "1" : undefined;
}

function lengthOf({ devices }: PodParts, ip: Ip): number {
  const found = devices.flatMap(({ addresses }) => addresses).find((one) => one.ip === ip);
  return found?.len ?? bits(ip);
}

interface PodChain {
  readonly chain: ChainRules;
  readonly entry: readonly RuleSpec[];
}

function podChain(pod: Pod, ip: Ip, len: number, ports: readonly HostPort[], family: 4 | 6): PodChain {
  const name = `CNI-DN-${hexOf(pod.path, CHAIN_DIGITS)}`;
  const origin = pod.workload.source;
  const rules = ports.flatMap(({ proto, port, target, listener }): RuleSpec[] => {
    const base = { proto, dport: { first: port, last: port } };
    const mark = { kind: "JUMP", chain: SETMARK } as const;
    const made = (match: Conditions, to: NfTarget): RuleSpec => ({
      match,
      target: to,
      origin: listener.source,
    });
    return [
      made({ src: { is: prefixOf(ip, len) }, ...base }, mark),
      ...(family === 4 ? [made({ src: { is: hostPrefix(0x7f000001) }, ...base }, mark)] : []),
      made(base, { kind: "DNAT", to: ip, port: target }),
    ];
  });
  const protos = [...new Set(ports.map(({ proto }) => proto))].sort();
  const entry = protos.map((proto): RuleSpec => {
    const dports = ports.filter((one) => one.proto === proto).map(({ port }) => ({ first: port, last: port }));
    return {
      match: { proto, dports },
      target: { kind: "JUMP", chain: name },
      comment: `dnat name: "${pod.path}"`,
      origin,
    };
  });
  return { chain: { family, table: "nat", chain: name, rules }, entry };
}

function rule(match: Conditions, target: NfTarget, comment?: string): RuleSpec {
  return { match, target, ...(comment === undefined ? {} : { comment }), origin: undefined };
}
