import { formatIp, formatPrefix } from "../../addressing/ip.ts";
import { nodeAddress } from "../../cni/peers.ts";
import type { Journey, Reason } from "../../dataplane/journey.ts";
import type { Source } from "../../language/tree.ts";
import { list, plural } from "../../text/words.ts";
import type { Cluster } from "../../topology/model.ts";
import type { Check, CheckContext, Fix } from "../check.ts";
import { twoRacks } from "../examples.ts";
import { removeFix, replaceFix, setFix } from "../finding.ts";
import { sourceAt } from "../source.ts";
import { leakOf, misledBy, tableOf } from "./blame.ts";
import { routerFixes } from "./mend.ts";
import { reportCauses, whoCannot } from "./report.ts";

/** Settings of plugins that say who has routes to the pods. */
const SWITCHES: Readonly<Record<string, string>> = {
  routes: "Let each node have routes to the others",
  "cloud-routes": "Let the cloud have routes to the nodes' pods",
};

export const leak: Check & { readonly code: "KN209" } = {
  code: "KN209",
  name: "pod-route-missing",
  family: "reachability",
  severity: "error",
  summary: "Packets for pods leave by the default route, or go round in circles.",
  documentation: `A missing route does not drop a packet on Linux: it follows the default route to the gateway. A router that knows no pod ranges answers with *network
unreachable*, sends it on towards the Internet, or, if its own route points back, lets it circle until its TTL is used up.

Every node needs a route to every other node's pod range (the CNI's work, unless its routes are switched off), or the routers do.`,
  example: {
    bad: twoRacks("cni bridge { routes off }"),
    good: twoRacks("cni bridge { routes off }", {
      router: "route 10.244.0.0/24 via 192.168.10.11\nroute 10.244.1.0/24 via 192.168.20.12",
    }),
  },
  run: (context: CheckContext) =>
    reportCauses(
      leak,
      context,
      (cause) => {
        const { failed, probe, reason } = cause.example;
        const { keyword, args } = cause.source.statement;
        const dst = failed.steps.at(-1)?.packet.dst;
        const misled = dst === undefined ? undefined : misledBy(cause.source.statement, dst, probe.cluster);
        if (misled && args[0])
          return `this route sends what is for pods of node ${misled.owner.name} (${args[0].text}) to node ${misled.to.name}, so ${whoCannot(cause)}; lead it to ${misled.owner.name}`;
        if (keyword.text === "route" && !isLoop(reason))
          return `this route takes packets to ${dst === undefined ? "pods" : formatIp(dst)} out of the pod network, so ${whoCannot(cause)}: ${reason?.message ?? "it is lost"}; remove it`;
        const router =
          keyword.text === "router" ? context.topology.routers.find(({ path }) => path === reason?.netns) : undefined;
        if (router) {
          const { known, missing } = tableOf(probe.cluster, router);
          return `router ${router.path} has routes to the pods of ${plural(known, "node")} of cluster ${probe.cluster.name} and none to those of ${list(missing.map(({ node, prefix }) => `${node.name} (${formatPrefix(prefix)})`))}, so ${whoCannot(cause)}; add them`;
        }
        if (keyword.text === "pool") {
          return `${whoCannot(cause)}: ${reason?.message ?? "it is lost on the way"}, and pool ${args[0]?.text ?? ""} sends packets to other subnets there without a tunnel; give the pool ipip cross-subnet or vxlan cross-subnet, or let the routers learn the blocks by BGP`;
        }
        if (isLoop(reason))
          return `${whoCannot(cause)}: the packet goes in circles, ${reason?.message ?? ""}; correct the routes on its way`;
        const step = leakOf(failed, probe.cluster, context.open);
        const where = step
          ? `${step.netns} has no route to ${formatIp(step.packet.dst)} and sends it to its default gateway`
          : "it follows a default route";
        return `${whoCannot(cause)}: ${where}, and ${reason?.message ?? "it is lost there"}; let the CNI make the routes, or give them to the routers`;
      },
      ({ source, example: { probe, reason, failed } }) => [
        ...rightFixes(source, failed, probe.cluster),
        ...(source.statement.keyword.text === "route"
          ? [removeFix("Remove the route", sourceAt(source, "whole"))]
          : []),
        ...(Object.hasOwn(SWITCHES, source.statement.keyword.text)
          ? [replaceFix(SWITCHES[source.statement.keyword.text] ?? "", sourceAt(source, 0), "on")]
          : []),
        ...(source.statement.keyword.text === "pool" ? tunnelFixes(source) : []),
        ...(reason?.code === "no-route" ? routerFixes(context.topology, probe.cluster, reason.netns) : []),
      ],
    ),
};

function isLoop(reason: Reason | undefined): boolean {
  return reason?.code === "ttl-exceeded" || reason?.code === "step-limit" || reason?.code === "tunnel-loop";
}

/** A route that leads to another node: the right one's address in its place. */
function rightFixes(source: Source, { steps }: Journey, cluster: Cluster): readonly Fix[] {
  const { statement } = source;
  const dst = steps.at(-1)?.packet.dst;
  const owner = dst === undefined ? undefined : misledBy(statement, dst, cluster)?.owner;
  const via = statement.args.findIndex(({ text }) => text === "via");
  const address = owner && nodeAddress(owner, typeof dst === "number" ? 4 : 6)?.ip;
  if (!owner || address === undefined || via < 0) return [];
  return [replaceFix(`Lead it to ${formatIp(address)} of ${owner.name}`, sourceAt(source, via + 1), formatIp(address))];
}

function tunnelFixes(pool: Source): readonly Fix[] {
  return [
    setFix("Use VXLAN between subnets", pool, "vxlan", "cross-subnet"),
    setFix("Use IPIP between subnets", pool, "ipip", "cross-subnet"),
  ];
}
