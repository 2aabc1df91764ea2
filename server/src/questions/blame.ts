/** Attributes a lost packet to a place in the file. */

import { formatPrefix, type Ip, type Prefix, prefixContains } from "../addressing/ip.ts";
import { forwardingOf } from "../cni/sysctls.ts";
import type { Journey, Step } from "../dataplane/journey.ts";
import type { Network } from "../dataplane/model.ts";
import { familyOf, innerOf } from "../dataplane/packet.ts";
import { routesOf } from "../dataplane/print.ts";
import { all, has, oneOf } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import type { Handle } from "../declared/handle.ts";
import { childOf, childrenAt, prefixAt, prefixIn, sourceAt, within } from "../declared/navigate.ts";
import { type Origin, sourceIn } from "../declared/origin.ts";
import type { Cluster, Interface, Node, Router, Segment, Station, Topology } from "../topology/model.ts";
import type { Stations } from "../topology/stations.ts";
import type { Failure, Probe } from "./probes.ts";

/** Why packets are lost; each kind has its own check. */
export type CauseKind =
  /** The source address of packets between pods changes. */
  | "nat"
  /** An access list drops them. */
  | "acl"
  /** A security group has no rule that allows them. */
  | "group"
  /** A machine on the path does not forward, or does not reply to ARP for this reason. */
  | "forwarding-off"
  | "rp-filter"
  | "source-check"
  /** The network does not carry the tunnel's protocol. */
  | "protocol-refused"
  /** A node and the pods on its own device cannot reach each other. */
  | "stacked-apart"
  /** A BGP router does not advertise a segment. */
  | "not-advertised"
  /** A route, or a routing table without a route, sends them elsewhere. */
  | "route"
  /** Any other loss between pods, from a node to pods, and between nodes. */
  | "pods"
  | "node"
  | "nodes";

/** Kinds with one cause per place, regardless of how the packets are lost. */
const ONE_WAY: ReadonlySet<CauseKind> = new Set(["forwarding-off", "route", "not-advertised"]);

/** Kinds that differ only in the sender and the receiver. */
const GENERAL: ReadonlySet<CauseKind> = new Set(["pods", "node", "nodes"]);

export interface Blame {
  readonly kind: CauseKind;
  readonly source: Origin;
  /** Whether the place alone explains the failure, regardless of other findings. */
  readonly specific: boolean;
}

/** Failures with the same place and the same text have the same cause. */
export function causeKey({ kind, specific }: Blame, { reason }: Failure): string {
  const how = reason?.code === "no-session" ? "filtered" : (reason?.code ?? "");
  return `${GENERAL.has(kind) ? "general" : kind} ${specific && ONE_WAY.has(kind) ? "" : how}`;
}

/** The place in the file that causes a failure. */
export function attribute(failure: Failure, topology: Topology, stations: Stations, network: Network): Blame {
  const { probe, failed, reason } = failure;
  if (!reason) {
    const nat = failed.steps.find((step) => step.action === "snat");
    return { kind: "nat", source: nat?.rule?.origin ?? probe.cluster.cni.source, specific: true };
  }
  const station = stations(reason.netns);
  const stale = DECIDED.has(reason.code) ? undefined : staleEntry(failed);
  if (stale) return { kind: generalKind(probe), source: stale, specific: true };
  const stray = DECIDED.has(reason.code) ? undefined : strayRoute(failed, probe.cluster, network);
  const wrong = wrongRoute(failed, probe.cluster) ?? stray;
  if (wrong) return { kind: "route", source: wrong, specific: true };
  const silent = DECIDED.has(reason.code) ? undefined : notAdvertised(failed, topology, stations)?.router.bgp;
  if (silent) return { kind: "not-advertised", source: silent.source, specific: true };
  switch (reason.code) {
    case "filtered":
    case "rejected-by-rule":
    case "no-session":
      if (isAclRule(reason.origin)) return { kind: "acl", source: reason.origin, specific: true };
      if (isGroup(reason.origin)) return { kind: "group", source: reason.origin, specific: true };
      break;
    case "neighbour-failed": {
      if (reason.lost && isAclRule(reason.origin)) return { kind: "acl", source: reason.origin, specific: true };
      const source = silencedBy(probe, reason.netns);
      if (source) return { kind: "forwarding-off", source, specific: true };
      break;
    }
    case "stacked-apart":
      return { kind: "stacked-apart", source: probe.cluster.cni.source, specific: true };
    case "forwarding-off": {
      const packet = failed.steps.at(-1)?.packet;
      const source = station && packet ? forwardingOf(station, familyOf(packet))?.source : undefined;
      if (source) return { kind: "forwarding-off", source, specific: true };
      break;
    }
    case "reverse-path-filter":
      return {
        kind: "rp-filter",
        source: filterSetting(station, failed) ?? reason.origin ?? probe.cluster.cni.source,
        specific: true,
      };
    case "source-check":
      return {
        kind: "source-check",
        source: checkedAttach(failure, network) ?? sourceCheckOf(reason.origin) ?? probe.cluster.cni.source,
        specific: true,
      };
    case "protocol-refused":
      return { kind: "protocol-refused", source: ipipSetting(probe.cluster), specific: true };
    case "ttl-exceeded":
    case "step-limit":
    case "tunnel-loop":
      return {
        kind: "route",
        source: loopSource(failed) ?? reason.origin ?? probe.cluster.cni.source,
        specific: false,
      };
    default:
      break;
  }
  if (otherNetwork(failure)) return { kind: "nodes", source: probe.cluster.cni.source, specific: false };
  const bare = bareOf(failed, probe.cluster, network);
  if (bare) return { kind: "route", source: bare, specific: false };
  const table = station && incompleteTable(failure, station);
  if (table) return { kind: "route", source: table, specific: false };
  const leak = leakOf(failed, probe.cluster, network);
  if (leak) return { kind: "route", source: routesSetting(probe.cluster), specific: false };
  const source = reason.origin ?? probe.cluster.cni.source;
  const last = failed.steps.at(-1)?.packet;
  const isTunnels = probe.to.imagined && last !== undefined && innerOf(last) !== undefined;
  return { kind: isTunnels ? "nodes" : generalKind(probe), source, specific: false };
}

function generalKind({ from, to }: Probe): "pods" | "node" | "nodes" {
  if (to.kind === "node" && from.kind === "node") return "nodes";
  return from.kind === "pod" ? "pods" : "node";
}

/** A neighbor or FDB entry of the file, instead of a program's, that the packet used. */
function staleEntry({ steps }: Journey): Origin | undefined {
  const used = steps.map(({ rule }) => rule?.origin);
  return used.find((origin) => origin && STATED_ENTRIES.has(origin.decl.spec?.keyword ?? ""));
}
const STATED_ENTRIES: ReadonlySet<string> = new Set(["neighbor", "fdb"]);

/** A segment of a BGP router that no router advertises, and the packet for it that another BGP router could not route. */
export interface NotAdvertised {
  readonly router: Router;
  readonly segment: Segment;
  readonly cidr: Prefix;
}

/** The destination of the outermost packet when a BGP router used its default route, or had no route. */
export function notAdvertised({ steps }: Journey, topology: Topology, stations: Stations): NotAdvertised | undefined {
  const speakers = topology.routers.filter(({ bgp }) => bgp !== undefined);
  if (speakers.length < 2) return undefined;
  for (const [index, { action, netns, packet, rule }] of steps.entries()) {
    const isLast = index === steps.length - 1 && action === "drop";
    const isDefault = action === "route" && rule?.text.startsWith("default ");
    const station = isLast || isDefault ? stations(netns) : undefined;
    if (station?.kind !== "router" || station.bgp === undefined) continue;
    if (speakers.some(({ bgp }) => bgp?.advertises.some((one) => isSpecific(one.prefix, packet.dst)))) continue;
    const found = attachedTo(speakers, topology, packet.dst);
    if (found && found.router !== station) return found;
  }
  return undefined;
}

function isSpecific(prefix: Prefix, ip: Ip): boolean {
  return prefix.len > 0 && prefixContains(prefix, ip);
}

function attachedTo(routers: readonly Router[], { segments }: Topology, ip: Ip): NotAdvertised | undefined {
  for (const router of routers) {
    for (const iface of router.interfaces) {
      const segment = segments.get(iface.segment);
      const cidr = segment?.cidrs.find((one) => prefixContains(one, ip));
      if (segment && cidr) return { router, segment, cidr };
    }
  }
  return undefined;
}

/** The sysctl that stops the ARP replies for the pods' gateway: proxy_arp works only with forwarding (arp_process, IN_DEV_FORWARD). */
function silencedBy({ from, to }: Probe, netns: string): Origin | undefined {
  const node = [from, to].find((end) => end.kind === "pod" && end.netns === netns)?.node;
  const set = node && forwardingOf(node, 4);
  return set?.value === "0" ? set.source : undefined;
}

/** The interface whose source check is enabled, if it is disabled on other interfaces of the cluster on the segment. */
function checkedAttach({ probe, reason, failed }: Failure, network: Network): Origin | undefined {
  const on = (node: Node): readonly Interface[] =>
    node.interfaces.filter(
      ({ segment }) => network.segment(segment)?.origin?.decl.handle === reason?.origin?.decl.handle,
    );
  const { cluster, from, to } = probe;
  if (cluster.nodes.every((node) => on(node).every(({ sourceCheck }) => sourceCheck))) return undefined;
  const last = failed.steps.at(-1)?.netns;
  const ends = [from.node, to.node].sort((a, b) => Number(b.path === last) - Number(a.path === last));
  return ends.flatMap(on).find(({ sourceCheck }) => sourceCheck)?.source;
}

/** A static route on the path that points to a node other than the owner of the destination pod. */
function wrongRoute({ steps }: Journey, cluster: Cluster): Origin | undefined {
  for (const { action, rule, packet } of steps) {
    const decl = action === "route" && !innerOf(packet) ? rule?.origin?.decl : undefined;
    if (!rule?.origin || decl?.spec?.keyword !== "route") continue;
    if (misledBy(decl, packet.dst, cluster)) return rule.origin;
  }
  return undefined;
}

/** Reasons that a machine on the path decides, regardless of the route that brought the packet there. */
const DECIDED: ReadonlySet<string> = new Set([
  "filtered",
  "rejected-by-rule",
  "no-session",
  "forwarding-off",
  "source-check",
  "protocol-refused",
]);

/** A static route of a node that hides the plugin's route to the pods: the packets that match it are lost. */
function strayRoute({ steps }: Journey, cluster: Cluster, network: Network): Origin | undefined {
  for (const { action, netns, rule, packet } of steps) {
    const decl = action === "route" && !innerOf(packet) ? rule?.origin?.decl : undefined;
    if (!rule?.origin || decl?.spec?.keyword !== "route" || decl.values[0]?.value.kind === "default-route") continue;
    const node = network.netns(netns);
    if (node?.kind !== "node" || !cluster.nodeByPodAddress(packet.dst)) continue;
    const plugins = routesOf(node, familyOf(packet)).some(
      ({ dst, origin, proto }) =>
        dst.len > 0 && proto !== "kernel" && origin?.decl.handle !== decl.handle && prefixContains(dst, packet.dst),
    );
    if (plugins) return rule.origin;
  }
  return undefined;
}

/** The node that the route points to, and the node that owns the pod, if they differ. */
export function misledBy(
  route: Decl,
  dst: Ip,
  { nodes, nodeByPodAddress }: Cluster,
): { readonly to: Node; readonly owner: Node } | undefined {
  const owner = nodeByPodAddress(dst);
  // A wider route can point to any node that forwards the packets.
  const len = prefixOfRoute(route)?.len;
  if (!owner?.podCidrs.some(({ prefix }) => prefix.len === len && prefixContains(prefix, dst))) return undefined;
  const hops = all(route, "via");
  const next = hops[0]?.value.kind === "address" ? hops[0].value.ip : undefined;
  if (next === undefined || hops.length > 1 || has(route, "dev") || has(route, "metric")) return undefined;
  const to = nodes.find(({ interfaces }) =>
    interfaces.some(({ addresses }) => addresses.some(({ ip }) => ip === next)),
  );
  return to && to !== owner ? { to, owner } : undefined;
}

/** The destination of a `route`; undefined for `default`. */
function prefixOfRoute(route: Decl): Prefix | undefined {
  return oneOf(route, "destination", "prefix")?.prefix;
}

/** A router with static routes to some of the cluster's node pod CIDRs, but not to the destination's. */
function incompleteTable({ probe, reason, failed }: Failure, station: Station): Origin | undefined {
  const dst = failed.steps.at(-1)?.packet.dst;
  if (reason?.code !== "no-route" || dst === undefined) return undefined;
  if (probe.cluster.nodes.some((node) => node.path === station.path)) return undefined;
  const { known, missing } = tableOf(probe.cluster, station);
  return known > 0 && missing.some(({ prefix }) => prefixContains(prefix, dst)) ? station.source : undefined;
}

/** The node pod CIDRs that a machine has static routes to (counted), and those without a route. */
export function tableOf(
  { nodes }: Cluster,
  { routes }: Station,
): { readonly known: number; readonly missing: readonly { readonly node: Node; readonly prefix: Prefix }[] } {
  const stated = new Set(routes.filter(({ implied }) => !implied).map(({ dst }) => formatPrefix(dst)));
  const ranges = nodes.flatMap((node) => node.podCidrs.map(({ prefix }) => ({ node, prefix })));
  const missing = ranges.filter(({ prefix }) => !stated.has(formatPrefix(prefix)));
  return { known: ranges.length - missing.length, missing };
}

/** A segment that both nodes share, if the plugin's tunnel packet was lost between other addresses of the nodes. */
export function otherNetwork({ probe, reason, failed }: Failure): string | undefined {
  const outer = failed.steps.at(-1)?.packet;
  if (!outer || !innerOf(outer) || !reason || !LOST.has(reason.code)) return undefined;
  const has = ({ interfaces }: Node, ip: Ip): boolean =>
    interfaces.some(({ addresses }) => addresses.some((one) => one.ip === ip));
  const ends = [probe.from.node, probe.to.node];
  const to = ends.find((node) => has(node, outer.dst));
  const from = ends.find((node) => node !== to);
  if (!to || !from || from === to) return undefined;
  return to.interfaces.find(
    ({ segment, addresses }) =>
      !addresses.some(({ ip }) => ip === outer.dst) && from.interfaces.some((one) => one.segment === segment),
  )?.segment;
}

const LOST: ReadonlySet<string> = new Set(["no-route", "unreachable-route", "neighbour-failed", "ttl-exceeded"]);

/** The setting that installs routes to the pods, if the plugin has one. */
function routesSetting({ cni }: Cluster): Origin {
  const cloud = childOf(cni.source, "cloud-routes");
  return cloud === cni.source ? childOf(cni.source, "routes") : cloud;
}

/** The setting that selects IP-in-IP: `ipip` of a pool, `backend ipip` of flannel. */
function ipipSetting({ cni }: Cluster): Origin {
  const found = within(
    cni.source.decl,
    ({ spec, values }) => spec?.keyword === "ipip" || values.some(({ text }) => text === "ipip"),
  );
  return found ? sourceIn(cni.source, found) : cni.source;
}

/**
 * The pool whose packets go to other subnets without a tunnel, if a router on the path has no route to its blocks: the
 * routers must learn the blocks, or the pool must encapsulate.
 */
function bareOf(journey: Journey, cluster: Cluster, network: Network): Origin | undefined {
  const { reason } = journey;
  if (cluster.cni.plugin !== "calico" || !reason || network.netns(reason.netns)?.kind !== "router") return undefined;
  if (reason.code !== "no-route" && reason.code !== "unreachable-route") return undefined;
  const { packet } = journey.steps.at(-1) ?? {};
  if (!packet || innerOf(packet)) return undefined;
  const pools = childrenAt(cluster.cni.source, "pool");
  const pool = pools.find((one) => {
    const prefix = prefixAt(prefixIn(one));
    return prefix !== undefined && prefixContains(prefix, packet.dst);
  });
  const meant = pool ?? (pools.length === 1 ? pools[0] : undefined);
  return meant && cluster.nodeByPodAddress(packet.dst) !== undefined ? sourceAt(meant, 0) : undefined;
}

/** The segment's `source-check` statement, or its `cloud` statement, which enables the check. */
function sourceCheckOf(segment: Origin | undefined): Origin | undefined {
  const own = segment && childOf(segment, "source-check");
  return own && own !== segment ? own : segment && childOf(segment, "cloud");
}

const RULES: ReadonlySet<string> = new Set(["allow", "deny", "reject", "forward-policy", "input-policy", "stateful"]);

function isAclRule(source: Origin | undefined): source is Origin {
  return RULES.has(source?.decl.spec?.keyword ?? "");
}

function isGroup(source: Origin | undefined): source is Origin {
  return source?.decl.spec?.keyword === "security-group";
}

/** The `rp_filter` setting that applies to the device on which the lost packet arrived. */
export function filterSetting(station: Station | undefined, { steps }: Journey): Origin | undefined {
  // `default` is the value of a device that is not set itself.
  const own = `net.ipv4.conf.${steps.at(-1)?.device ?? ""}.rp_filter`;
  const ofDevice = station?.sysctls.has(own) ? own : "net.ipv4.conf.default.rp_filter";
  return highestOf(station, [ofDevice, "net.ipv4.conf.all.rp_filter"]);
}

/** The setting with the highest value: the kernel uses the maximum (IN_DEV_RPFILTER is IN_DEV_MAXCONF). */
function highestOf(station: Station | undefined, names: readonly string[]): Origin | undefined {
  const settings = names.flatMap((name) => station?.sysctls.get(name) ?? []);
  const [highest] = settings.sort((a, b) => Number(b.value) - Number(a.value));
  return highest?.source;
}

/** The least specific static route in the loop: it matches packets that have no better route. */
function loopSource({ steps }: Journey): Origin | undefined {
  const times = new Map<Handle, { readonly source: Origin; count: number }>();
  for (const { action, rule } of steps) {
    const source = rule?.origin;
    if (action !== "route" || source?.decl.spec?.keyword !== "route") continue;
    const seen = times.get(source.decl.handle);
    if (seen) seen.count += 1;
    else times.set(source.decl.handle, { source, count: 1 });
  }
  const lengthOf = ({ decl }: Origin): number => prefixOfRoute(decl)?.len ?? 0;
  const looping = [...times.values()].filter(({ count }) => count > 1).map(({ source }) => source);
  return looping.sort((a, b) => lengthOf(a) - lengthOf(b))[0];
}

/** The step where a node sent a packet to a pod through its default route because it has no specific route. */
export function leakOf(journey: Journey, cluster: Cluster, network: Network): Step | undefined {
  return journey.steps.find((step) => {
    if (step.action !== "route" || step.direction !== "out" || !step.rule?.text.startsWith("default ")) return false;
    if (network.netns(step.netns)?.kind !== "node") return false;
    const { dst } = step.packet;
    return cluster.podCidrs.some(({ prefix }) => prefixContains(prefix, dst)) && innerOf(step.packet) === undefined;
  });
}
