/** Whether the addresses of all machines differ. */
import { ipKey } from "../addressing/ip.ts";
import { repeats } from "../memo/list.ts";
import type { Station, Topology } from "../topology/model.ts";
import { stationsOf } from "../topology/stations.ts";

const repeatedAddresses = repeats<Station, number | string>(({ interfaces }) =>
  interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => ipKey(ip))),
);

/** Whether all machines have different addresses, on any segment. This is the common case and cheap to establish. */
export function areAllDifferent(topology: Topology): boolean {
  return repeatedAddresses(stationsOf(topology)).size === 0;
}
