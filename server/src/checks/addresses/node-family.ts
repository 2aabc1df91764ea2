import { addIp, type Family, family, formatIp, formatPrefix, type Ip, prefixContains } from "../../addressing/ip.ts";
import { needsNodesOfItsFamily } from "../../cni/underlay.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { type Fix, wordsEdit } from "../../fixes/fix.ts";
import { valueAt } from "../../memo/memo.ts";
import { nextFreeAddress } from "../../questions/free.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Interface, Node, Segment, Topology } from "../../topology/model.ts";
import { nodesWhere } from "../../topology/node-queries.ts";

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

export const nodeFamily: Check<"KN127"> = {
  code: "KN127",
  name: "node-without-family",
  family: "addresses",
  severity: "error",
  summary: "Nodes have no address in an address family that their pods use.",
  documentation: `## What happens

Dual stack requires both address families on every node. kubelet registers a node with one address per family, and the
routes, tunnels, and BGP sessions for the IPv6 pods of a node use the node's own IPv6 address. The pods of a node with
only an IPv4 address have no IPv6 connectivity in either direction, and working IPv4 hides the problem.

## How to fix it

Add a prefix of the missing family to the segment, and assign one of its addresses to each node. An \`attach\` statement
with an address assigns only this address; without an address, it assigns one per family.

## References

- kubernetes.io, *IPv4/IPv6 dual-stack*, section *Prerequisites*`,
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
          const range = formatPrefix(prefix);
          const fact =
            nodes.length > 1
              ? t`${plural(nodes.length, "node")} of cluster \`${one.name}\` (first: \`${first.path}\`) have no ${name} address, but pod CIDR ${range} requires one: no route or tunnel reaches their pods`
              : t`node \`${first.path}\` has no ${name} address, but pod CIDR ${range} requires one: no route or tunnel reaches its pods`;
          yield finding(nodeFamily, iface.source, withRemedy(fact, topology, iface, name), {
            related: [{ source, message: t`pod CIDR ${range} of cluster \`${one.name}\`` }],
            fixes: addressFixes(topology, iface, prefix.ip, nodes),
          });
        }
      }
    }
  },
};

/** Nodes with addresses, but without one of the family, grouped by the `attach` statement of their first interface. */
function lacking(cluster: Cluster, of: Family): readonly (readonly Node[])[] {
  const byLine = new Map<object, Node[]>();
  for (const node of without[of](cluster)) {
    const [first] = node.interfaces;
    if (!first) continue;
    valueAt(byLine, first.source.decl.handle, (): Node[] => []).push(node);
  }
  return [...byLine.values()];
}

const without = {
  4: nodesWhere((node) => lacks(node, 4)),
  6: nodesWhere((node) => lacks(node, 6)),
};

function lacks({ interfaces }: Node, of: Family): boolean {
  return (
    interfaces.some(({ addresses }) => addresses.length > 0) &&
    interfaces.every(({ addresses }) => addresses.every(({ ip }) => family(ip) !== of))
  );
}

/** If the segment has a prefix of the family, the fix assigns an address and the message needs no advice. */
function withRemedy(fact: string, { segments }: Topology, { segment }: Interface, name: string): string {
  return segments.get(segment)?.cidrs.some(({ ip }) => `IPv${family(ip)}` === name)
    ? fact
    : t`${fact}; add an ${name} prefix to segment \`${segment}\` and assign its addresses to the nodes`;
}

/** Assigns consecutive free addresses: a pool counts up from the address in its `attach` statement. */
function addressFixes(topology: Topology, iface: Interface, like: Ip, nodes: readonly Node[]): readonly Fix[] {
  const segment = topology.segments.get(iface.segment);
  const start = segment && runOfFree(topology, segment, like, nodes.length);
  if (start === undefined) return [];
  const text = formatIp(start);
  const title = nodes.length > 1 ? t`Add ${text} and the following addresses` : t`Add ${text}`;
  return [{ title, edits: [wordsEdit(iface.source, text)] }];
}

/** The first of `count` addresses after the highest address in use. */
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
