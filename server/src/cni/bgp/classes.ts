/**
 * Classes of equivalent speakers: same AS, same rules, matched by the same rules of other speakers, filtered by the
 * same access lists. All members of a class learn the same routes from another class, so a mesh of 5,000 nodes is one
 * class that peers with itself, and no table has nodes × nodes entries.
 */

import { formatIp, hostPrefix, type Ip, type Prefix, prefixContains } from "../../addressing/ip.ts";
import { buildPrefixTable } from "../../addressing/prefix-table.ts";
import { numbering } from "../../memo/numbering.ts";
import type { Station, Topology } from "../../topology/model.ts";
import { BGP_PORT, prefixesOfRules } from "./acl.ts";
import { ofFamily, type PeerRule, type Speaker } from "./model.ts";

export interface SpeakerClass {
  readonly index: number;
  /** In the given order; never empty. */
  readonly members: readonly Speaker[];
  /** The same, by router ID. */
  readonly byId: readonly Speaker[];
}

export function classesOf(topology: Topology, speakers: readonly Speaker[], family: 4 | 6): readonly SpeakerClass[] {
  const matchedBy = matchKeys(speakers, family);
  const numbers = numbering<object | undefined>();
  const telling = prefixesOfRules(topology, BGP_PORT);
  // Speakers with the same prefix lengths and routes reach their peers in the same way. Shared segments matter only if there are routers or access lists.
  const placesMatter =
    speakers.some(({ station }) => station.kind === "router") ||
    topology.routers.some(({ acl }) => acl.length > 0) ||
    speakers.some(({ station }) => station.acl.length > 0 || hasGroups(station));
  const holdsSpeakers = blockHolders(speakers, family);
  const apartFromClass = new Set((topology.downSessions ?? []).flat());
  const classes = new Map<string, Speaker[]>();
  for (const speaker of speakers) {
    const { station } = speaker;
    const parts: (string | number)[] = [
      station.kind === "router" || apartFromClass.has(station.path) ? station.path : "",
      speaker.as,
      speaker.clusterId === undefined ? "" : formatIp(speaker.clusterId),
      speaker.mesh ?? "",
      numbers(speaker.exports),
      holdsSpeakers(station) ? station.path : "",
      ...station.interfaces.flatMap(({ addresses }) => addresses.map(({ len }) => `/${len}`)),
      ...station.routes.map(({ implied, source }) => (implied ? "default" : numbers(source.decl.handle))),
      ...speaker.rules.map(numbers),
      "|",
      ...(matchedBy.get(speaker) ?? []),
    ];
    if (placesMatter) {
      parts.push("at", ...station.interfaces.map(({ segment }) => segment));
      parts.push("groups", ...station.interfaces.flatMap(({ groups }) => groups));
      parts.push(...station.acl.map(({ source }) => numbers(source.decl.handle)));
      for (const prefix of telling) parts.push(holds(prefix, ofFamily(speaker, family)) ? 1 : 0);
    }
    const key = parts.join(" ");
    const same = classes.get(key);
    if (same) same.push(speaker);
    else classes.set(key, [speaker]);
  }
  const hasRouters = speakers.some(({ daemon }) => daemon !== "bird");
  return [...classes.values()]
    .flatMap((members) => (hasRouters ? apart(members) : [members]))
    .map((members, index) => ({ index, members, byId: byRouterId(members) }));
}

function hasGroups({ interfaces }: Station): boolean {
  return interfaces.some(({ groups }) => groups.length > 0);
}

/** Whether a node's own blocks contain the address of a speaker, to which it drops packets. */
function blockHolders(speakers: readonly Speaker[], family: 4 | 6): (station: Station) => boolean {
  const addresses = buildPrefixTable(
    speakers.flatMap((speaker) => ofFamily(speaker, family).map((ip) => [hostPrefix(ip), ip] as const)),
  );
  return (station) =>
    station.kind === "node" &&
    station.podCidrs.some(({ prefix }) => {
      for (const _ of addresses.coveredBy(prefix)) return true;
      return false;
    });
}

function byRouterId(members: readonly Speaker[]): readonly Speaker[] {
  return [...members].sort((a, b) => a.routerId - b.routerId);
}

/**
 * The member with the lowest router ID, and the others: a router that receives a route from all of them advertises the
 * one of the first, and not to the first itself.
 */
function apart(members: readonly Speaker[]): readonly (readonly Speaker[])[] {
  const [lowest] = byRouterId(members);
  if (!lowest || members.length === 1) return [members];
  return [[lowest], members.filter((member) => member !== lowest)];
}

function holds(prefix: Prefix, addresses: readonly Ip[]): boolean {
  return addresses.some((ip) => prefixContains(prefix, ip));
}

/**
 * The rules that match each speaker. Rules of one router with the same options have one key, regardless of the peer.
 */
function matchKeys(speakers: readonly Speaker[], family: 4 | 6): ReadonlyMap<Speaker, ReadonlySet<string>> {
  const keys = new Map<Speaker, Set<string>>();
  const byAddress = new Map<Ip, Speaker>();
  const byPath = new Map<string, Speaker>();
  for (const speaker of speakers) {
    byPath.set(speaker.station.path, speaker);
    for (const ip of ofFamily(speaker, family)) byAddress.set(ip, speaker);
  }
  const seen = new Map<PeerRule, string>();
  for (const owner of speakers) {
    for (const rule of owner.rules) {
      if (seen.has(rule)) continue;
      const options = `${rule.as ?? ""} ${rule.asOverride} ${rule.allowAsIn}`;
      const key = owner.station.kind === "router" ? `${owner.station.path} ${options}` : `#${seen.size}`;
      seen.set(rule, key);
      for (const speaker of meant(rule, speakers, byAddress, byPath, family)) {
        const known = keys.get(speaker) ?? new Set();
        keys.set(speaker, known.add(`${key}${rule.client(owner, speaker) ? " client" : ""}`));
      }
    }
  }
  return keys;
}

function meant(
  { to }: PeerRule,
  speakers: readonly Speaker[],
  byAddress: ReadonlyMap<Ip, Speaker>,
  byPath: ReadonlyMap<string, Speaker>,
  family: 4 | 6,
): readonly Speaker[] {
  switch (to.kind) {
    case "address": {
      const one = byAddress.get(to.ip);
      return one ? [one] : [];
    }
    case "station": {
      const one = byPath.get(to.path);
      return one ? [one] : [];
    }
    case "range":
      return speakers.filter((speaker) => holds(to.prefix, ofFamily(speaker, family)));
    case "select":
      return speakers.filter(to.matches);
  }
}

/** Whether the rule matches this peer. */
export function means({ to }: PeerRule, peer: Speaker, family: 4 | 6): boolean {
  switch (to.kind) {
    case "address":
      return ofFamily(peer, family).includes(to.ip);
    case "station":
      return peer.station.path === to.path;
    case "range":
      return holds(to.prefix, ofFamily(peer, family));
    case "select":
      return to.matches(peer);
  }
}
