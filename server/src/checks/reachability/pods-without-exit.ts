import { formatPrefix } from "../../addressing/ip.ts";
import { directionIn, sourceAt } from "../../declared/navigate.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { finding } from "../../findings/finding.ts";
import { queriesOfConnection } from "../../findings/half-open.ts";
import { hopsOf } from "../../findings/hops.ts";
import { type Fix, setFix } from "../../fixes/fix.ts";
import { type Lost, lostToOutside } from "../../questions/connections/lost.ts";
import { t } from "../../text/l10n.ts";

const firewall = (rules: string): string => `segment lan { cidr 192.168.1.0/24; gateway gw }
segment wan { cidr 203.0.113.0/24 }
router gw {
  attach lan 192.168.1.1
  attach wan 203.0.113.2
  route default via 203.0.113.1
  masquerade from 192.168.1.0/24 out wan
}
host internet { attach wan 203.0.113.1; answers any }
cluster home {
  pods 10.1.0.0/16
  services 10.152.183.0/24
  cni flannel { backend vxlan }
  node m1 {
    attach lan 192.168.1.21
    ${rules}
    deny any forward
  }
  pod app on m1
}
`;

export const podsWithoutExit: Check<"KN250"> = {
  code: "KN250",
  name: "pods-without-exit",
  family: "reachability",
  severity: "warning",
  summary: "Pods cannot reach the outside, although their node can.",
  documentation: `## What happens

A host with \`answers any\` represents the Internet. The node reaches it, but packets from pods are dropped: programs in pods cannot pull data,
send notifications, or resolve external names, while every test on the node itself works. A common cause is a host firewall whose
default policy drops forwarded packets (\`ufw\` with \`deny (routed)\`, Docker's \`FORWARD\` policy).

Not reported: a rule that names the pods' addresses, network policies, and an \`expect\` statement from a pod to this host that is \`blocked\`.

## How to fix it

Allow forwarded packets from the pod CIDR. To close the exit on purpose, use a network policy or state it with \`expect POD -> HOST blocked\`.`,
  example: {
    bad: firewall("allow any forward from 10.1.0.0/16 to 10.1.0.0/16"),
    good: firewall("allow any forward from 10.1.0.0/16"),
  },
  *run(context: CheckContext) {
    for (const one of lostToOutside(context)) {
      const { example, alike, journey, rule } = one;
      const why = journey.reason?.message ?? t`the packet is lost`;
      yield finding(
        podsWithoutExit,
        rule?.source ?? journey.reason?.origin ?? example.from.source,
        t`${example.from.name} cannot reach ${example.name}, but ${alike.from.name} can: ${why}`,
        {
          related: hopsOf(journey, context.topology),
          fixes: exitFixes(one),
          queries: queriesOfConnection(example),
        },
      );
    }
  },
};

function exitFixes({ example, rule, journey }: Lost): readonly Fix[] {
  const { cluster } = example.from;
  if (!cluster) return [];
  if (!rule) {
    const isFiltered = journey.reason?.code === "filtered" && journey.reason.netns === example.from.station.path;
    return isFiltered ? [setFix(t`Set \`forward-policy accept\``, cluster.cni.source, "forward-policy", "accept")] : [];
  }
  const ranges = cluster.podCidrs.map(({ prefix }) => formatPrefix(prefix));
  if (ranges.length === 0) return [];
  const text = `allow any${directionIn(rule.source.decl)} from ${ranges.join(" ")}`;
  return [
    {
      title: t`Add \`${text}\` above this rule`,
      edits: [{ kind: "before", source: sourceAt(rule.source, "whole"), text }],
    },
  ];
}
