/**
 * Why probes failed: each failure is laid at the door of one place in the file, those of one place are one cause. What is a
 * consequence of an earlier finding is left out.
 */
import type { Ip } from "../../addressing/ip.ts";
import { formatIp, isLinkLocal, parsePrefix, prefixContains } from "../../addressing/ip.ts";
import type { Journey, Step } from "../../dataplane/journey.ts";
import type { Network } from "../../dataplane/model.ts";
import { innerOf, type Packet } from "../../dataplane/packet.ts";
import type { Source, Statement } from "../../language/tree.ts";
import type { Cluster, Station, Topology } from "../../topology/model.ts";
import { planOf } from "../addresses/plan.ts";
import type { CheckContext, Code, Finding, Related } from "../check.ts";
import { childOf, headOf } from "../source.ts";
import { holds } from "../topology.ts";
import { type Failure, probesOf } from "./probes.ts";

export type ReachabilityCode =
  | "KN201"
  | "KN202"
  | "KN203"
  | "KN204"
  | "KN205"
  | "KN206"
  | "KN207"
  | "KN208"
  | "KN209"
  | "KN240";

export interface Cause {
  readonly code: ReachabilityCode;
  readonly source: Source;
  /** The failure that serves as example. */
  readonly example: Failure;
  /** Of all failures with this cause. */
  readonly pairs: number;
  readonly nodes: boolean;
}

const known = new WeakMap<CheckContext, readonly Cause[]>();

export function causesOf(context: CheckContext, code: ReachabilityCode): readonly Cause[] {
  let causes = known.get(context);
  if (!causes) {
    causes = findCauses(context);
    known.set(context, causes);
  }
  return causes.filter((cause) => cause.code === code);
}

function findCauses(context: CheckContext): readonly Cause[] {
  const { failures } = probesOf(context);
  if (failures.length === 0) return [];
  const stations = stationsByPath(context.topology);
  const suspects = context.reported.filter(isSuspect).map(({ source }) => source.statement);
  const causes = new Map<string, { -readonly [K in keyof Cause]: Cause[K] }>();
  const places: Statement[] = [];
  for (const failure of failures) {
    if (touchesDisputed(context.topology, failure)) continue;
    const { code, source, specific } = attribute(failure, stations, context.open);
    if (!specific && suspects.length > 0 && isExcused(context.topology, failure, stations, suspects)) continue;
    let place = places.indexOf(source.statement);
    if (place < 0) place = places.push(source.statement) - 1;
    const how = failure.reason?.code === "no-session" ? "filtered" : (failure.reason?.code ?? "");
    const key = `${GENERAL.has(code) ? "general" : code} ${place} ${String(source.part)} ${how}`;
    const same = causes.get(key);
    // What pods suffer says more than what their nodes do for the same reason.
    if (!same)
      causes.set(key, { code, source, example: failure, pairs: failure.probe.pairs, nodes: !failure.probe.sameNode });
    else if (isAlike(same.example, failure)) same.pairs += failure.probe.pairs;
  }
  return [...causes.values()];
}

const GENERAL: ReadonlySet<ReachabilityCode> = new Set(["KN201", "KN202", "KN204"]);

function isAlike({ probe: a }: Failure, { probe: b }: Failure): boolean {
  return a.from.kind === b.from.kind && a.sameNode === b.sameNode;
}

function stationsByPath(topology: Topology): ReadonlyMap<string, Station> {
  const all: Station[] = [
    ...topology.routers,
    ...topology.hosts,
    ...topology.clusters.flatMap((cluster) => cluster.nodes),
  ];
  return new Map(all.map((station) => [station.path, station]));
}

/* ----------------------------------------------------------------- blaming */

interface Blame {
  readonly code: ReachabilityCode;
  readonly source: Source;
  /** The place alone explains the failure, whatever else is wrong. */
  readonly specific: boolean;
}

function attribute(failure: Failure, stations: ReadonlyMap<string, Station>, network: Network): Blame {
  const { probe, failed, reason } = failure;
  if (!reason) {
    const nat = failed.steps.find((step) => step.action === "snat");
    return { code: "KN203", source: nat?.rule?.origin ?? probe.cluster.cni.source, specific: true };
  }
  const station = stations.get(reason.netns);
  switch (reason.code) {
    case "filtered":
    case "rejected-by-rule":
    case "no-session":
      if (isAclRule(reason.origin)) return { code: "KN205", source: reason.origin, specific: true };
      break;
    case "neighbour-failed":
      if (reason.lost && isAclRule(reason.origin)) return { code: "KN205", source: reason.origin, specific: true };
      break;
    case "stacked-apart":
      return { code: "KN240", source: probe.cluster.cni.source, specific: true };
    case "forwarding-off": {
      const source = sysctlOf(station, [
        "net.ipv4.ip_forward",
        "net.ipv4.conf.all.forwarding",
        "net.ipv6.conf.all.forwarding",
      ]);
      if (source) return { code: "KN206", source, specific: true };
      break;
    }
    case "reverse-path-filter": {
      const device = failed.steps.at(-1)?.device ?? "";
      const names = [
        `net.ipv4.conf.${device}.rp_filter`,
        "net.ipv4.conf.all.rp_filter",
        "net.ipv4.conf.default.rp_filter",
      ];
      return {
        code: "KN207",
        source: sysctlOf(station, names) ?? reason.origin ?? probe.cluster.cni.source,
        specific: true,
      };
    }
    case "source-check":
      return {
        code: "KN208",
        source: sourceCheckOf(reason.origin) ?? probe.cluster.cni.source,
        specific: true,
      };
    case "ttl-exceeded":
    case "step-limit":
    case "tunnel-loop":
      return {
        code: "KN209",
        source: loopSource(failed) ?? reason.origin ?? probe.cluster.cni.source,
        specific: false,
      };
    default:
      break;
  }
  const leak = leakOf(failed, probe.cluster, network);
  if (leak) return { code: "KN209", source: routesSetting(probe.cluster), specific: false };
  const source = reason.origin ?? probe.cluster.cni.source;
  if (probe.to.kind === "node" && probe.from.kind === "node") return { code: "KN204", source, specific: false };
  return { code: probe.from.kind === "pod" ? "KN201" : "KN202", source, specific: false };
}

/** The setting that says who has routes to the pods, where the plugin has one. */
function routesSetting({ cni }: Cluster): Source {
  const cloud = childOf(cni.source, "cloud-routes");
  return cloud === cni.source ? childOf(cni.source, "routes") : cloud;
}

/** The segment's own statement, or what makes it a cloud's. */
function sourceCheckOf(segment: Source | undefined): Source | undefined {
  const own = segment && childOf(segment, "source-check");
  return own && own !== segment ? own : segment && childOf(segment, "cloud");
}

function isAclRule(source: Source | undefined): source is Source {
  const keyword = source?.statement.keyword.text;
  return keyword === "deny" || keyword === "allow";
}

function sysctlOf(station: Station | undefined, names: readonly string[]): Source | undefined {
  for (const name of names) {
    const found = station?.sysctls.get(name);
    if (found) return found.source;
  }
  return undefined;
}

/** Of the static routes in the circle the least specific one: it catches what nobody has a better route for. */
function loopSource({ steps }: Journey): Source | undefined {
  const times = new Map<Statement, { readonly source: Source; count: number }>();
  for (const { action, rule } of steps) {
    const source = rule?.origin;
    if (action !== "route" || source?.statement.keyword.text !== "route") continue;
    const seen = times.get(source.statement);
    if (seen) seen.count += 1;
    else times.set(source.statement, { source, count: 1 });
  }
  const lengthOf = ({ statement }: Source): number => parsePrefix(statement.args[0]?.text ?? "")?.prefix.len ?? 0;
  const circling = [...times.values()].filter(({ count }) => count > 1).map(({ source }) => source);
  return circling.sort((a, b) => lengthOf(a) - lengthOf(b))[0];
}

/** The step at which a node sent a packet for a pod to its default gateway, for want of a better route. */
export function leakOf(journey: Journey, cluster: Cluster, network: Network): Step | undefined {
  return journey.steps.find((step) => {
    if (step.action !== "route" || step.direction !== "out" || !step.rule?.text.startsWith("default ")) return false;
    if (network.netns(step.netns)?.kind !== "node") return false;
    const { dst } = step.packet;
    return cluster.podCidrs.some(({ prefix }) => prefixContains(prefix, dst)) && innerOf(step.packet) === undefined;
  });
}

/* ----------------------------------------------------------------- excuses */

/** Addresses that two owners claim are the finding already. */
function touchesDisputed(topology: Topology, { failed, probe }: Failure): boolean {
  const plan = planOf(topology);
  if (plan.conflicts.length === 0) return false;
  if (plan.disputed(probe.from.ip) || plan.disputed(probe.to.ip)) return true;
  return failed.steps.some((step) =>
    packets(step.packet).some(({ src, dst }) => real(src, plan.disputed) || real(dst, plan.disputed)),
  );
}

function real(ip: Ip, disputed: (ip: Ip) => boolean): boolean {
  return !isLinkLocal(ip) && disputed(ip);
}

function packets(packet: Packet): readonly Packet[] {
  const inner = innerOf(packet);
  return inner ? [packet, ...packets(inner)] : [packet];
}

const SUSPECT: ReadonlySet<Code> = new Set([
  "KN163",
  "KN165",
  "KN133",
  "KN140",
  "KN210",
  "KN211",
  "KN212",
  "KN220",
  "KN221",
  "KN222",
  "KN223",
  "KN224",
  "KN226",
  "KN227",
  "KN228",
  "KN230",
  "KN231",
  "KN232",
  "KN233",
  "KN234",
  "KN235",
  "KN237",
  "KN238",
  "KN306",
]);

/** Findings that explain lost packets by themselves. */
function isSuspect(finding: Finding): boolean {
  return (
    SUSPECT.has(finding.code) ||
    (finding.severity === "error" && (finding.code < "KN2" || finding.code.startsWith("KN4")))
  );
}

/** Does a finding stand in a part of the file that has to do with the packet's way? */
function isExcused(
  topology: Topology,
  failure: Failure,
  stations: ReadonlyMap<string, Station>,
  suspects: readonly Statement[],
): boolean {
  const { probe, failed } = failure;
  const roots = new Set<Statement>(
    [probe.cluster.cni.source, probe.from.source, probe.to.source].map(({ statement }) => statement),
  );
  const involved = [probe.from.node.path, probe.to.node.path, ...failed.steps.map((step) => step.netns)];
  for (const path of involved) {
    const station = stations.get(path);
    if (!station) continue;
    roots.add(station.source.statement);
    for (const { segment } of station.interfaces) {
      const found = topology.segments.get(segment);
      if (found) roots.add(found.source.statement);
    }
  }
  for (const { source } of [...probe.cluster.podCidrs, ...probe.cluster.serviceCidrs]) roots.add(source.statement);
  return suspects.some((suspect) => [...roots].some((root) => holds(root, suspect)));
}

/* -------------------------------------------------------------- the story */

const MOST_HOPS = 10;

/** The hops of a failed journey, each at the place that decided it. */
export function hopsOf(journey: Journey, topology: Topology): readonly Related[] {
  const stations = stationsByPath(topology);
  const told: Related[] = [];
  const telling = journey.steps.filter((step, i) => i === journey.steps.length - 1 || TELLING.has(step.action));
  for (const [i, step] of telling.entries()) {
    const source = step.rule?.origin ?? stations.get(step.netns)?.source;
    if (!source) continue;
    const rule = step.rule && step.action === "route" ? `; route ${step.rule.text}` : "";
    told.push({ source: headOf(source), message: `${i + 1}. ${step.netns}: ${step.text}${rule}` });
  }
  return told.length <= MOST_HOPS ? told : [...told.slice(0, MOST_HOPS - 2), ...told.slice(-2)];
}

const TELLING: ReadonlySet<Step["action"]> = new Set([
  "route",
  "encapsulate",
  "decapsulate",
  "dnat",
  "snat",
  "fragment",
  "reject",
  "drop",
  "deliver",
]);

/** What to write before a rule so that it lets these packets pass: "allow udp port 8472". */
export function wayThrough(journey: Journey): string {
  const body = lostPacket(journey)?.body;
  if (body?.kind === "icmp" && journey.reason?.lost) return "allow icmp";
  if (body?.kind === "ipip" || body?.kind === "esp") return `allow ${body.kind}`;
  const isTunnel = body?.kind === "udp" && (body.carries || journey.reason?.lost);
  return isTunnel ? `allow udp port ${body.dport}` : "an allow for them";
}

function lostPacket({ reason, steps }: Journey): Packet | undefined {
  return reason?.lost ?? steps.at(-1)?.packet;
}

const CARRIERS = { vxlan: "VXLAN", wireguard: "WireGuard", esp: "ESP-in-UDP", ip: "flannel's" } as const;

/** "VXLAN packets (UDP port 8472)" where the packet is a tunnel's, otherwise "packets". */
export function whatDied(journey: Journey): string {
  const packet = lostPacket(journey);
  const body = packet?.body;
  if (body?.kind === "icmp" && journey.reason?.lost) return "IPv6's neighbour discovery, which is ICMPv6,";
  if (body?.kind === "udp" && journey.reason?.lost && journey.reason.code === "neighbour-failed")
    return `ARP questions in VXLAN packets (UDP port ${body.dport})`;
  if (body?.kind === "udp" && journey.reason?.lost) return `messages of the key exchange (UDP port ${body.dport})`;
  if (body?.kind === "ipip") return "IP-in-IP packets (protocol 4)";
  if (body?.kind === "esp") return "ESP packets (IPsec, protocol 50)";
  if (body?.kind === "udp" && body.carries) return `${CARRIERS[body.carries.kind]} packets (UDP port ${body.dport})`;
  if (body?.kind === "icmp") return "pings";
  return packet ? `packets to ${formatIp(packet.dst)}` : "packets";
}
