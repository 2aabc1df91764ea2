import { bits, formatPrefix, type Prefix, rangeSize } from "../../addressing/ip.ts";
import { modeOf } from "../../cni/modes.ts";
import { childOf, hasChild } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { setFix } from "../../fixes/fix.ts";
import { perNodeFix, perNodeOf } from "../../fixes/per-node.ts";
import { number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster } from "../../topology/model.ts";

const cluster = (perNode: string, maxPods: string): string => `cluster prod {
  pods 10.244.0.0/16 per-node ${perNode}
  services 10.96.0.0/12
  max-pods ${maxPods}
  cni flannel { backend vxlan }
}
`;

export const maxPods: Check<"KN404"> = {
  code: "KN404",
  name: "max-pods-above-block",
  family: "capacity",
  severity: "warning",
  summary: "The value of `max-pods` exceeds the number of pod addresses per node.",
  documentation: `## What happens

host-local allocates all addresses of a node pod CIDR except the network address, the broadcast address, and the address
of the bridge: 253 of a /24, 125 of a /25, 61 of a /26. kube-scheduler considers only kubelet's \`maxPods\` (110). The
remaining pods stay in ContainerCreating with *no IP addresses available in range set* on this node, even if other nodes
have free addresses.

## How to fix it

Use larger node pod CIDRs, or lower \`max-pods\`. A node pod CIDR should have twice as many addresses as \`maxPods\`
(a /24 for 110 pods), because host-local reuses the address of a terminated pod only after all other addresses.`,
  example: { bad: cluster("/26", "110"), good: cluster("/24", "110") },
  *run({ topology, explaining }: CheckContext): Iterable<Finding> {
    const short = new Set(explaining("small-pod-cidrs").map(({ source }) => source.decl.handle));
    for (const one of topology.clusters) {
      if (one.podCidrs.some(({ source }) => short.has(source.decl.handle))) continue;
      for (const block of blocks(one)) {
        if (block.usable >= one.maxPods) continue;
        const source = hasChild(one.source, "max-pods") ? childOf(one.source, "max-pods", 0) : block.source;
        yield finding(
          maxPods,
          source,
          t`\`max-pods\` is ${number(one.maxPods)}, but a node's /${block.len} has ${plural(block.usable, "pod address", "pod addresses")}: the remaining pods stay in ContainerCreating`,
          {
            related: [
              { source: block.source, message: t`nodes get a /${block.len} each from ${formatPrefix(block.within)}` },
            ],
            fixes: [
              ...perNodeFix(t`Use ${block.better} per node`, block.source, block.better),
              setFix(t`Set \`max-pods ${block.usable}\``, one.source, "max-pods", String(block.usable)),
            ],
          },
        );
      }
    }
  },
};

interface Block {
  readonly within: Prefix;
  readonly len: number;
  readonly usable: number;
  readonly better: string;
  readonly source: Origin;
}

function* blocks(of: Cluster): Iterable<Block> {
  const addressing = modeOf(of.cni.plugin).addressing(of.cni, of.podCidrs, of.maxPods);
  // If nodes claim further blocks on demand, a single block is not a limit.
  if (addressing.claims !== undefined) return;
  for (const { within, perNode, first, sameForAll } of addressing.nodeRanges) {
    if (sameForAll || perNode < within.len) continue;
    const size = (len: number): number => {
      const range = addressing.usable({ ip: first, len });
      return range ? Number(rangeSize(range)) : 0;
    };
    // Zero in modes that do not assign pod addresses from node ranges.
    if (size(bits(first) - 8) === 0) continue;
    let better = perNode;
    while (better > within.len && size(better) < of.maxPods) better -= 1;
    const pods = of.podCidrs.find(({ prefix }) => prefix.ip === within.ip && prefix.len === within.len);
    yield {
      within,
      len: perNode,
      usable: size(perNode),
      better: `/${better}`,
      source: pods ? perNodeOf(pods.source) : of.cni.source,
    };
  }
}
