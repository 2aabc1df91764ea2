/** Free parts of a segment, for macvlan and ipvlan pods: they have addresses of the segment. */
import { type Ip, nthSubnet, type Prefix, prefixContains } from "../addressing/ip.ts";
import type { Topology } from "../topology/model.ts";

/** Addresses in the range that machines and gateways have. */
export function takenIn({ segments, attachedTo }: Topology, range: Prefix): readonly Ip[] {
  const all = [...segments.values()].flatMap(({ name, gateways }) => [
    ...gateways,
    ...attachedTo(name).flatMap(({ addresses }) => addresses.map(({ ip }) => ip)),
  ]);
  return [...new Set(all)].filter((ip) => prefixContains(range, ip)).sort((a, b) => (a < b ? -1 : 1));
}

/** The largest unused part of the range. Of several, the last one, because addresses are usually assigned from the start. */
export function emptyPart(topology: Topology, range: Prefix): Prefix | undefined {
  const taken = takenIn(topology, range);
  for (let more = 1; more <= 4; more++) {
    for (let n = 2 ** more - 1; n >= 0; n--) {
      const part = nthSubnet(range, range.len + more, n);
      if (part && part.len <= 30 && !taken.some((ip) => prefixContains(part, ip))) return part;
    }
  }
  return undefined;
}
