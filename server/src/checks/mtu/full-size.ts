/** Full-size packets between pods: what the MTU checks KN302 to KN304 look at. */

import { mtuSetting } from "../../cni/underlay.ts";
import type { Journey } from "../../dataplane/journey.ts";
import { innerOf } from "../../dataplane/packet.ts";
import { simulate } from "../../dataplane/simulator/simulate.ts";
import type { Source } from "../../language/tree.ts";
import { stationsOf } from "../../topology/stations.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { finding, setFix } from "../finding.ts";
import { hopsOf } from "../reachability/causes.ts";
import { type Probe, probesOf } from "../reachability/probes.ts";
import { howMany } from "../reachability/report.ts";
import { childOf } from "../source.ts";

export type Fate = "lost" | "fragmented" | "told";

export interface FullSize {
  readonly fate: Fate;
  readonly size: number;
  readonly probe: Probe;
  readonly journey: Journey;
  readonly pairs: number;
  readonly source: Source;
}

const known = new WeakMap<CheckContext, readonly FullSize[]>();

function fullSizeOf(context: CheckContext): readonly FullSize[] {
  let result = known.get(context);
  if (!result) {
    result = probeFullSize(context);
    known.set(context, result);
  }
  return result;
}

function probeFullSize(context: CheckContext): readonly FullSize[] {
  const results = new Map<string, FullSize & { pairs: number }>();
  const harmless = new Set<string>();
  const filtering = stationsWithRules(context);
  for (const probe of probesOf(context).passed) {
    if (context.cancelled()) break;
    if (probe.sameNode || probe.from.kind !== "pod" || probe.to.kind !== "pod") continue;
    const size = podMtu(context, probe);
    if (size === undefined) continue;
    const way = `${size} ${wayOf(context, probe, filtering)}`;
    if (harmless.has(way)) continue;
    const [journey] = simulate(context.open, {
      from: probe.from.netns,
      dst: probe.to.ip,
      proto: "udp",
      sport: 40000,
      dport: 65000,
      size,
      df: true,
    });
    const fate = journey && fateOf(journey);
    if (!fate) harmless.add(way);
    // A packet that its own interface sends to its death is reported there.
    if (!fate || (journey.reason?.code === "segment-mtu" && context.found("KN301").length > 0)) continue;
    const source = settingOf(probe);
    const key = `${probe.cluster.name} ${fate} ${size} ${journey.reason?.code ?? ""}`;
    const same = results.get(key);
    if (same) same.pairs += probe.pairs;
    else results.set(key, { fate, size, probe, journey, pairs: probe.pairs, source });
  }
  // Told on one way and not on the other, it is one mistake: the silent one says it.
  const all = [...results.values()];
  const isLost = (one: FullSize): boolean =>
    all.some(({ fate, source }) => fate === "lost" && source.statement === one.source.statement);
  return all.filter((one) => one.fate !== "told" || !isLost(one));
}

/**
 * What a small packet has met: devices and tunnels with their MTUs. A large one fares alike on ways that are alike in this,
 * save for stations whose rules may stop ICMP.
 */
function wayOf({ open: network, topology }: CheckContext, { journey }: Probe, filtering: ReadonlySet<string>): string {
  let way = "";
  let last = "";
  for (const { netns, device, action } of journey.steps) {
    if (action === "encapsulate" || action === "decapsulate") way += `${action} `;
    if (netns + device === last) continue;
    last = netns + device;
    const found = network.netns(netns)?.devices.get(device);
    if (!found) continue;
    const segment = found.kind === "physical" ? topology.segments.get(found.segment)?.mtu : "";
    way += `${found.kind} ${found.mtu} ${segment}${filtering.has(netns) ? netns : ""} `;
  }
  return way;
}

function stationsWithRules({ topology }: CheckContext): ReadonlySet<string> {
  const filtering = new Set<string>();
  for (const { acl, path } of stationsOf(topology)) if (acl.length > 0) filtering.add(path);
  return filtering;
}

function podMtu({ open: network }: CheckContext, { from }: Probe): number | undefined {
  return network.netns(from.netns)?.devices.get("eth0")?.mtu;
}

function fateOf(journey: Journey): Fate | undefined {
  const { reason, error, steps, verdict } = journey;
  if (verdict === "delivered" || reason?.code === "closed-port")
    return steps.some((step) => step.action === "fragment") ? "fragmented" : undefined;
  // An IPv6 tunnel learns its path's MTU from its first lost packet and answers the next one itself (skb_tunnel_check_pmtu).
  if (reason?.code === "too-big") return error || diedInIpv6Tunnel(journey) ? "told" : "lost";
  return reason?.code === "segment-mtu" ? "lost" : undefined;
}

function diedInIpv6Tunnel({ steps }: Journey): boolean {
  const last = steps.at(-1)?.packet;
  return last !== undefined && innerOf(last) !== undefined && typeof last.dst === "bigint";
}

/** The backend's or plugin's `mtu`, where it is written; otherwise what stands for it. */
function settingOf({ cluster }: Probe): Source {
  return childOf(mtuSetting(cluster).block, "mtu", 0);
}

/** The least on the way, less the tunnel's part where the setting is the pods'. */
function mtuFixes({ open: network, topology }: CheckContext, { journey, probe, size }: FullSize): readonly Fix[] {
  let least = Number.POSITIVE_INFINITY;
  for (const { netns, device } of [...journey.steps, ...probe.journey.steps]) {
    const found = network.netns(netns)?.devices.get(device);
    if (found?.kind !== "physical") continue;
    least = Math.min(least, found.mtu, topology.segments.get(found.segment)?.mtu ?? found.mtu);
  }
  if (least === Number.POSITIVE_INFINITY) return [];
  const { block, isOuter } = mtuSetting(probe.cluster);
  const overhead = isOuter ? 0 : Math.max(...journey.steps.map(({ packet }) => packet.length), size) - size;
  const title = `Set mtu to ${least - overhead}, the least on the way${overhead > 0 ? ` less the tunnel's ${overhead}` : ""}`;
  return [setFix(title, block, "mtu", String(least - overhead))];
}

export function* reportFullSize(
  check: Check,
  context: CheckContext,
  fate: Fate,
  message: (one: FullSize, who: string) => string,
): Iterable<Finding> {
  for (const one of fullSizeOf(context)) {
    if (one.fate !== fate) continue;
    const who = `from ${one.probe.from.name} to ${one.probe.to.name}${howMany(one.pairs, true)}`;
    yield finding(check, one.source, message(one, who), {
      related: hopsOf(one.journey, context.topology),
      fixes: mtuFixes(context, one),
    });
  }
}
