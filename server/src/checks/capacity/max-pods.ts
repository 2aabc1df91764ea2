import type { Prefix } from "../../addressing/ip.ts";
import { bits, formatPrefix, rangeSize } from "../../addressing/ip.ts";
import { modeOf } from "../../cni/modes.ts";
import type { Source } from "../../language/tree.ts";
import { number } from "../../text/words.ts";
import type { Cluster } from "../../topology/model.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, perNodeFix, setFix } from "../finding.ts";
import { childOf, hasChild, sourceAt } from "../source.ts";

const cluster = (perNode: string, maxPods: string): string => `cluster prod {
  pods 10.244.0.0/16 per-node ${perNode}
  services 10.96.0.0/12
  max-pods ${maxPods}
  cni flannel { backend vxlan }
}
`;

export const maxPods: Check = {
  code: "KN404",
  name: "max-pods-above-block",
  family: "capacity",
  severity: "warning",
  summary: "kubelet may start more pods on a node than its pod range has addresses.",
  documentation: `host-local gives out all addresses of a node's range but the network address, the broadcast address and the bridge's own: 253 of a /24,
125 of a /25, 61 of a /26. kube-scheduler only looks at kubelet's \`maxPods\` (110), so pods beyond that stay in ContainerCreating with *no
IP addresses available in range set*, on this node, while others have room.

A block should hold twice \`maxPods\`, since addresses of finished pods are given out again only after all others: /24 for 110.`,
  example: { bad: cluster("/26", "110"), good: cluster("/24", "110") },
  *run({ topology, found }: CheckContext): Iterable<Finding> {
    // There are more pods already.
    const short = new Set(found("KN402").map(({ source }) => source.statement));
    for (const one of topology.clusters) {
      if (one.podCidrs.some(({ source }) => short.has(source.statement))) continue;
      for (const block of blocks(one)) {
        if (block.usable >= one.maxPods) continue;
        const source = hasChild(one.source, "max-pods") ? childOf(one.source, "max-pods", 0) : block.source;
        yield finding(
          maxPods,
          source,
          `max-pods is ${number(one.maxPods)}, but a node's /${block.len} has addresses for ${number(block.usable)} pods: the others stay in ContainerCreating; use ${block.better} per node, or max-pods ${number(block.usable)}`,
          {
            related: [
              { source: block.source, message: `nodes get blocks of /${block.len} from ${formatPrefix(block.within)}` },
            ],
            fixes: [
              ...perNodeFix(`Give each node a ${block.better}`, block.source, block.better),
              setFix(`Allow ${number(block.usable)} pods on a node`, one.source, "max-pods", String(block.usable)),
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
  readonly source: Source;
}

function* blocks(of: Cluster): Iterable<Block> {
  const addressing = modeOf(of.cni.plugin).addressing(of.cni, of.podCidrs, of.maxPods);
  // Where nodes claim blocks as they need them, a block is no limit.
  if (addressing.claims !== undefined) return;
  for (const { within, perNode, first, sameForAll } of addressing.nodeRanges) {
    if (sameForAll || perNode < within.len) continue;
    const size = (len: number): number => {
      const range = addressing.usable({ ip: first, len });
      return range ? Number(rangeSize(range)) : 0;
    };
    // Modes without a bridge of their own give no addresses here.
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

/** The length behind `per-node`, where it is written. */
export function perNodeOf(source: Source): Source {
  const index = source.statement.args.findIndex((arg) => arg.text === "per-node");
  return index < 0 || source.statement.args[index + 1] === undefined ? source : sourceAt(source, index + 1);
}
