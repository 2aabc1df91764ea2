/** Whether the addresses of all machines differ. */
import { type Ip, ipKey } from "../addressing/ip.ts";
import { perItem } from "../memo/list.ts";
import { memo } from "../memo/memo.ts";
import { sameMembers } from "../memo/same.ts";
import type { Node, Station, Topology } from "../topology/model.ts";

function addressesOf({ interfaces }: Station): readonly Ip[] {
  return interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => ip));
}

const nodeAddresses = perItem<Node, readonly Ip[]>(addressesOf, sameMembers);
/** Undefined if an address occurs twice. */
const setOf = memo(allDifferent);

/** Whether all machines have different addresses, on any segment. This is the common case and cheap to establish. */
export function areAllDifferent({ routers, hosts, clusters }: Topology): boolean {
  const sets = clusters.map((cluster) => setOf(nodeAddresses(cluster.nodes)));
  sets.push(allDifferent([...routers, ...hosts].map(addressesOf)));
  return sets.every((own, i) => own && sets.slice(0, i).every((other) => ![...own].some((ip) => other?.has(ip))));
}

function allDifferent(lists: readonly (readonly Ip[])[]): ReadonlySet<number | string> | undefined {
  const seen = new Set<number | string>();
  for (const ips of lists) {
    for (const ip of ips) {
      const key = ipKey(ip);
      if (seen.has(key)) return undefined;
      seen.add(key);
    }
  }
  return seen;
}
