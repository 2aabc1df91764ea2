/**
 * BGP speakers as data (RFC 4271, RFC 4456): the configuration of a mode's nodes and of the fabric's routers. Sessions,
 * routes, and problems follow from this data alone; no messages are exchanged and no time passes.
 */
import type { Ip, Prefix } from "../../addressing/ip.ts";
import type { PrefixTable } from "../../addressing/prefix-table.ts";
import type { Origin } from "../../declared/origin.ts";
import { memo } from "../../memo/memo.ts";
import type { Station, StationRef } from "../../topology/model.ts";

export interface Speaker {
  readonly station: Station;
  readonly as: number;
  /** BGP identifier: of two routes that are equal otherwise, the one from the lower identifier is advertised. */
  readonly routerId: number;
  /**
   * BIRD as Calico configures it: sessions can cross several hops, and carry all accepted routes if both peers run it
   * (ADD-PATH, RFC 7911). FRR with its defaults: an eBGP peer must be on one of the speaker's own subnets.
   */
  readonly daemon: "bird" | "frr";
  /** Route reflectors only. */
  readonly clusterId: Ip | undefined;
  /** Session addresses: one per family on a node, the addresses of all interfaces on a router. */
  readonly addresses: readonly Ip[];
  /** Members of a full mesh have sessions with each other without further rules. */
  readonly mesh: string | undefined;
  /** Rules that several speakers share are one object. */
  readonly rules: readonly PeerRule[];
  readonly originates: readonly Originated[];
  /**
   * Filter for advertised routes, own and learned; one function for speakers with the same filter. Undefined:
   * advertises everything.
   */
  readonly exports: ((prefix: Prefix) => boolean) | undefined;
  readonly source: Origin;
}

export interface Originated {
  readonly prefix: Prefix;
  readonly source: Origin;
}

/** A neighbor statement. */
export interface PeerRule {
  readonly to:
    | { readonly kind: "address"; readonly ip: Ip }
    | { readonly kind: "range"; readonly prefix: Prefix }
    | { readonly kind: "station"; readonly path: string }
    | { readonly kind: "select"; readonly matches: (peer: Speaker) => boolean };
  /** Undefined: accepts the peer's AS number. */
  readonly as: number | undefined;
  /** Replaces the peer's number with its own in advertised AS paths. */
  readonly asOverride: boolean;
  /** How often the speaker's own number can occur in an accepted AS path. */
  readonly allowAsIn: number;
  /** Whether the iBGP peer is a client of this speaker as a route reflector. */
  readonly client: (own: Speaker, peer: Speaker) => boolean;
  /** Derived from a statement of the other side; a missing peer is not reported. */
  readonly implied: boolean;
  readonly source: Origin;
}

/** A route that a speaker has learned. */
export interface Learned {
  readonly prefix: Prefix;
  /** Next hops as advertised by BGP; several share the traffic. */
  readonly via: readonly Ip[];
  readonly path: readonly number[];
  readonly origin: Originated;
  /** The speaker that originated the route; of several, the one with the lowest identifier. */
  readonly from: Speaker;
  readonly origins: readonly Speaker[];
  /** Next hops of less preferred routes, in order: used if no next hop of the better ones is reachable. */
  readonly worse: readonly (readonly Ip[])[];
}

/** What a class of speakers has learned, by prefix. */
export type LearnedTable = PrefixTable<Learned | undefined>;

/** How a speaker reaches a next hop: 0 best; undefined: not at all; "own": the address is its own. */
export type Rank = number | "own" | undefined;

/** Maximum number of next hops, as in FRR and BIRD (BIRD's `merge paths` limit). */
export const MOST_PATHS = 16;

export function ofFamily(speaker: Speaker, family: 4 | 6): readonly Ip[] {
  return family === 4 ? byFamily(speaker).v4 : byFamily(speaker).v6;
}

const byFamily = memo(({ addresses }: Speaker) => ({
  v4: addresses.filter((ip) => typeof ip === "number"),
  v6: addresses.filter((ip) => typeof ip === "bigint"),
}));

/** The default of a route reflector is its router ID (RFC 4456 section 8). */
export function clusterIdOf({ clusterId, routerId }: Speaker): Ip {
  return clusterId ?? routerId;
}

/** For traces: "node prod/n1". */
export function nameOf({ station }: Speaker): string {
  return `${station.kind} ${station.path}`;
}

/** For problems. */
export function refOf({ station: { kind, path } }: Speaker): StationRef {
  return { kind, path };
}

/** For messages: the kind, and the path in backticks. */
export function titleOf({ station }: Speaker): string {
  return `${station.kind} \`${station.path}\``;
}
