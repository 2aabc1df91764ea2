/** Tunnels between machines: packets on the path between their endpoints, and packets through them. */
import { type Ip, prefixContains } from "../addressing/ip.ts";
import { hostState } from "../cni/host.ts";
import { mtuOf, overheadOf } from "../cni/tunnels.ts";
import type { Journey } from "../dataplane/journey.ts";
import { simulate } from "../dataplane/simulator/simulate.ts";
import type { Origin } from "../declared/origin.ts";
import type { Station, Tunnel, TunnelSide } from "../topology/model.ts";
import { stationsByPath } from "../topology/stations.ts";
import type { World } from "./expectations.ts";
import { partThatFailed } from "./probes.ts";

/** A tunnel in one direction. */
export interface Direction {
  readonly tunnel: Tunnel;
  readonly from: TunnelSide;
  readonly to: TunnelSide;
  readonly station: Station;
}

export function directionsOf({ topology }: World): readonly Direction[] {
  const stations = stationsByPath(topology);
  return topology.tunnels.flatMap((tunnel) => {
    const [a, b] = tunnel.sides;
    return [
      { from: a, to: b },
      { from: b, to: a },
    ].flatMap(({ from, to }) => {
      const station = stations(from.path);
      return station ? [{ tunnel, from, to, station }] : [];
    });
  });
}

/** A carried prefix that contains the other endpoint, unless a more specific route of the machine avoids the tunnel. */
export function recursion({ station, to, tunnel }: Direction): { readonly source: Origin } | undefined {
  if (tunnel.kind === "ipsec") return undefined;
  const direct = hostState(station).lookup(to.endpoint);
  return to.prefixes.find(
    ({ prefix }) => prefixContains(prefix, to.endpoint) && (direct === undefined || direct.dst.len <= prefix.len),
  );
}

/** The largest packet on the path between the endpoints, if it is too small for the tunnel's MTU. */
export function pathTooSmall(
  { network }: World,
  { tunnel, from, to, station }: Direction,
): { readonly mtu: number; readonly overhead: number; readonly path: number; readonly journey: Journey } | undefined {
  const overhead = overheadOf(tunnel);
  if (overhead === undefined) return undefined;
  const mtu = mtuOf(tunnel, station, from);
  const [journey] = simulate(network, { ...ping(from.path, from.endpoint, to.endpoint), df: true });
  if (journey?.verdict !== "delivered" || mtu + overhead <= journey.mtu) return undefined;
  return { mtu, overhead, path: journey.mtu, journey };
}

/** A lost packet through the tunnel: from an address of the machine that the tunnel carries to one of the other machine. */
export function lostThrough(world: World, { tunnel, from, to }: Direction): Journey | undefined {
  const stations = stationsByPath(world.topology);
  const [src, dst] = [from, to].map((side) => insideAddress(tunnel, side, stations(side.path)));
  if (src === undefined || dst === undefined || typeof src !== typeof dst) return undefined;
  const journeys = simulate(world.network, ping(from.path, src, dst));
  return journeys.map(partThatFailed).find((one) => one !== undefined);
}

function insideAddress(
  tunnel: Tunnel,
  { address, prefixes }: TunnelSide,
  station: Station | undefined,
): Ip | undefined {
  if (address && tunnel.kind !== "ipsec") return address.ip;
  const own = station?.interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)) ?? [];
  return own.find((ip) => prefixes.some(({ prefix }) => prefixContains(prefix, ip)));
}

function ping(from: string, src: Ip, dst: Ip) {
  return { from, src, dst, proto: "icmp", sport: 7, dport: 0, df: false } as const;
}
