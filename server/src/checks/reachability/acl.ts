import { formatPrefix, prefixOf } from "../../addressing/ip.ts";
import type { Decl } from "../../declared/decl.ts";
import { directionIn, keywordOf, sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import { reportCauses, whoCannot } from "../../findings/causes.ts";
import type { Check } from "../../findings/check.ts";
import { twoRacks } from "../../findings/examples/nodes.ts";
import { whatDied } from "../../findings/hops.ts";
import { machineAt } from "../../findings/machines.ts";
import { wayThrough } from "../../fixes/allow.ts";
import { type Fix, removeFix, replaceFix } from "../../fixes/fix.ts";
import { lostToServices } from "../../questions/replay.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Topology } from "../../topology/model.ts";

export const acl: Check<"KN205"> = {
  code: "KN205",
  name: "blocked-by-access-list",
  family: "reachability",
  severity: "error",
  summary: "An access list drops traffic between nodes or pods of a cluster.",
  documentation: `## What happens

A tunnel needs its port or protocol open between all nodes, in both directions:

- VXLAN: UDP 8472 (flannel) or 4789 (Calico, Windows)
- flannel's \`udp\` backend: UDP 8285
- IP-in-IP: protocol 4
- WireGuard: UDP 51820
- IPsec: protocol 50 (ESP) and UDP 500, or UDP 500 and 4500 if ESP is encapsulated in UDP

If an access list blocks it, pods on the same node reach each other, but pods on different nodes do not, DNS works only
intermittently, and no error is reported. Without a tunnel, the access list must allow the pod addresses.

## How to fix it

Add an \`allow\` rule above the rule that drops the packets. To isolate pods on purpose, use a NetworkPolicy instead of an
access list.`,
  example: {
    bad: twoRacks("cni flannel { backend vxlan }", { router: "deny udp port 8472" }),
    good: twoRacks("cni flannel { backend vxlan }", { router: "deny tcp port 22" }),
  },
  run: (context) =>
    reportCauses(acl, context, {
      kind: "acl",
      message: (cause) => {
        const { failed, reason } = cause.example;
        const lost = whatDied(failed);
        const segment = segmentOf(context.topology, cause.source);
        if (segment !== undefined)
          return t`segment \`${segment}\` drops ${lost}: ${whoCannot(cause)}; use a protocol and a port that the network carries`;
        const machine = machineAt(context.topology, reason?.netns);
        if (keywordOf(cause.source) === "stateful")
          return t`the stateful firewall of ${machine} drops ${lost} because it has not seen the connection: ${whoCannot(cause)}; route both directions through it`;
        const allow = allowing(cause.source, wayThrough(failed));
        if (directionOf(cause.source.decl) !== "")
          return allow === ""
            ? t`this policy drops ${lost} on ${machine}: ${whoCannot(cause)}; add an \`allow\` rule for these packets`
            : t`this policy drops ${lost} on ${machine}: ${whoCannot(cause)}; add \`${allow}\``;
        return allow === ""
          ? t`this rule drops ${lost} on ${machine}: ${whoCannot(cause)}; add an \`allow\` rule for these packets above it`
          : t`this rule drops ${lost} on ${machine}: ${whoCannot(cause)}; add \`${allow}\` above it`;
      },
      fixes: ({ source, example }) => {
        const rule = sourceAt(source, "whole");
        if (keywordOf(source) === "stateful") return [removeFix(t`Remove \`stateful\``, rule)];
        if (segmentOf(context.topology, source) !== undefined) return [removeFix(t`Remove this rule`, rule)];
        const isPolicy = directionOf(source.decl) !== "";
        const way = allowing(source, wayThrough(example.failed));
        const allow = way || podsAllowed(source, example.probe.cluster);
        return [
          {
            title: isPolicy ? t`Add \`${allow}\`` : t`Add \`${allow}\` above this rule`,
            edits: [{ kind: "before" as const, source: rule, text: allow }],
          },
          ...(way === "" && example.probe.cluster.podCidrs.length > 0 ? [anyToPods(rule, example.probe.cluster)] : []),
          isPolicy
            ? replaceFix(t`Set \`${keywordOf(source) ?? ""} accept\``, sourceAt(source, 0), "accept")
            : removeFix(t`Remove this rule`, rule),
        ];
      },
      queries: ({ source, example }) => lostToServices(context, example.probe.cluster, source.decl),
    }),
};

/** The name of the segment whose network has this rule. */
function segmentOf({ segments }: Topology, { decl }: Origin): string | undefined {
  for (const { name, denies = [] } of segments.values())
    if (denies.some(({ source }) => source.decl.handle === decl.handle)) return name;
  return undefined;
}

/** A rule for the chain of a policy needs the direction. */
function allowing({ decl }: Origin, rule: string): string {
  return rule.replace(/^allow \S+/, (start) => start + directionOf(decl));
}

function directionOf(decl: Decl): string {
  const keyword = decl.spec?.keyword;
  return keyword === "input-policy" ? " in" : keyword === "forward-policy" ? " forward" : "";
}

/** Rules that allow all packets from and to pods, like flannel's FLANNEL-FWD: clients of services are outside of the cluster. */
function anyToPods(rule: Origin, { podCidrs }: Cluster): Fix {
  const pods = podCidrs.map(({ prefix }) => formatPrefix(prefix)).join(" ");
  const line = `allow any${directionOf(rule.decl) || directionIn(rule.decl)}`;
  return {
    title: directionOf(rule.decl)
      ? t`Allow all packets from and to ${pods}`
      : t`Allow all packets from and to ${pods} above this rule`,
    edits: [`${line} from ${pods}`, `${line} to ${pods}`].map((text) => ({ kind: "before", source: rule, text })),
  };
}

/** A rule that allows packets to pods without a tunnel, from the cluster's pods and nodes. */
function podsAllowed({ decl }: Origin, { podCidrs, nodes }: Cluster): string {
  const pods = podCidrs.map(({ prefix }) => formatPrefix(prefix));
  const own = nodes.flatMap(({ interfaces }) =>
    interfaces.flatMap(({ addresses }) => addresses.map(({ ip, len }) => formatPrefix(prefixOf(ip, len)))),
  );
  return `allow any${directionOf(decl) || directionIn(decl)} from ${[...new Set([...pods, ...own])].join(" ")} to ${pods.join(" ")}`;
}
