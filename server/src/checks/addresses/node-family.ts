import { addIp, type Family, family, formatIp, formatPrefix, type Ip, prefixContains } from "../../addressing/ip.ts";
import { needsNodesOfItsFamily } from "../../cni/underlay.ts";
import { plural } from "../../text/words.ts";
import { valueAt } from "../../topology/cache.ts";
import { nodesWhere } from "../../topology/column.ts";
import type { Cluster, Interface, Node, Segment, Topology } from "../../topology/model.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { finding, wordsEdit } from "../finding.ts";
import { nextFreeAddress } from "./free.ts";

const cluster = (address: string): string => `segment lan {
  cidr 192.168.10.0/24 fd00:10::/64
  gateway 192.168.10.1 fd00:10::1
}
cluster prod {
  pods 10.244.0.0/16 per-node /24
  pods fd00:10:244::/56 per-node /64
  services 10.96.0.0/16
  services fd00:10:96::/112
  cni flannel { backend host-gw }
  node n1 { attach lan 192.168.10.11${address} }
}
`;

export const nodeFamily: Check = {
  code: "KN127",
  name: "node-without-family",
  family: "addresses",
  severity: "error",
  summary: "Nodes have no address of a family that their pods have.",
  documentation: `Dual stack needs both families everywhere: kubelet registers a node with an address of each, and routes, tunnels and BGP sessions for the
IPv6 pods of a node lead to the node's own IPv6 address (kubernetes.io, *IPv4/IPv6 dual-stack*: nodes with routable IPv4 and IPv6 interfaces). A node
that has IPv4 only takes no part: its pods reach nobody by IPv6, and the others do not reach them, while IPv4 hides it.

Give the segment a prefix of that family and the nodes an address of it. An \`attach\` that states an address has that one alone; without any it gets one of each family.`,
  example: { bad: cluster(""), good: cluster(" fd00:10::11") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const one of topology.clusters) {
      if (!needsNodesOfItsFamily(one)) continue;
      for (const { prefix, source } of one.podCidrs) {
        for (const nodes of lacking(one, family(prefix.ip))) {
          const [first] = nodes;
          const iface = first?.interfaces[0];
          if (!first || !iface) continue;
          const name = `IPv${family(prefix.ip)}`;
          const who =
            nodes.length > 1
              ? `${plural(nodes.length, "node")} of cluster ${one.name}, first ${first.name},`
              : `node ${first.path}`;
          yield finding(
            nodeFamily,
            iface.source,
            `${who} ${nodes.length > 1 ? "have" : "has"} no ${name} address, and ${nodes.length > 1 ? "their" : "its"} pods shall have ${formatPrefix(prefix)}: no route and no tunnel leads to pods of such a node; ${remedy(topology, iface, name)}`,
            {
              related: [{ source, message: `pods ${formatPrefix(prefix)} of cluster ${one.name}` }],
              fixes: addressFixes(topology, iface, prefix.ip, nodes),
            },
          );
        }
      }
    }
  },
};

/** Those that have addresses, but none of the family, by the line that attaches them. */
function lacking(cluster: Cluster, of: Family): readonly (readonly Node[])[] {
  const byLine = new Map<object, Node[]>();
  for (const node of without[of](cluster, undefined)) {
    const [first] = node.interfaces;
    if (!first) continue;
    valueAt(byLine, first.source.statement, (): Node[] => []).push(node);
  }
  return [...byLine.values()];
}

const without = {
  4: nodesWhere<undefined>((node) => lacks(node, 4)),
  6: nodesWhere<undefined>((node) => lacks(node, 6)),
};

function lacks({ interfaces }: Node, of: Family): boolean {
  return (
    interfaces.some(({ addresses }) => addresses.length > 0) &&
    interfaces.every(({ addresses }) => addresses.every(({ ip }) => family(ip) !== of))
  );
}

function remedy({ segments }: Topology, { segment }: Interface, name: string): string {
  const own = segments.get(segment)?.cidrs.find(({ ip }) => `IPv${family(ip)}` === name);
  return own
    ? `give them an address of ${formatPrefix(own)}`
    : `segment ${segment} has no ${name} prefix, so give it one, and the nodes an address of it`;
}

/** The next free addresses, one behind the other; a pool counts up from the first. */
function addressFixes(topology: Topology, iface: Interface, like: Ip, nodes: readonly Node[]): readonly Fix[] {
  const segment = topology.segments.get(iface.segment);
  const start = segment && runOfFree(topology, segment, like, nodes.length);
  if (start === undefined) return [];
  const text = formatIp(start);
  return [
    {
      title: `Give ${nodes.length > 1 ? "them" : "it"} ${text}${nodes.length > 1 ? " and the next ones" : ""}`,
      edits: [wordsEdit(iface.source, text)],
    },
  ];
}

/** Behind the highest address that somebody has. */
function runOfFree(topology: Topology, segment: Segment, like: Ip, count: number): Ip | undefined {
  const cidr = segment.cidrs.find(({ ip }) => typeof ip === typeof like);
  if (!cidr) return undefined;
  const taken = topology
    .attachedTo(segment.name)
    .flatMap(({ addresses }) => addresses.flatMap(({ ip }) => (prefixContains(cidr, ip) ? [ip] : [])));
  const highest = taken.reduce<Ip>((a, b) => (b > a ? b : a), cidr.ip);
  const start = nextFreeAddress(topology, segment, highest);
  const end = start === undefined ? undefined : addIp(start, count - 1);
  return start !== undefined && start > highest && end !== undefined && prefixContains(cidr, end) ? start : undefined;
}
