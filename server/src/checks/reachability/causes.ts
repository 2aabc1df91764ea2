/**
 * Why probes failed: each failure is laid at the door of one place in the file, those of one place are one cause. What is a
 * consequence of an earlier finding is left out.
 */

import type { Ip } from "../../addressing/ip.ts";
import { formatIp, isLinkLocal } from "../../addressing/ip.ts";
import type { Journey, Step } from "../../dataplane/journey.ts";
import { innerOf, type Packet } from "../../dataplane/packet.ts";
import type { Source, Statement } from "../../language/tree.ts";
import { keptFor } from "../../topology/cache.ts";
import type { Topology } from "../../topology/model.ts";
import { type Stations, stationsByPath } from "../../topology/stations.ts";
import { planOf } from "../addresses/plan.ts";
import type { CheckContext, Code, Finding, Related } from "../check.ts";
import { headOf } from "../source.ts";
import { holds } from "../topology.ts";
import { attribute, type ReachabilityCode } from "./blame.ts";
import { type Failure, probesOf } from "./probes.ts";

export interface Cause {
  readonly code: ReachabilityCode;
  readonly source: Source;
  /** The failure that serves as example. */
  readonly example: Failure;
  /** Of all failures with this cause. */
  readonly pairs: number;
  readonly nodes: boolean;
}

const allCauses = keptFor(findCauses);

export function causesOf(context: CheckContext, code: ReachabilityCode): readonly Cause[] {
  return allCauses(context).filter((cause) => cause.code === code);
}

function findCauses(context: CheckContext): readonly Cause[] {
  const { failures } = probesOf(context);
  if (failures.length === 0) return [];
  const stations = stationsByPath(context.peopled);
  const sessions = context.reported.filter(({ code }) => SESSIONS.has(code));
  const suspects = context.reported.filter(isSuspect).map(({ source }) => source.statement);
  const causes = new Map<string, { -readonly [K in keyof Cause]: Cause[K] }>();
  const places: Statement[] = [];
  for (const failure of failures) {
    if (touchesDisputed(context.peopled, failure)) continue;
    // Whether nodes must reach stacked pods (probes, logs) is a question of the pods.
    const { cluster, from, to } = failure.probe;
    if (to.imagined && from.kind === "node" && STACKED.has(cluster.cni.plugin)) continue;
    const { code, source, specific } = attribute(failure, stations, context.open);
    if (!specific && sessions.some((one) => isUnannounced(context.peopled, failure, one))) continue;
    if (!specific && suspects.length > 0 && isExcused(context.peopled, failure, stations, suspects)) continue;
    let place = places.indexOf(source.statement);
    if (place < 0) place = places.push(source.statement) - 1;
    const how = specific && ONE_WAY.has(code) ? "" : howOf(failure);
    const key = `${GENERAL.has(code) ? "general" : code} ${place} ${String(source.part)} ${how}`;
    const same = causes.get(key);
    // What pods suffer says more than what their nodes do for the same reason.
    if (!same)
      causes.set(key, { code, source, example: failure, pairs: failure.probe.pairs, nodes: !failure.probe.sameNode });
    else if (isAlike(same.example, failure)) same.pairs += failure.probe.pairs;
  }
  return [...causes.values()];
}

/** However packets end for such a reason, it is one. */
const ONE_WAY: ReadonlySet<ReachabilityCode> = new Set(["KN206", "KN209"]);

function howOf({ reason }: Failure): string {
  return reason?.code === "no-session" ? "filtered" : (reason?.code ?? "");
}

const STACKED: ReadonlySet<string> = new Set(["macvlan", "ipvlan"]);

const GENERAL: ReadonlySet<ReachabilityCode> = new Set(["KN201", "KN202", "KN204"]);

function isAlike({ probe: a }: Failure, { probe: b }: Failure): boolean {
  return a.from.kind === b.from.kind && a.sameNode === b.sameNode;
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
  "KN239",
  "KN306",
]);

/** BGP sessions that do not come up: whoever has no route to a block may be far from the two ends. */
const SESSIONS: ReadonlySet<Code> = new Set(["KN230", "KN231", "KN232", "KN233", "KN235"]);

/** Nobody on the way has heard of the pods' blocks, and the session is one of their cluster, or of two routers. */
function isUnannounced({ clusters }: Topology, { probe, reason, failed }: Failure, session: Finding): boolean {
  const packet = failed.steps.at(-1)?.packet;
  const isLost = reason?.code === "no-route" || reason?.code === "unreachable-route";
  if (!isLost || probe.cluster.cni.plugin !== "calico" || !packet || innerOf(packet)) return false;
  const places = [session.source, ...session.related.map(({ source }) => source)].map(({ statement }) => statement);
  const owners = clusters.filter(({ source }) => places.some((place) => holds(source.statement, place)));
  return owners.length === 0 || owners.some(({ name }) => name === probe.cluster.name);
}

/** Findings that explain lost packets by themselves. */
function isSuspect(finding: Finding): boolean {
  return (
    SUSPECT.has(finding.code) ||
    (finding.severity === "error" && (finding.code < "KN2" || finding.code.startsWith("KN4")))
  );
}

/** Does a finding stand in a part of the file that has to do with the packet's way? */
function isExcused(topology: Topology, failure: Failure, stations: Stations, suspects: readonly Statement[]): boolean {
  const { probe, failed } = failure;
  const roots = new Set<Statement>(
    [probe.cluster.cni.source, probe.from.source, probe.to.source].map(({ statement }) => statement),
  );
  const involved = [probe.from.node.path, probe.to.node.path, ...failed.steps.map((step) => step.netns)];
  for (const path of involved) {
    const station = stations(path);
    if (!station) continue;
    roots.add(station.source.statement);
    for (const { segment, addresses } of station.interfaces) {
      const found = topology.segments.get(segment);
      if (found) roots.add(found.source.statement);
      // A service that has the machine's address for its own (KN192).
      for (const { ip } of addresses)
        for (const { source } of probe.cluster.services.byAddress(ip)) roots.add(source.statement);
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
    const source = step.rule?.origin ?? stations(step.netns)?.source;
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
