/** Fixes of several reachability checks. */
import { formatIp, formatPrefix } from "../../addressing/ip.ts";
import { nodeAddress } from "../../cni/peers.ts";
import type { Source, Statement } from "../../language/tree.ts";
import type { Cluster, Interface, Topology } from "../../topology/model.ts";
import type { Fix } from "../check.ts";
import { appendEdit, appendFix, removeFix, setFix } from "../finding.ts";
import { sourceAt } from "../source.ts";
import { tableOf } from "./blame.ts";
import type { Cause } from "./causes.ts";

/** Routes or lines of one fix. */
const MOST_EDITS = 16;

/** A route that drops, a chain that drops, a router that knows no pods: what can be said of a lost packet's end. */
export function lostFixes(topology: Topology, cause: Cause): readonly Fix[] {
  const { reason, probe } = cause.example;
  const { cni } = probe.cluster;
  switch (reason?.code) {
    case "filtered":
      return [setFix("Accept what is forwarded (forward-policy accept)", cni.source, "forward-policy", "accept")];
    case "blackhole-route":
    case "unreachable-route":
    case "prohibit-route":
      return reason.origin ? [removeFix("Remove the route", sourceAt(reason.origin, "whole"))] : [];
    case "no-route":
      return routerFixes(topology, probe.cluster, reason.netns);
    default:
      return [];
  }
}

/** A route for every node's pods on the router that had none, or for those that it lacks. */
export function routerFixes({ routers }: Topology, cluster: Cluster, netns: string): readonly Fix[] {
  const router = routers.find(({ path }) => path === netns);
  if (!router) return [];
  const { known, missing } = tableOf(cluster, router);
  if (missing.length > MOST_EDITS) return [];
  const routes = missing.flatMap(({ node, prefix }) => {
    const via = nodeAddress(node, typeof prefix.ip === "number" ? 4 : 6)?.ip;
    return via === undefined ? [] : [`route ${formatPrefix(prefix)} via ${formatIp(via)}`];
  });
  if (routes.length === 0) return [];
  const which = known > 0 ? "a route to the other nodes' pods" : "a route to every node's pods";
  return [appendFix(`Give router ${router.path} ${which}`, router.source, routes.join("\n"))];
}

/** One line for each place where nodes are attached to the segment by such an interface. */
export function attachedFix(
  title: string,
  cluster: Cluster,
  isMeant: (one: Interface) => boolean,
  line: string,
): readonly Fix[] {
  const places = new Map<Statement, Source>();
  for (const { interfaces } of cluster.nodes)
    for (const one of interfaces) if (isMeant(one)) places.set(one.source.statement, sourceAt(one.source, "whole"));
  if (places.size === 0 || places.size > MOST_EDITS) return [];
  return [{ title, edits: [...places.values()].map((source) => appendEdit(source, line)) }];
}
