/**
 * Which segments can exchange packets. Routers, and hosts that forward, connect segments into domains. A node with two
 * interfaces does not connect its segments, because no machine routes through it, but the ranges of its segments must still
 * differ. A router that masquerades packets to an outer segment hides its inner segments: the inner side can address the outer
 * side, but not vice versa, and two home networks with a masquerading router each never exchange packets. Ranges of
 * networks that cannot exchange packets can be equal.
 */
import { type Prefix, prefixRange, rangesOverlap } from "../addressing/ip.ts";
import { memo, valueAt } from "../memo/memo.ts";
import { query } from "../memo/query.ts";
import { sameMembers, sameRecord } from "../memo/same.ts";
import type { ExternalHost, Interface, Router, Topology } from "../topology/model.ts";
import { nodeSegments } from "../topology/node-queries.ts";

export interface Domains {
  /** The domain of a segment; undefined if the segment does not exist. */
  ofSegment(name: string): number | undefined;
  /** Whether the cluster has nodes that can address the domain. */
  clusterSees(cluster: string, domain: number | undefined): boolean;
  /** Whether nodes of one cluster can address nodes of the other. */
  clustersMeet(a: string, b: string): boolean;
  /** Whether one segment can address the other, or a machine is attached to both. */
  segmentsMeet(a: string, b: string): boolean;
  /** Whether `segmentsMeet` is true for some segments of the two domains. */
  domainsTouch(a: number | undefined, b: number | undefined): boolean;
}

/** The part of a topology on which the domains depend. */
interface Wiring extends Pick<Topology, "segments" | "routers" | "hosts"> {
  readonly clusters: readonly { readonly name: string; readonly lists: readonly (readonly string[])[] }[];
}

export const domainsOf = query<Topology, Domains>((read) => {
  const names = read(({ clusters }) => clusters.map(({ name }) => name), sameMembers);
  const lists = read(
    ({ clusters }) => clusters.map(({ nodes }) => differentSegments(nodeSegments(nodes))),
    sameMembers,
  );
  return domainsIn({
    segments: read(({ segments }) => segments),
    // Both lists are new after an edit of a router or a host.
    ...read(({ routers, hosts }) => ({ routers, hosts }), sameRecord),
    clusters: names.map((name, i) => ({ name, lists: lists[i] ?? [] })),
  });
});

function domainsIn(topology: Wiring): Domains {
  const hidden = hidingInterfaces(topology);
  const bySegment = numberSegments(topology, hidden);
  const byCluster = new Map(topology.clusters.map((cluster) => [cluster.name, clusterDomains(cluster, bySegment)]));
  const neighbours = neighbouringSegments(topology);
  const touching = new Set<string>();
  for (const [from, others] of neighbours) {
    for (const to of others) touching.add(`${bySegment.get(from)} ${bySegment.get(to)}`);
  }
  const outside = outerDomains(topology, hidden, bySegment);
  const sees = (from: number | undefined, to: number | undefined): boolean =>
    from !== undefined && to !== undefined && (from === to || outside.get(from)?.has(to) === true);
  const meet = (a: number | undefined, b: number | undefined): boolean => sees(a, b) || sees(b, a);
  const clusterSees = (cluster: string, domain: number | undefined): boolean =>
    [...(byCluster.get(cluster) ?? [])].some((own) => sees(own, domain));
  return {
    ofSegment: (name) => bySegment.get(name),
    clusterSees,
    clustersMeet: (a, b) =>
      [...(byCluster.get(a) ?? [])].some((domain) => clusterSees(b, domain)) ||
      [...(byCluster.get(b) ?? [])].some((domain) => clusterSees(a, domain)),
    segmentsMeet: (a, b) => meet(bySegment.get(a), bySegment.get(b)) || neighbours.get(a)?.has(b) === true,
    domainsTouch: (a, b) => meet(a, b) || touching.has(`${a} ${b}`),
  };
}

/** Routers, and hosts that forward. */
function forwarders(topology: Wiring): readonly (Router | ExternalHost)[] {
  return [...topology.routers, ...topology.hosts.filter(forwards)];
}

/**
 * Outer interfaces of routers that hide their other segments: the router masquerades packets that leave through the interface,
 * and no other router has a route to the inner segments through it.
 */
function hidingInterfaces(topology: Wiring): ReadonlySet<Interface> {
  const hiding = new Set<Interface>();
  const masters = forwarders(topology);
  for (const router of masters) {
    for (const rule of router.edge?.nat ?? []) {
      if (rule.kind !== "masquerade" || rule.segment === undefined) continue;
      const outer = router.interfaces.find(({ segment }) => segment === rule.segment?.name);
      if (!outer) continue;
      const inner = router.interfaces
        .filter((iface) => iface !== outer)
        .flatMap(({ segment }) => topology.segments.get(segment)?.cidrs ?? []);
      if (!masters.some((other) => other !== router && routesInto(other, outer, inner))) hiding.add(outer);
    }
  }
  return hiding;
}

function routesInto(router: Router | ExternalHost, outer: Interface, inner: readonly Prefix[]): boolean {
  return router.routes.some(
    ({ dst, via }) =>
      dst.len > 0 &&
      via.some((ip) => outer.addresses.some((own) => own.ip === ip)) &&
      inner.some((prefix) => rangesOverlap(prefixRange(prefix), prefixRange(dst))),
  );
}

/** The outer domains that each domain can address through the routers that hide it, including indirect ones. */
function outerDomains(
  topology: Wiring,
  hiding: ReadonlySet<Interface>,
  bySegment: ReadonlyMap<string, number>,
): ReadonlyMap<number, ReadonlySet<number>> {
  const next = new Map<number, Set<number>>();
  for (const { interfaces } of forwarders(topology)) {
    for (const outer of interfaces) {
      const there = bySegment.get(outer.segment);
      if (!hiding.has(outer) || there === undefined) continue;
      for (const inner of interfaces) {
        const here = bySegment.get(inner.segment);
        if (here === undefined || here === there) continue;
        next.set(here, (next.get(here) ?? new Set()).add(there));
      }
    }
  }
  const seen = new Map<number, Set<number>>();
  for (const start of next.keys()) {
    const reached = new Set<number>();
    const open = [start];
    for (let at = open.pop(); at !== undefined; at = open.pop()) {
      for (const one of next.get(at) ?? []) {
        if (reached.has(one)) continue;
        reached.add(one);
        open.push(one);
      }
    }
    seen.set(start, reached);
  }
  return seen;
}

function numberSegments(topology: Wiring, hiding: ReadonlySet<Interface>): ReadonlyMap<string, number> {
  const parents = new Map<string, string>();
  const find = (name: string): string => {
    let root = name;
    for (let up = parents.get(root); up !== undefined && up !== root; up = parents.get(root)) root = up;
    parents.set(name, root);
    return root;
  };
  for (const name of topology.segments.keys()) parents.set(name, name);
  for (const { interfaces } of forwarders(topology)) {
    const [first, ...others] = interfaces.filter((iface) => !hiding.has(iface));
    for (const other of others) if (first) parents.set(find(other.segment), find(first.segment));
  }
  const numbers = new Map<string, number>();
  const bySegment = new Map<string, number>();
  for (const name of topology.segments.keys()) {
    const root = find(name);
    const number = numbers.get(root) ?? numbers.size;
    numbers.set(root, number);
    bySegment.set(name, number);
  }
  return bySegment;
}

/** Whether the host forwards packets: several interfaces alone do not make it a router. */
function forwards(host: ExternalHost): boolean {
  return (
    host.sysctls.get("net.ipv4.ip_forward")?.value === "1" ||
    host.sysctls.get("net.ipv6.conf.all.forwarding")?.value === "1"
  );
}

/** The distinct lists of segments that nodes are attached to. */
const differentSegments = memo((lists: readonly (readonly string[])[]) => [
  ...new Map(lists.map((segments) => [segments.join(), segments])).values(),
]);

function clusterDomains(
  cluster: Wiring["clusters"][number],
  bySegment: ReadonlyMap<string, number>,
): ReadonlySet<number> {
  const domains = new Set<number>();
  for (const segments of cluster.lists) {
    for (const segment of segments) {
      const domain = bySegment.get(segment);
      if (domain !== undefined) domains.add(domain);
    }
  }
  return domains;
}

/** Pairs of segments that a single node or host is attached to. */
function neighbouringSegments(topology: Wiring): ReadonlyMap<string, ReadonlySet<string>> {
  const neighbours = new Map<string, Set<string>>();
  const ofHosts = topology.hosts.map(({ interfaces }) => interfaces.map(({ segment }) => segment));
  const ofNodes = topology.clusters.flatMap((cluster) => cluster.lists);
  for (const segments of [...ofHosts, ...ofNodes]) {
    for (const from of segments)
      for (const to of segments) if (from !== to) valueAt(neighbours, from, () => new Set<string>()).add(to);
  }
  return neighbours;
}
