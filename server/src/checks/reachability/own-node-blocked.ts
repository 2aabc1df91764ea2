import { formatPrefix } from "../../addressing/ip.ts";
import { directionIn, sourceAt } from "../../declared/navigate.ts";
import { wholeText } from "../../declared/text.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { finding } from "../../findings/finding.ts";
import { queriesOfConnection } from "../../findings/half-open.ts";
import { hopsOf } from "../../findings/hops.ts";
import type { Fix } from "../../fixes/fix.ts";
import { type Lost, lostToOwnNode } from "../../questions/connections/lost.ts";
import { t } from "../../text/l10n.ts";
import type { AclRule } from "../../topology/model.ts";

const firewall = (rules: string): string => {
  const guard = `daemon kubelet { listen 10250/tcp }
    allow any in from ${rules}
    deny any in`;
  return twoNodes("cni flannel { backend vxlan }")
    .replace("192.168.10.11 }", `192.168.10.11\n    ${guard}\n  }`)
    .replace("192.168.10.12 }", `192.168.10.12\n    ${guard}\n  }`);
};

/** Maximum number of edits in one fix. */
const MOST_EDITS = 16;

export const ownNodeBlocked: Check<"KN251"> = {
  code: "KN251",
  name: "own-node-blocked",
  family: "reachability",
  severity: "warning",
  summary: "Pods can reach every node except their own.",
  documentation: `## What happens

A host firewall accepts packets from the addresses of the nodes. Packets from pods to other nodes are masqueraded and carry a node's
address, so they are accepted. Packets to the pod's own node are not masqueraded: the firewall sees the pod's address and drops them.
The result depends on where a pod runs: metrics-server, for example, reads the metrics of all kubelets except one.

## How to fix it

Accept packets from the pod CIDR in the firewall of each node.`,
  example: { bad: firewall("192.168.10.0/24"), good: firewall("192.168.10.0/24 10.244.0.0/16") },
  *run(context) {
    for (const one of lostToOwnNode(context)) {
      const { example, alike, journey, rule, station } = one;
      if (!rule || !station) continue;
      yield finding(
        ownNodeBlocked,
        rule.source,
        t`this rule drops packets from pods of node \`${station.path}\` to the node itself: ${example.from.name} reaches ${alike.name}, but not ${example.name}`,
        {
          related: hopsOf(journey, context.topology),
          fixes: allowPods(one, rule),
          queries: queriesOfConnection(example),
        },
      );
    }
  },
};

/** Above this rule, and above the same rule of the other nodes. */
function allowPods({ example }: Lost, rule: AclRule): readonly Fix[] {
  const { cluster } = example.from;
  const ranges = cluster?.podCidrs.map(({ prefix }) => formatPrefix(prefix)) ?? [];
  if (ranges.length === 0 || !cluster) return [];
  const text = `allow any${directionIn(rule.source.decl)} from ${ranges.join(" ")}`;
  const written = wholeText(rule.source.decl);
  const places = new Map(
    cluster.nodes.flatMap(({ acl }) => {
      const same = acl.find(({ source }) => wholeText(source.decl) === written);
      return same ? [[same.source.decl.handle, sourceAt(same.source, "whole")] as const] : [];
    }),
  );
  if (places.size > MOST_EDITS) return [];
  const title = places.size === 1 ? t`Add \`${text}\` above this rule` : t`Add \`${text}\` on each of these nodes`;
  return [{ title, edits: [...places.values()].map((source) => ({ kind: "before", source, text })) }];
}
