import { formatPrefix, prefixOf } from "../../addressing/ip.ts";
import type { Source } from "../../language/tree.ts";
import type { Cluster } from "../../topology/model.ts";
import type { Check } from "../check.ts";
import { twoRacks } from "../examples.ts";
import { removeFix } from "../finding.ts";
import { directionIn, sourceAt } from "../source.ts";
import { wayThrough, whatDied } from "./causes.ts";
import { reportCauses, whoCannot } from "./report.ts";

export const acl: Check & { readonly code: "KN205" } = {
  code: "KN205",
  name: "blocked-by-access-list",
  family: "reachability",
  severity: "error",
  summary: "An access list drops what the cluster's nodes or pods send each other.",
  documentation: `A tunnel needs its port open between all nodes, both ways: UDP 8472 (flannel's VXLAN), 4789 (Calico, Windows), 8285 (flannel's udp backend), protocol 4 (IPIP), UDP
51820 (WireGuard), protocol 50 and UDP 500 (IPsec; UDP 500 and 4500 where ESP travels in UDP). Where it is closed pods of one node meet, those of different nodes do not, DNS works now and then, and nobody gets an
error. Without a tunnel the access list must let the pod addresses pass.

Put an \`allow\` before the rule. An access list against pods on purpose is better written as a NetworkPolicy.`,
  example: {
    bad: twoRacks("cni flannel { backend vxlan }", { router: "deny udp port 8472" }),
    good: twoRacks("cni flannel { backend vxlan }", { router: "deny tcp port 22" }),
  },
  run: (context) =>
    reportCauses(
      acl,
      context,
      (cause) =>
        `this rule drops ${whatDied(cause.example.failed)} at ${cause.example.reason?.netns ?? "a station"}, so ${whoCannot(cause)}; put ${wayThrough(cause.example.failed)} before it`,
      ({ source, example }) => {
        const rule = sourceAt(source, "whole");
        const way = wayThrough(example.failed);
        const allow = way.startsWith("allow ") ? way : podsAllowed(source, example.probe.cluster);
        return [
          { title: `Put "${allow}" before it`, edits: [{ kind: "before" as const, source: rule, text: allow }] },
          removeFix("Remove the rule", rule),
        ];
      },
    ),
};

/** What a list against everybody has to say of bare pods: they and their nodes may send to them. */
function podsAllowed({ statement }: Source, { podCidrs, nodes }: Cluster): string {
  const pods = podCidrs.map(({ prefix }) => formatPrefix(prefix));
  const own = nodes.flatMap(({ interfaces }) =>
    interfaces.flatMap(({ addresses }) => addresses.map(({ ip, len }) => formatPrefix(prefixOf(ip, len)))),
  );
  return `allow any${directionIn(statement)} from ${[...new Set([...pods, ...own])].join(" ")} to ${pods.join(" ")}`;
}
