/** Fixes of several reachability checks. */
import { formatIp, formatPrefix, parseIp, prefixContains } from "../../addressing/ip.ts";
import { nodeAddress } from "../../cni/peers.ts";
import type { Source, Statement } from "../../language/tree.ts";
import type { Cluster, Interface, Node, Topology } from "../../topology/model.ts";
import type { Fix } from "../check.ts";
import { appendEdit, appendFix, removeFix, replaceFix, setFix } from "../finding.ts";
import { hasChild, sourceAt } from "../source.ts";
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
    case "neighbour-failed":
      return reason.origin ? maskFixes(topology, reason.origin) : [];
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

/** The plugin goes by the network on which all nodes are: flannel by its device, Calico by each node's address there. */
export function sharedNetworkFixes({ cni, nodes }: Cluster): readonly Fix[] {
  const [first, ...rest] = nodes;
  const shared = (first?.interfaces ?? []).filter(({ segment }) =>
    rest.every(({ interfaces }) => interfaces.some((one) => one.segment === segment)),
  );
  return shared.flatMap(({ segment, device }) => [
    ...(rest.every(({ interfaces }) => interfaces.some((one) => one.segment === segment && one.device === device))
      ? [setFix(`Let ${cni.plugin} use ${device}`, cni.source, "iface", device)]
      : []),
    ...ownAddresses(nodes, segment),
  ]);
}

/** In a pool a line is that of all its nodes: Calico has no words for that. */
function ownAddresses(nodes: readonly Node[], shared: string): readonly Fix[] {
  const statements = new Set(nodes.map(({ source }) => source.statement));
  if (nodes.length > MOST_EDITS || statements.size < nodes.length) return [];
  const edits = nodes.flatMap(({ interfaces, source }) => {
    const own = interfaces.find(({ segment }) => segment === shared)?.addresses[0]?.ip;
    return own === undefined || hasChild(source, "cni")
      ? []
      : [appendEdit(source, `cni calico { bgp-address ${formatIp(own)} }`)];
  });
  return edits.length < nodes.length ? [] : [{ title: `Use the nodes' addresses on ${shared}`, edits }];
}

/** An interface whose own length is shorter than its segment's takes others for neighbours. */
function maskFixes({ segments }: Topology, { file, statement }: Source): readonly Fix[] {
  const cidrs = segments.get(statement.args[0]?.text ?? "")?.cidrs ?? [];
  return statement.args.flatMap(({ text }, i) => {
    const [address = "", length] = text.split("/");
    const ip = parseIp(address);
    const own = ip === undefined ? undefined : cidrs.find((cidr) => prefixContains(cidr, ip));
    if (statement.keyword.text !== "attach" || !own || length === undefined || Number(length) >= own.len) return [];
    return [
      replaceFix(
        `Give it the segment's length, ${address}/${own.len}`,
        { file, statement, part: i },
        `${address}/${own.len}`,
      ),
    ];
  });
}
