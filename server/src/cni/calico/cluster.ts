/** The nodes of a cluster that run Calico: their addresses, blocks, and tunnels. Created once per cluster. */
import { addIp, hostPrefix, type Ip, type Prefix, prefixContains, prefixOf } from "../../addressing/ip.ts";
import { buildPrefixTable, type PrefixTable } from "../../addressing/prefix-table.ts";
import type { Cluster, Interface, Node, NodeCidr } from "../../topology/model.ts";
import { defaultInterface, familyOf } from "../host.ts";
import type { ClusterContext } from "../mode.ts";
import { pluginOf } from "../settings.ts";
import { type Autodetection, detect } from "./autodetection.ts";
import { type TunnelKind, tunnelKinds } from "./pools.ts";
import { type CalicoSettings, calicoSettings, type NodeSettings, nodeSettings, type Pool } from "./settings.ts";

export interface Member {
  readonly node: Node;
  readonly own: NodeSettings;
  readonly v4: MemberFamily | undefined;
  readonly v6: MemberFamily | undefined;
}
export interface MemberFamily {
  /** The node's address (Node spec.bgp.ipv4Address), and the prefix that decides cross-subnet. */
  readonly address: Ip;
  readonly subnet: Prefix;
  readonly iface: Interface;
}

/** A block, or a single address, and the node that has it. */
export interface Held {
  readonly member: Member;
  readonly cidr: NodeCidr;
  readonly pool: Pool;
}

export interface CalicoCluster {
  readonly context: ClusterContext;
  readonly settings: CalicoSettings;
  readonly tunnels: readonly TunnelKind[];
  readonly members: readonly Member[];
  /** The members, and the nodes on which calico-node exits because an earlier node has their address. */
  readonly candidates: readonly Member[];
  member(node: Node): Member | undefined;
  poolOf(prefix: Prefix): Pool | undefined;
  /** All blocks and addresses that nodes have in pools of the family for which `wanted` is true. */
  held(family: 4 | 6, wanted: (pool: Pool) => boolean): Iterable<Held>;
  tunnelAddress(node: Node, kind: TunnelKind, family: 4 | 6): Ip | undefined;
}

export function calicoCluster(context: ClusterContext): CalicoCluster {
  const { cluster } = context;
  const settings = calicoSettings(cluster.cni, cluster.podCidrs);
  const tunnels = tunnelKinds(settings);
  const candidates = nodesOf(cluster).map((node) => memberOf(node, settings));
  const members = distinctMembers(candidates);
  const byIndex = new Map(members.map((member) => [member.node.index, member]));
  const pools: PrefixTable<Pool> = buildPrefixTable(settings.pools.map((pool) => [pool.cidr, pool] as const));
  const poolOf = (prefix: Prefix): Pool | undefined => pools.lookup(prefix.ip)[0];
  return {
    context,
    settings,
    tunnels,
    members,
    candidates,
    member: (node) => byIndex.get(node.index),
    poolOf,
    held: function* (family, wanted) {
      for (const member of members) {
        for (const cidr of member.node.podCidrs) {
          if (familyOf(cidr.prefix.ip) !== family) continue;
          const pool = poolOf(cidr.prefix);
          if (pool && wanted(pool)) yield { member, cidr, pool };
        }
      }
    },
    tunnelAddress: (node, kind, family) => tunnelAddress(node, kind, family, tunnels, poolOf),
  };
}

/**
 * The nodes on which calico-node starts, in order of declaration. If another node has one of its addresses, it exits
 * (checkConflictingNodes in node/pkg/lifecycle/startup): no Felix, no BIRD, and no /var/lib/calico/nodename, which the
 * CNI plugin requires.
 */
function distinctMembers(candidates: readonly Member[]): readonly Member[] {
  const taken = new Set<Ip>();
  return candidates.filter(({ v4, v6 }) => {
    const own = [v4, v6].flatMap((part) => (part ? [part.address] : []));
    if (own.some((ip) => taken.has(ip))) return false;
    for (const ip of own) taken.add(ip);
    return true;
  });
}

/** A node's tunnels use the first addresses of its blocks, in the order of their kinds. */
function tunnelAddress(
  node: Node,
  wanted: TunnelKind,
  family: 4 | 6,
  kinds: readonly TunnelKind[],
  poolOf: (prefix: Prefix) => Pool | undefined,
): Ip | undefined {
  const taken = new Map<NodeCidr, number>();
  for (const kind of kinds) {
    const block = node.podCidrs.find((cidr) => {
      const pool = (cidr.own ?? 0) > 0 && familyOf(cidr.prefix.ip) === family ? poolOf(cidr.prefix) : undefined;
      return pool !== undefined && pool[kind] !== "never";
    });
    if (!block) continue;
    const before = taken.get(block) ?? 0;
    if (kind === wanted) return addIp(block.prefix.ip, before);
    taken.set(block, before + 1);
  }
  return undefined;
}

function memberOf(node: Node, settings: CalicoSettings): Member {
  const own = nodeSettings(node.cni);
  return { node, own, v4: familyPartOf(node, own, settings, 4), v6: familyPartOf(node, own, settings, 6) };
}

/** `bgp-address`, or the address that calico-node detects. */
export function familyPartOf(
  node: Node,
  own: NodeSettings,
  { autodetection }: CalicoSettings,
  family: 4 | 6,
): MemberFamily | undefined {
  const given = own.addresses.find((ip) => familyOf(ip) === family);
  const method: Autodetection =
    given === undefined ? autodetection[family] : { kind: "cidr", cidrs: [hostPrefix(given)] };
  const found = detect(node, method, family);
  if (found)
    return { address: found.address.ip, subnet: prefixOf(found.address.ip, found.address.len), iface: found.iface };
  return given === undefined ? undefined : onLoopback(node, given);
}

/** `bgp-address` on `lo`, for nodes that peer between loopback addresses: it has no subnet, and any interface reaches it. */
function onLoopback(node: Node, ip: Ip): MemberFamily | undefined {
  const iface = defaultInterface(node, typeof ip === "number" ? 4 : 6) ?? node.interfaces[0];
  return isLoopback(node, ip) && iface ? { address: ip, subnet: hostPrefix(ip), iface } : undefined;
}

/** Whether the address is on the loopback device. */
export function isLoopback({ edge }: Node, ip: Ip): boolean {
  return edge?.loopbacks.some((one) => one.ip === ip) ?? false;
}

export function familyPart(member: Member, family: 4 | 6): MemberFamily | undefined {
  return family === 4 ? member.v4 : member.v6;
}

/** nodeInOurSubnet (felix/calc/l3_route_resolver.go): compares prefixes, not links. */
export function inSubnet(self: MemberFamily, peer: MemberFamily): boolean {
  return prefixContains(self.subnet, peer.address);
}

export function isOwn({ podCidrs }: Node, dst: Prefix): boolean {
  return podCidrs.some(({ prefix }) => prefix.ip === dst.ip && prefix.len === dst.len);
}

/** The program that creates the routes to the pool's blocks; undefined: none. */
export function programmer(settings: CalicoSettings, pool: Pool): "felix" | "bird" | undefined {
  if (pool.vxlan !== "never") return "felix";
  if (pool.ipip !== "never" && settings.programRoutes === "felix") return "felix";
  return settings.backend === "bird" ? "bird" : undefined;
}

export function nodesOf(cluster: Cluster): readonly Node[] {
  return cluster.nodes.filter((node) => pluginOf(cluster, node) === "calico");
}
