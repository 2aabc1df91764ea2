import { formatPrefix, parsePrefix } from "../../addressing/ip.ts";
import type { Cluster, Topology } from "../../topology/model.ts";
import { nextFree } from "../addresses/free.ts";
import type { Check, Fix, FixEdit } from "../check.ts";
import { sourceAt } from "../source.ts";
import { reportCauses, whoCannot } from "./report.ts";

/** Behind it is 10.244.0.0/16, the pod range that most people have, where it is free. */
const BEFORE_USUAL = parsePrefix("10.243.0.0/16")?.prefix;

const lan = (cni: string, more = ""): string => `segment lan { cidr 192.168.10.0/24; gateway gw }
router gw { attach lan 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  ${cni}
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  pod a on n1
  pod b on n2
}${more}
`;

export const stackedApart: Check & { readonly code: "KN240" } = {
  code: "KN240",
  name: "stacked-apart",
  family: "reachability",
  severity: "warning",
  summary: "A node and its own pods cannot talk, since the pods are stacked on its interface.",
  documentation: `A macvlan or ipvlan device exchanges frames with the wire and, in some modes, with its siblings, but never with the device below it
(\`drivers/net/macvlan.c\`, \`drivers/net/ipvlan\`). So kubelet's probes of the pods of its own node fail, pods cannot use a DNS cache or another agent on their
node, and NodePorts do not lead to them; also in modes private and vepa pods of one node do not meet. It breaks the rule that agents of a
node reach the pods of that node.

Give the node a macvlan device of its own on the same interface and route the pods' range by it, use these plugins only for a second interface (Multus), or
another plugin.`,
  example: {
    bad: lan("cni macvlan { range 192.168.10.128/25 }"),
    good: lan("cni flannel { backend vxlan }"),
  },
  run: (context) =>
    reportCauses(
      stackedApart,
      context,
      (cause) =>
        `${whoCannot(cause)}: ${cause.example.reason?.message ?? "they are stacked on one interface"}; probes of the node fail, so give the node a device of its own beside the pods', or use another plugin`,
      ({ example: { probe } }) => overlayFix(context.topology, probe.cluster),
    ),
};

/** The plugin that asks nothing of the network around, with a pod range where there is none. */
export function overlayFix(topology: Topology, { cni, podCidrs }: Cluster): readonly Fix[] {
  const place = sourceAt(cni.source, "whole");
  const free = BEFORE_USUAL && nextFree(topology, BEFORE_USUAL);
  if (cni.source.statement.keyword.text !== "cni" || !free) return [];
  const edits: FixEdit[] = [{ kind: "replace", source: place, text: "cni flannel { backend vxlan }" }];
  if (podCidrs.length === 0)
    edits.unshift({ kind: "before", source: place, text: `pods ${formatPrefix(free)} per-node /24` });
  return [{ title: "Use flannel with vxlan", edits }];
}
