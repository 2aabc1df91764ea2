import { sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { farHost } from "../../findings/examples/far.ts";
import { type HalfOpenReport, reportHalfOpen, whereLost, whoReceivesNoReply } from "../../findings/half-open.ts";
import { type Fix, removeFix, setFix } from "../../fixes/fix.ts";
import { podRouteFixes, wayBackFixes } from "../../fixes/return-path.ts";
import { t } from "../../text/l10n.ts";
import type { Topology } from "../../topology/model.ts";
import { stationAt } from "../../topology/stations.ts";

const calico = (pool: string): string => farHost(`cni calico { pool p 10.244.0.0/16 { ipip always${pool} } }`);

type Unmasqueraded = Parameters<HalfOpenReport<"no-masquerade">["message"]>[0];

export const noMasquerade: Check<"KN243"> = {
  code: "KN243",
  name: "no-masquerade",
  family: "reachability",
  severity: "warning",
  summary: "Packets from pods keep the pod's address, but the network has no route back to it.",
  documentation: `## What happens

Pods can reach a host only if its replies return. Either the node masquerades the packets (the host sees the node's address), or all
routers along the return path have routes to the pod CIDR. With neither, requests arrive and replies are dropped: connections time out from pods,
although the same connection works from the node.

Masquerading is configured by \`nat-outgoing\` of a Calico IP pool (false unless set, also for the default IPv6 pool), \`ip-masq\` of
the bridge plugin, Docker, and GKE, \`external-snat\` of the AWS VPC CNI, and lists of excluded destinations (\`non-masquerade\`).

## How to fix it

Enable masquerading, or add routes to the pods' addresses to the routers.

## References

- Calico, *IP pool* (\`natOutgoing\`)
- containernetworking/plugins, *bridge plugin* (\`ipMasq\`)`,
  example: { bad: calico(""), good: calico("; nat-outgoing true") },
  run: (context) =>
    reportHalfOpen(noMasquerade, context, {
      kind: "no-masquerade",
      message: messageOf,
      fixes: (one) => fixesOf(context.peopled, one),
    }),
};

function messageOf(one: Unmasqueraded): string {
  const { setting } = one.cause;
  const who = whoReceivesNoReply(one);
  const why = whereLost(one);
  if (setting.kind === "excluded")
    return t`\`${setting.keyword} ${setting.range}\` leaves the pod's address as the source: ${who}, because ${why}`;
  return setting.pool === undefined
    ? t`packets from pods are not masqueraded (\`${setting.keyword}\`): ${who}, because ${why}`
    : t`pool \`${setting.pool}\` does not set \`${setting.keyword}\`: ${who}, because ${why}`;
}

function fixesOf(topology: Topology, one: Unmasqueraded): readonly Fix[] {
  const { setting, turn } = one.cause;
  const station = stationAt(topology, turn.reply.netns);
  const own =
    setting.kind === "off"
      ? setFix(t`Set \`${setting.keyword}\` to ${setting.value}`, setting.block, setting.keyword, setting.value)
      : removeFix(t`Remove \`${setting.keyword}\``, sourceAt(setting.source, "whole"));
  return [own, ...podRouteFixes(topology, one, station), ...(station ? wayBackFixes(topology, one, station) : [])];
}
