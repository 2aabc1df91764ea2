/**
 * Why probes failed: each failure is attributed to one place in the file, and all failures of one place are one cause.
 * Failures that an earlier finding explains are dropped.
 */

import { type Ip, isLinkLocal } from "../addressing/ip.ts";
import type { Journey } from "../dataplane/journey.ts";
import { innerOf, type Packet } from "../dataplane/packet.ts";
import type { Decl } from "../declared/decl.ts";
import type { Handle } from "../declared/handle.ts";
import { holds } from "../declared/navigate.ts";
import type { Origin } from "../declared/origin.ts";
import { memo } from "../memo/memo.ts";
import type { Cluster, Topology } from "../topology/model.ts";
import { type Stations, stationsByPath } from "../topology/stations.ts";
import { attribute, type CauseKind, causeKey } from "./blame.ts";
import type { Explained, Reported } from "./effect.ts";
import { planOf } from "./plan.ts";
import { type Failure, probesOf } from "./probes.ts";

export interface Cause {
  readonly kind: CauseKind;
  readonly source: Origin;
  /** The failure that the message describes. */
  readonly example: Failure;
  /** Number of ordered node pairs, or of nodes, over all similar failures with this cause. */
  readonly pairs: number;
  /** Whether `pairs` counts node pairs, not nodes. */
  readonly nodes: boolean;
}

const allCauses = memo(findCauses);

export function causesOf(context: Explained, kind: CauseKind): readonly Cause[] {
  return allCauses(context).filter((cause) => cause.kind === kind);
}

function findCauses(context: Explained): readonly Cause[] {
  const { failures } = probesOf(context);
  if (failures.length === 0) return [];
  const stations = stationsByPath(context.peopled);
  const sessions = context.explaining("unannounced-blocks");
  const suspects = context.explaining("lost-packets").map(({ source }) => source.decl.handle);
  const causes = new Map<string, { -readonly [K in keyof Cause]: Cause[K] }>();
  const places: Handle[] = [];
  for (const failure of failures) {
    if (touchesDisputed(context.peopled, failure)) continue;
    // Without pods, there are no kubelet probes or logs that require a node to reach stacked pods.
    const { cluster, from, to } = failure.probe;
    if (to.imagined && from.kind === "node" && STACKED.has(cluster.cni.plugin)) continue;
    const blame = attribute(failure, context.peopled, stations, context.open);
    const { kind, source, specific } = blame;
    if (!specific && sessions.some((one) => isUnannounced(context.peopled, failure, one))) continue;
    if (!specific && suspects.length > 0 && isExcused(context.peopled, failure, stations, suspects)) continue;
    let place = places.indexOf(source.decl.handle);
    if (place < 0) place = places.push(source.decl.handle) - 1;
    const key = `${place} ${String(source.part)} ${causeKey(blame, failure)}`;
    const same = causes.get(key);
    // Includes only failures of the same kind as the first one: a node failure with the same cause adds no information.
    if (!same)
      causes.set(key, { kind, source, example: failure, pairs: failure.probe.pairs, nodes: !failure.probe.sameNode });
    else if (isAlike(same.example, failure)) same.pairs += failure.probe.pairs;
  }
  return [...causes.values()];
}

const STACKED: ReadonlySet<string> = new Set(["macvlan", "ipvlan"]);

function isAlike({ probe: a }: Failure, { probe: b }: Failure): boolean {
  return a.from.kind === b.from.kind && a.sameNode === b.sameNode;
}

/* ----------------------------------------------------------------- excuses */

/** Whether the packet involves an address with two owners, which has its own finding. */
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

/** Whether the packet was lost for lack of a route to a pod block, and the session belongs to the cluster or to two routers. */
function isUnannounced({ clusters }: Topology, { probe, reason, failed }: Failure, session: Reported): boolean {
  const packet = failed.steps.at(-1)?.packet;
  const isLost = reason?.code === "no-route" || reason?.code === "unreachable-route";
  if (!isLost || probe.cluster.cni.plugin !== "calico" || !packet || innerOf(packet)) return false;
  const places = [session.source, ...session.related.map(({ source }) => source)].map(({ decl }) => decl.handle);
  const owners = clusters.filter(({ source }) => places.some((place) => holds(source.decl, place)));
  return owners.length === 0 || owners.some(({ name }) => name === probe.cluster.name);
}

/** Whether a suspect is in a part of the file that is involved in the packet's path. */
function isExcused(
  topology: Topology,
  { probe, failed }: Failure,
  stations: Stations,
  suspects: readonly Handle[],
): boolean {
  const { cluster, from, to } = probe;
  return isInvolved(topology, stations, suspects, {
    clusters: [cluster],
    origins: [from.source, to.source],
    machines: [from.node.path, to.node.path, ...failed.steps.map((step) => step.netns)],
  });
}

/** The parts of the file that determine the path of a packet. */
export interface Involved {
  readonly clusters: readonly Cluster[];
  readonly origins: readonly Origin[];
  readonly machines: readonly string[];
}

/** Whether a suspect is in one of these parts. */
export function isInvolved(
  topology: Topology,
  stations: Stations,
  suspects: readonly Handle[],
  { clusters, origins, machines }: Involved,
): boolean {
  const roots = new Set<Decl>([...clusters.map(({ cni }) => cni.source), ...origins].map(({ decl }) => decl));
  for (const path of new Set(machines)) {
    const station = stations(path);
    if (!station) continue;
    roots.add(station.source.decl);
    for (const { segment, addresses } of station.interfaces) {
      const found = topology.segments.get(segment);
      if (found) roots.add(found.source.decl);
      // A service that uses an address of the machine (KN192).
      for (const { ip } of addresses)
        for (const { services } of clusters) for (const { source } of services.byAddress(ip)) roots.add(source.decl);
    }
  }
  for (const { podCidrs, serviceCidrs } of clusters)
    for (const { source } of [...podCidrs, ...serviceCidrs]) roots.add(source.decl);
  return suspects.some((suspect) => [...roots].some((root) => holds(root, suspect)));
}

/** The packet that was lost, or the last packet sent before the loss. */
export function lostPacket({ reason, steps }: Journey): Packet | undefined {
  return reason?.lost ?? steps.at(-1)?.packet;
}
