/**
 * BGP speakers as data (RFC 4271, RFC 4456): what a mode's nodes and the fabric's routers configure. Sessions, routes and
 * findings follow from it alone; no message is exchanged and no time passes.
 */
import type { Ip, Prefix } from "../../addressing/ip.ts";
import type { Source } from "../../language/tree.ts";
import type { Station } from "../../topology/model.ts";

export interface Speaker {
  readonly station: Station;
  readonly as: number;
  /** Of a route reflector. */
  readonly clusterId: Ip | undefined;
  /** Addresses of its sessions: a node has one a family, a router those of its interfaces. */
  readonly addresses: readonly Ip[];
  /** Members of a full mesh have sessions with each other without further rules. */
  readonly mesh: string | undefined;
  /** Rules that several speakers share are one object. */
  readonly rules: readonly PeerRule[];
  readonly originates: readonly Origin[];
  /** What it announces, own and learned; one function for speakers that have the same filter. Undefined: everything. */
  readonly exports: ((prefix: Prefix) => boolean) | undefined;
  readonly source: Source;
}

export interface Origin {
  readonly prefix: Prefix;
  readonly source: Source;
}

/** A neighbour statement. */
export interface PeerRule {
  readonly to:
    | { readonly kind: "address"; readonly ip: Ip }
    | { readonly kind: "range"; readonly prefix: Prefix }
    | { readonly kind: "station"; readonly path: string }
    | { readonly kind: "select"; readonly matches: (peer: Speaker) => boolean };
  /** Undefined: the one that the peer has. */
  readonly as: number | undefined;
  /** Its own number stands in for the peer's in paths that it sends. */
  readonly asOverride: boolean;
  /** So often the speaker's own number may be in a path that it takes. */
  readonly allowAsIn: number;
  /** Is the iBGP peer a client of this speaker as a route reflector? */
  readonly client: (own: Speaker, peer: Speaker) => boolean;
  /** It was made for the other end of somebody's statement; where there is no such peer nobody misses it. */
  readonly implied: boolean;
  readonly source: Source;
}

/** A route that a speaker has learned. */
export interface Learned {
  readonly prefix: Prefix;
  /** Next hops as BGP gives them; several share the traffic. */
  readonly via: readonly Ip[];
  readonly path: readonly number[];
  readonly origin: Origin;
  /** Who announced it first. */
  readonly from: Speaker;
}

/** Multipath as FRR and BIRD have it: at most so many next hops (BIRD's `merge paths` limit). */
export const MOST_PATHS = 16;

export function ofFamily(speaker: Speaker, family: 4 | 6): readonly Ip[] {
  return speaker.addresses.filter((ip) => (typeof ip === "number") === (family === 4));
}

export function nameOf({ station }: Speaker): string {
  return `${station.kind} ${station.path}`;
}
