import { number } from "../../text/words.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding } from "../finding.ts";
import { childOf } from "../source.ts";

const cluster = (nodes: number): string => `segment lan { cidr 10.128.0.0/16; gateway 10.128.0.1 }
cluster big {
  pods 10.0.0.0/10 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  nodes w 1..${nodes} { attach lan }
}
`;

export const scale: Check = {
  code: "KN407",
  name: "cluster-scale",
  family: "capacity",
  severity: "info",
  summary: "A cluster is larger than Kubernetes is tested for.",
  documentation: `"Considerations for large clusters" (kubernetes.io) names the envelope in which Kubernetes meets its service levels: 110 pods a node, 5,000
nodes, 150,000 pods, all at the same time. These are no hard limits; beyond them nobody promises anything, and most installations meet others
first.`,
  example: { bad: cluster(5001), good: cluster(5000) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const { name, nodes, pods, maxPods, source } of topology.clusters) {
      const over = [
        { count: nodes.length, most: 5000, what: "nodes" },
        { count: pods.count, most: 150_000, what: "pods" },
      ].filter(({ count, most }) => count > most);
      for (const { count, most, what } of over) {
        yield finding(
          scale,
          source,
          `cluster ${name} has ${number(count)} ${what}; Kubernetes is tested with up to ${number(most)}`,
        );
      }
      if (maxPods > 256) {
        yield finding(
          scale,
          childOf(source, "max-pods", 0),
          `max-pods ${number(maxPods)} of cluster ${name} is far above the 110 pods a node that Kubernetes is tested with`,
        );
      }
    }
  },
};
