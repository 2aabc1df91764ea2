import type { Ip } from "../../addressing/ip.ts";
import { formatIp, ipKey } from "../../addressing/ip.ts";
import { findDuplicates, type IpItem } from "../../addressing/overlap.ts";
import type { Source } from "../../language/tree.ts";
import { keptFor, sameMembers } from "../../topology/cache.ts";
import { type Column, nodeColumn } from "../../topology/column.ts";
import type { Interface, Station, Topology } from "../../topology/model.ts";
import { stationsOf } from "../../topology/stations.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, removeFix } from "../finding.ts";
import { argumentWith } from "../source.ts";
import { domainsOf } from "./domains.ts";
import { planOf } from "./plan.ts";

export const duplicates: Check = {
  code: "KN110",
  name: "duplicate-address",
  family: "addresses",
  severity: "error",
  summary: "Two stations or two pods have the same address.",
  documentation: `On one segment both answer ARP for it, and who is reached changes with the neighbour's cache. Across segments only one of
them lies where the routes lead. For pods the rule of the Kubernetes network model is that every pod has an address of its own.

Give one of them another address, or none: knet then allocates a free one.`,
  example: {
    bad: `segment dc { cidr 192.168.10.0/24; gateway 192.168.10.1 }
router tor { attach dc 192.168.10.1 }
host backup { attach dc 192.168.10.1 }
`,
    good: `segment dc { cidr 192.168.10.0/24; gateway 192.168.10.1 }
router tor { attach dc 192.168.10.1 }
host backup { attach dc 192.168.10.2 }
`,
  },
  *run(context: CheckContext): Iterable<Finding> {
    yield* stations(context.topology);
    yield* pods(context);
  },
};

interface Holder {
  readonly station: Station;
  readonly iface: Interface;
}

function* stations(topology: Topology): Iterable<Finding> {
  if (areAllDifferent(topology)) return;
  const domains = domainsOf(topology);
  const items: IpItem<Holder>[] = [];
  for (const station of stationsOf(topology)) {
    for (const iface of station.interfaces) {
      for (const { ip } of iface.addresses) items.push({ ip, value: { station, iface } });
    }
  }
  const domainOf = ({ iface: { segment } }: Holder): string => {
    const domain = domains.ofSegment(segment);
    return domain === undefined ? `segment ${segment}` : String(domain);
  };
  const { duplicates: found } = findDuplicates(items, domainOf);
  for (const { ip, values } of found) {
    // Segments with overlapping ranges are the cause where the addresses are on both of them.
    const first = values[0];
    if (!first) continue;
    if (values.some(({ iface }) => iface.segment !== first.iface.segment) && planOf(topology).disputed(ip)) continue;
    for (const holder of values.slice(1)) {
      const [blamed, other] = holder.iface.allocated && !first.iface.allocated ? [first, holder] : [holder, first];
      yield duplicate(ip, nameOf(blamed), blamed.iface.source, nameOf(other), other.iface.source);
    }
  }
}

function addressesOf({ interfaces }: Station): readonly Ip[] {
  return interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => ip));
}

const nodeAddresses = nodeColumn<readonly Ip[], undefined>(addressesOf, sameMembers);
/** Undefined where one comes twice. */
const setOf = keptFor((column: Column<readonly Ip[]>) => allDifferent(column));

/** Have no two stations one address, wherever they are? The common case, which wants no look at who has what. */
export function areAllDifferent({ routers, hosts, clusters }: Topology): boolean {
  const sets = clusters.map((cluster) => setOf(nodeAddresses(cluster, undefined)));
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

function nameOf({ station }: Holder): string {
  return `${station.kind} ${station.path}`;
}

function duplicate(ip: Ip, name: string, source: Source, other: string, otherSource: Source): Finding {
  const text = formatIp(ip);
  const isAddress = (arg: string): boolean => arg === text || arg.startsWith(`${text}/`);
  const place = argumentWith(source, isAddress);
  return finding(
    duplicates,
    place,
    `${name} has the address ${text}, which is that of ${other} already; give one of them another one`,
    {
      related: [{ source: argumentWith(otherSource, isAddress), message: `${other} has ${text}` }],
      // Without an address of its own it gets a free one.
      fixes: place === source ? [] : [removeFix(`Let knet choose an address instead of ${text}`, place)],
    },
  );
}

/** Only pods with given addresses can collide; the allocator leaves given addresses out. */
function* pods(context: CheckContext): Iterable<Finding> {
  for (const cluster of context.topology.clusters) {
    const seen = new Map<Ip, { readonly path: string; readonly source: Source }>();
    for (const workload of cluster.workloads) {
      for (const { ip, source } of workload.addresses) {
        const path = `pod ${workload.namespace}/${workload.name}`;
        const given = seen.get(ip);
        const other = given ?? holderOf(context, cluster.name, ip, path);
        if (other) yield duplicate(ip, path, source, other.path, other.source);
        if (!given) seen.set(ip, { path, source });
      }
    }
  }
}

function holderOf(
  context: CheckContext,
  cluster: string,
  ip: Ip,
  path: string,
): { readonly path: string; readonly source: Source } | undefined {
  const index = context.topology.clusters.find((one) => one.name === cluster)?.pods;
  const pod = index?.podsByAddress(ip).find((one) => one.workload.addresses.length === 0 && !one.workload.hostNetwork);
  if (!pod) return undefined;
  const name = `pod ${pod.workload.namespace}/${pod.name}`;
  return name === path ? undefined : { path: name, source: pod.workload.source };
}
