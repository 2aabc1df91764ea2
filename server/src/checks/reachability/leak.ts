import { formatIp, formatPrefix } from "../../addressing/ip.ts";
import { nodeAddress } from "../../cni/peers.ts";
import type { Journey, Reason } from "../../dataplane/journey.ts";
import { argument, keywordOf, sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import { reasonOf, reportCauses, whoCannot } from "../../findings/causes.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { twoRacks } from "../../findings/examples/nodes.ts";
import { machineAt } from "../../findings/machines.ts";
import { type Fix, removeFix, replaceFix, setFix } from "../../fixes/fix.ts";
import { routerFixes } from "../../fixes/reachability.ts";
import { leakOf, misledBy, tableOf } from "../../questions/blame.ts";
import { list, plural } from "../../text/format.ts";
import { phrase, t, translated } from "../../text/l10n.ts";
import type { Cluster } from "../../topology/model.ts";

/** Plugin settings that install routes to the pods, with the title of the fix that enables them. */
const SWITCHES: Readonly<Record<string, string>> = {
  routes: phrase("Add routes between nodes"),
  "cloud-routes": phrase("Add cloud routes to the nodes' pods"),
};

export const leak: Check<"KN209"> = {
  code: "KN209",
  name: "pod-route-missing",
  family: "reachability",
  severity: "error",
  summary: "Packets to pods follow the default route or loop.",
  documentation: `## What happens

On Linux, a packet without a specific route is not dropped: it follows the default route to the gateway. A router without
routes to the pod CIDRs replies with *network unreachable*, forwards the packet toward the internet, or, if its own route
points back, causes a routing loop until the TTL expires.

## How to fix it

Every node needs a route to every other node's pod CIDR. The CNI plugin installs these routes unless they are disabled;
otherwise, the routers must have them.`,
  example: {
    bad: twoRacks("cni bridge { routes false }"),
    good: twoRacks("cni bridge { routes false }", {
      router: "route 10.244.0.0/24 via 192.168.10.11\nroute 10.244.1.0/24 via 192.168.20.12",
    }),
  },
  run: (context: CheckContext) =>
    reportCauses(leak, context, {
      kind: "route",
      message: (cause) => {
        const { failed, probe, reason } = cause.example;
        const keyword = keywordOf(cause.source);
        const [first] = cause.source.decl.values;
        const dst = failed.steps.at(-1)?.packet.dst;
        const misled = dst === undefined ? undefined : misledBy(cause.source.decl, dst, probe.cluster);
        if (misled && first)
          return t`this route sends packets for pods on node \`${misled.owner.path}\` (${first.text}) to node \`${misled.to.path}\`: ${whoCannot(cause)}`;
        if (keyword === "route" && !isLoop(reason)) {
          const to = dst === undefined ? t`pods` : formatIp(dst);
          return t`this route sends packets to ${to} away from the pod network, so ${whoCannot(cause)}: ${reasonOf(cause)}`;
        }
        const router =
          keyword === "router" ? context.topology.routers.find(({ path }) => path === reason?.netns) : undefined;
        if (router) {
          const { known, missing } = tableOf(probe.cluster, router);
          const without = list(missing.map(({ node, prefix }) => `\`${node.path}\` (${formatPrefix(prefix)})`));
          return t`router \`${router.path}\` has routes to pods on ${plural(known, "node")} of cluster \`${probe.cluster.name}\`, but not on ${without}: ${whoCannot(cause)}`;
        }
        if (keyword === "pool") {
          return t`${whoCannot(cause)}: ${reasonOf(cause)}, and pool \`${first?.text ?? ""}\` sends packets to other subnets without a tunnel; use a tunnel between subnets, or advertise the blocks to the routers over BGP`;
        }
        if (isLoop(reason))
          return t`${whoCannot(cause)} because of a routing loop: ${reasonOf(cause)}; fix the routes along the path`;
        const step = leakOf(failed, probe.cluster, context.open);
        return step
          ? t`${whoCannot(cause)}: ${machineAt(context.topology, step.netns)} has no route to ${formatIp(step.packet.dst)} and uses its default gateway, and ${reasonOf(cause)}`
          : t`${whoCannot(cause)}: the packet follows a default route, and ${reasonOf(cause)}`;
      },
      fixes: ({ source, example: { probe, reason, failed } }) => [
        ...rightFixes(source, failed, probe.cluster),
        ...(source.decl.spec?.keyword === "route" ? [removeFix(t`Remove this route`, sourceAt(source, "whole"))] : []),
        ...switchFixes(source),
        ...(source.decl.spec?.keyword === "pool" ? tunnelFixes(source) : []),
        ...(reason?.code === "no-route" ? routerFixes(context.topology, probe.cluster, reason.netns) : []),
      ],
    }),
};

/** Turns a setting on that adds the missing routes. */
function switchFixes(source: Origin): readonly Fix[] {
  const title = SWITCHES[keywordOf(source) ?? ""];
  return title === undefined ? [] : [replaceFix(translated(title), sourceAt(source, 0), "true")];
}

function isLoop(reason: Reason | undefined): boolean {
  return reason?.code === "ttl-exceeded" || reason?.code === "step-limit" || reason?.code === "tunnel-loop";
}

/** Replaces the next hop of a route that points to the wrong node. */
function rightFixes(source: Origin, { steps }: Journey, cluster: Cluster): readonly Fix[] {
  const dst = steps.at(-1)?.packet.dst;
  const owner = dst === undefined ? undefined : misledBy(source.decl, dst, cluster)?.owner;
  const via = argument(source, "via");
  const address = owner && nodeAddress(owner, typeof dst === "number" ? 4 : 6)?.ip;
  if (!owner || address === undefined || !via) return [];
  return [replaceFix(t`Change next hop to ${formatIp(address)} (\`${owner.name}\`)`, via, formatIp(address))];
}

function tunnelFixes(pool: Origin): readonly Fix[] {
  return [
    setFix(t`Use VXLAN between subnets`, pool, "vxlan", "cross-subnet"),
    setFix(t`Use IPIP between subnets`, pool, "ipip", "cross-subnet"),
  ];
}
