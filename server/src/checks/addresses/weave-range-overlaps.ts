import { formatPrefix, parsePrefix } from "../../addressing/ip.ts";
import type { Check } from "../check.ts";
import { setFix } from "../finding.ts";
import { clusterAt, nodeAt } from "../topology.ts";
import { nextFree } from "./free.ts";

const lan = (cidr: string, address: string): string => `segment lan { cidr ${cidr} }
cluster prod {
  cni weave
  node n1 { attach lan ${address} }
}
`;

export const weaveRangeOverlaps: Check = {
  code: "KN165",
  name: "weave-range-overlaps",
  family: "addresses",
  severity: "error",
  summary: "Weave's range overlaps a network of its nodes.",
  documentation: `Weave's default range 10.32.0.0/12 goes from 10.32.0.0 to 10.47.255.255, in the middle of what companies use. The launcher compares it with the host's routes
(\`weaveutil netcheck\` in \`prog/weave-kube/launch.sh\`) and ends with *Network … overlaps with existing route*, so that the node has no
pod network.`,
  example: { bad: lan("10.40.0.0/16", "10.40.0.11"), good: lan("10.50.0.0/16", "10.50.0.11") },
  message: ({ range, node, route }) =>
    `Weave does not start on ${node}: "Network ${range} overlaps with existing route ${route} on host"; give it another range`,
  fixes: ({ range, node }, source, { topology }) => {
    const prefix = parsePrefix(String(range))?.prefix;
    const free =
      prefix &&
      nextFree(
        topology,
        prefix,
        nodeAt(topology, String(node))?.routes.flatMap(({ dst }) => (dst.len > 0 ? [dst] : [])),
      );
    const cni = clusterAt(topology, source)?.cni.source;
    return free && cni
      ? [setFix(`Use ${formatPrefix(free)}, the next free range of this size`, cni, "range", formatPrefix(free))]
      : [];
  },
};
