import { childOf } from "../../declared/navigate.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

const cluster = (nodes: number): string => `segment lan { cidr 10.128.0.0/16; gateway 10.128.0.1 }
cluster big {
  pods 10.0.0.0/10 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  nodes w 1..${nodes} { attach lan }
}
`;

export const scale: Check<"KN407"> = {
  code: "KN407",
  name: "cluster-scale",
  family: "capacity",
  severity: "info",
  summary: "A cluster exceeds the size that Kubernetes is tested with.",
  documentation: `## What happens

Kubernetes is designed for clusters that are within all of these limits: 110 pods per node, 5,000 nodes, and 150,000
pods. Within these limits, Kubernetes achieves its service level objectives. Larger clusters are possible, but without
any guarantee, and most installations reach other limits first.

## How to fix it

Use several smaller clusters, or test the cluster at its planned size. To suppress this diagnostic, add a \`knet-ignore\`
comment.

## References

- kubernetes.io, *Considerations for large clusters*
- kubernetes/community, \`sig-scalability/configs-and-limits/thresholds.md\``,
  example: { bad: cluster(5001), good: cluster(5000) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const { name, nodes, pods, maxPods, source } of topology.clusters) {
      const over = [
        { count: nodes.length, most: 5000, text: plural(nodes.length, "node") },
        { count: pods.count, most: 150_000, text: plural(pods.count, "pod") },
      ].filter(({ count, most }) => count > most);
      for (const { most, text } of over) {
        yield finding(
          scale,
          source,
          t`cluster \`${name}\` has ${text}, but Kubernetes is tested with at most ${number(most)}`,
        );
      }
      if (maxPods > 256) {
        yield finding(
          scale,
          childOf(source, "max-pods", 0),
          t`\`max-pods\` ${number(maxPods)} of cluster \`${name}\` is far above the 110 pods per node that Kubernetes is tested with`,
        );
      }
    }
  },
};
