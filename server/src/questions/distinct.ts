/** The addresses that several machines have. */
import { ipKey } from "../addressing/ip.ts";
import { repeats } from "../memo/list.ts";
import type { Station, Topology } from "../topology/model.ts";
import { stationsOf } from "../topology/stations.ts";

const repeatedAddresses = repeats<Station, number | string>(({ interfaces }) =>
  interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => ipKey(ip))),
);

/** The addresses that several interfaces have, on any segments, as keys. There are usually none, which is cheap to establish. */
export function sharedAddresses(topology: Topology): ReadonlySet<number | string> {
  return repeatedAddresses(stationsOf(topology));
}
