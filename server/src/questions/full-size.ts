/** Full-size packets between pods, and from pods to external hosts. */

import { mtuSetting } from "../cni/underlay.ts";
import type { Journey, Question } from "../dataplane/journey.ts";
import { familyOf, innerOf, tcpHeaders } from "../dataplane/packet.ts";
import { simulate } from "../dataplane/simulator/simulate.ts";
import { childOf } from "../declared/navigate.ts";
import type { Origin } from "../declared/origin.ts";
import { memo } from "../memo/memo.ts";
import { t } from "../text/l10n.ts";
import { stationsWhere } from "../topology/stations.ts";
import type { Explained } from "./effect.ts";
import { outwardProbes } from "./outward.ts";
import { type Probe, type ProbeEnd, probesOf } from "./probes.ts";
import type { View } from "./view.ts";

export type Fate = "lost" | "fragmented" | "told" | "lost-outside";

export interface FullSize {
  readonly fate: Fate;
  readonly size: number;
  /** The probe with a small packet, which passed. */
  readonly probe: Pick<Probe, "cluster" | "journey">;
  /** "from pod `a` on node `prod/n1` to pod `b` on node `prod/n2`": the first probe with this result. */
  readonly fromTo: string;
  /** Whether the destination is an external host. */
  readonly isOutside: boolean;
  /** Number of ordered node pairs, or of nodes with this result to external hosts. */
  readonly pairs: number;
  readonly journey: Journey;
  readonly source: Origin;
}

export const fullSizeOf = memo(probeFullSize);

/** A probe that passed with a small packet, and the full-size packet to send. */
interface Try {
  readonly probe: FullSize["probe"];
  readonly question: Question & { readonly size: number };
  readonly isOutside: boolean;
  readonly fromTo: string;
  readonly pairs: number;
}

function probeFullSize(context: Explained): readonly FullSize[] {
  const results = new Map<string, { -readonly [K in keyof FullSize]: FullSize[K] }>();
  const harmless = new Set<string>();
  const filtering = new Set(stationsWithRules(context.topology).map(({ path }) => path));
  for (const { probe, question, isOutside, fromTo, pairs } of [...betweenPods(context), ...toOutside(context)]) {
    if (context.cancelled()) break;
    const { size } = question;
    const path = `${size} ${pathOf(context, probe, filtering)}`;
    if (harmless.has(path)) continue;
    const [journey] = simulate(context.open, question);
    const fate = journey && fateOf(journey, isOutside);
    if (!fate) harmless.add(path);
    // The MTU of the sending interface can make a packet too large for its segment.
    if (!fate || (journey.reason?.code === "segment-mtu" && context.explaining("oversized-frames").length > 0))
      continue;
    const changed = journey.reason?.origin;
    // The device was changed after the pods got their MTU.
    const source = changed?.decl.spec?.keyword === "device" ? changed : settingOf(probe);
    const key = `${probe.cluster.name} ${fate} ${size} ${journey.reason?.code ?? ""}`;
    const same = results.get(key);
    if (same) same.pairs += pairs;
    else results.set(key, { fate, size, probe, fromTo, isOutside, pairs, journey, source });
  }
  const all = [...results.values()];
  return all.filter(({ fate, source }) => {
    const others = all.filter((one) => one.source.decl.handle === source.decl.handle).map((one) => one.fate);
    // One wrong MTU can have several effects: silent loss hides rejections, and findings between pods hide those to external hosts.
    if (fate === "told") return !others.includes("lost");
    return fate !== "lost-outside" || !(others.includes("lost") || others.includes("told"));
  });
}

function* betweenPods(context: View): Iterable<Try> {
  for (const probe of probesOf(context).passed) {
    const { from, to, sameNode, pairs } = probe;
    const size = podMtu(context, from);
    if (sameNode || from.kind !== "pod" || to.kind !== "pod" || size === undefined) continue;
    const question: Try["question"] = {
      from: from.netns,
      dst: to.ip,
      proto: "udp",
      sport: 40000,
      dport: 65000,
      size,
      df: true,
    };
    yield { probe, question, isOutside: false, fromTo: t`from ${from.name} to ${to.name}`, pairs };
  }
}

/** Packets of the size that both endpoints negotiate (TCP MSS). */
function* toOutside(context: View): Iterable<Try> {
  for (const one of outwardProbes(context)) {
    const { from, host } = one;
    const there = host.interfaces.find(({ addresses }) => addresses.some(({ ip }) => ip === one.question.dst));
    const negotiated = Math.min(podMtu(context, from) ?? 0, there?.mtu ?? 0);
    const size = Math.min(negotiated, clampedSize(context, one.question, there?.mtu ?? 0));
    if (size === 0) continue;
    const fromTo = t`from ${from.name} to host \`${host.name}\``;
    yield { probe: one, question: { ...one.question, size, df: true }, isOutside: true, fromTo, pairs: one.nodes };
  }
}

const clampingStations = stationsWhere(({ firewall }) => firewall?.clampMss !== undefined);

/**
 * The largest packet of a TCP connection if a machine on the path lowers the maximum segment size: the value that the sender receives in
 * the SYN,ACK. Computed only if a machine clamps; the port does not matter to the rule.
 */
function clampedSize({ open, topology }: View, question: Question, mtu: number): number {
  if (clampingStations(topology).length === 0) return mtu;
  const dport = openPort(open, question) ?? question.dport;
  const [journey] = simulate(open, { ...question, proto: "tcp", dport });
  const answer = journey?.reply?.steps.at(-1)?.packet;
  const mss = answer?.body.kind === "tcp" && answer.body.mss?.clamped ? answer.body.mss.value : undefined;
  return mss === undefined || !answer ? mtu : mss + tcpHeaders(familyOf(answer));
}

/** A TCP port on which the destination listens. */
function openPort(network: View["open"], { dst, from }: Question): number | undefined {
  const [path] = simulate(network, { from, dst, proto: "icmp", sport: 40000, dport: 0, df: false });
  return network.netns(path?.end ?? "")?.sockets.find(({ proto }) => proto === "tcp")?.port;
}

/**
 * Key of a path: the devices and tunnels that the small packet passed, with their MTUs. Full-size packets have the same
 * result on all paths with the same key; machines with access lists are part of the key because they might drop ICMP.
 */
function pathOf(
  { open: network, topology }: View,
  { journey }: FullSize["probe"],
  filtering: ReadonlySet<string>,
): string {
  let path = "";
  let last = "";
  for (const { netns, device, action } of journey.steps) {
    if (action === "encapsulate" || action === "decapsulate") path += `${action} `;
    if (netns + device === last) continue;
    last = netns + device;
    const found = network.netns(netns)?.devices.get(device);
    if (!found) continue;
    const segment = found.kind === "physical" ? topology.segments.get(found.segment)?.mtu : "";
    path += `${found.kind} ${found.mtu} ${segment}${filtering.has(netns) ? netns : ""} `;
  }
  return path;
}

const stationsWithRules = stationsWhere(({ acl }) => acl.length > 0);

function podMtu({ open: network }: View, from: ProbeEnd): number | undefined {
  return network.netns(from.netns)?.devices.get("eth0")?.mtu;
}

function fateOf(journey: Journey, isOutside: boolean): Fate | undefined {
  const fate = fateAmongPods(journey);
  return isOutside ? (fate === "lost" ? "lost-outside" : undefined) : fate;
}

function fateAmongPods(journey: Journey): Fate | undefined {
  const { reason, error, steps, verdict } = journey;
  if (verdict === "delivered" || reason?.code === "closed-port")
    return steps.some((step) => step.action === "fragment") ? "fragmented" : undefined;
  // An IPv6 tunnel learns the path MTU from the first lost packet and then rejects large packets itself (skb_tunnel_check_pmtu).
  if (reason?.code === "too-big") return error || isLostInIpv6Tunnel(journey) ? "told" : "lost";
  return reason?.code === "segment-mtu" ? "lost" : undefined;
}

function isLostInIpv6Tunnel({ steps }: Journey): boolean {
  const last = steps.at(-1)?.packet;
  return last !== undefined && innerOf(last) !== undefined && typeof last.dst === "bigint";
}

/** The `mtu` of the backend or plugin; if it is not set, the block that would contain it. */
function settingOf({ cluster }: FullSize["probe"]): Origin {
  return childOf(mtuSetting(cluster).block, "mtu", 0);
}

/** Whether a router sent ICMP "packet too big" and a rule dropped it. A segment or a bridge drops large frames without an error. */
export function isIcmpFiltered({ reply }: Journey): boolean {
  const code = reply?.reason?.code;
  return code === "filtered" || code === "rejected-by-rule";
}
