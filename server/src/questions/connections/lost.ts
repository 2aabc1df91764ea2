/** Requests that are lost although the rest of the file shows that they are meant to arrive. */
import { family } from "../../addressing/ip.ts";
import type { Journey } from "../../dataplane/journey.ts";
import { memo } from "../../memo/memo.ts";
import type { AclRule, Station } from "../../topology/model.ts";
import { stationsByPath } from "../../topology/stations.ts";
import type { Explained } from "../effect.ts";
import { type Connection, connectionsOf, type Target } from "./connections.ts";
import { isExpectedBlocked } from "./expected.ts";
import { isExplained } from "./half-open.ts";

/** A lost request, and the similar connection that shows that it is meant to arrive. */
export interface Lost {
  readonly example: Connection;
  readonly alike: Connection;
  readonly journey: Journey;
  /** The machine that lost the request. */
  readonly station: Station | undefined;
  /** The access list rule that dropped it. */
  readonly rule: AclRule | undefined;
}

/** Packets from pods that their own node drops, although other nodes accept them. */
export const lostToOwnNode = memo((context: Explained): readonly Lost[] =>
  lostWith(context, (one, other) => {
    if (one.to.kind !== "own-node" || other.to.kind !== "node") return false;
    return one.from.netns === other.from.netns && isSamePort(one, other) && family(one.ip) === family(other.ip);
  }).filter(({ rule, example, station }) => rule && isGeneral(rule) && station?.path === example.from.station.path),
);

/** Packets from pods to the outside that are lost, although packets from their node arrive. */
export const lostToOutside = memo((context: Explained): readonly Lost[] =>
  lostWith(
    context,
    (one, other) =>
      one.from.kind === "pod" &&
      other.from.kind === "node" &&
      other.from.netns === one.from.station.path &&
      one.to.kind === "outside" &&
      isSameTarget(one.to, other.to) &&
      one.ip === other.ip,
  ).filter(({ rule, station }) => !rule || (isGeneral(rule) && station?.kind === "node")),
);

/** Packets of one address family that are lost, although packets of the other family arrive. */
export const lostInOneFamily = memo((context: Explained): readonly Lost[] =>
  lostWith(
    context,
    (one, other) =>
      one.from.netns === other.from.netns &&
      isSameTarget(one.to, other.to) &&
      isSamePort(one, other) &&
      family(one.ip) !== family(other.ip),
  ).filter(({ rule, example, alike }) => !rule || (isForBoth(rule, example) && isForBoth(rule, alike))),
);

/** Whether the rule drops everything that earlier rules do not allow: a rule that names a sender or a port is intended. */
function isGeneral({ from, proto, ports }: AclRule): boolean {
  return from.length === 0 && proto === undefined && ports.length === 0;
}

/** Whether the rule does not name the addresses of one family. */
function isForBoth({ from, to }: AclRule, { ip }: Connection): boolean {
  return [from, to].every((prefixes) => prefixes.length === 0 || prefixes.some((one) => family(one.ip) === family(ip)));
}

function isSamePort(a: Connection, b: Connection): boolean {
  return a.port === b.port && a.proto === b.proto;
}

function isSameTarget(a: Target, b: Target): boolean {
  if (a.kind !== b.kind) return false;
  if ("at" in a && "at" in b) return a.at.netns === b.at.netns;
  if (a.kind === "service" && b.kind === "service") return a.served.service === b.served.service;
  if (a.kind === "outside" && b.kind === "outside") return a.host === b.host;
  return false;
}

/** Lost requests with an answered one to compare with, one per place of the loss. */
function lostWith(
  context: Explained,
  isComparable: (lost: Connection, answered: Connection) => boolean,
): readonly Lost[] {
  const all = connectionsOf(context);
  const answered = all.filter(({ outcome }) => outcome.kind === "answered");
  const stations = stationsByPath(context.peopled);
  const found = new Map<string, Lost>();
  for (const example of all) {
    const { kind, journey } = example.outcome;
    if (kind !== "lost" || journey.reason?.code === "reverse-path-filter") continue;
    const alike = answered.find((one) => isComparable(example, one));
    if (!alike || isExpectedBlocked(context.topology, example) || isExplained(context, example, journey)) continue;
    const { reason } = journey;
    const station = stations(reason?.netns ?? journey.end);
    const rule = station?.acl.find(({ source }) => source.decl.handle === reason?.origin?.decl.handle);
    const key = `${reason?.netns} ${reason?.code} ${rule ? station?.acl.indexOf(rule) : ""} ${family(example.ip)}`;
    if (!found.has(key)) found.set(key, { example, alike, journey, station, rule });
  }
  return [...found.values()];
}
