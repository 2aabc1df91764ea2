/**
 * Which segments can meet: routers, and hosts that forward, connect them into domains. A node with two interfaces is no way
 * between them, since nobody routes through it, but its own two segments must not be confused. Ranges that cannot
 * meet may be the same without harm.
 */
import type { Cluster, ExternalHost, Interface, Topology } from "../../topology/model.ts";

export interface Domains {
  /** The domain of a segment; undefined: there is no such segment. */
  ofSegment(name: string): number | undefined;
  /** The domains in which a cluster has nodes. */
  ofCluster(cluster: string): ReadonlySet<number>;
  /** Do the two clusters have nodes in one domain? */
  clustersMeet(a: string, b: string): boolean;
  /** Are they in one domain, or is one station attached to both? */
  segmentsMeet(a: string, b: string): boolean;
  /** Could segments of the two domains meet so? */
  domainsTouch(a: number | undefined, b: number | undefined): boolean;
}

const known = new WeakMap<Topology, Domains>();

export function domainsOf(topology: Topology): Domains {
  let domains = known.get(topology);
  if (!domains) {
    domains = makeDomains(topology);
    known.set(topology, domains);
  }
  return domains;
}

function makeDomains(topology: Topology): Domains {
  const bySegment = numberSegments(topology);
  const byCluster = new Map(topology.clusters.map((cluster) => [cluster.name, clusterDomains(cluster, bySegment)]));
  const neighbours = neighbouringSegments(topology);
  const touching = new Set<string>();
  for (const [from, others] of neighbours) {
    for (const to of others) touching.add(`${bySegment.get(from)} ${bySegment.get(to)}`);
  }
  const ofCluster = (name: string): ReadonlySet<number> => byCluster.get(name) ?? new Set();
  return {
    ofSegment: (name) => bySegment.get(name),
    ofCluster,
    clustersMeet: (a, b) => [...ofCluster(a)].some((domain) => ofCluster(b).has(domain)),
    segmentsMeet: (a, b) => bySegment.get(a) === bySegment.get(b) || neighbours.get(a)?.has(b) === true,
    domainsTouch: (a, b) => a === b || touching.has(`${a} ${b}`),
  };
}

function numberSegments(topology: Topology): ReadonlyMap<string, number> {
  const parents = new Map<string, string>();
  const find = (name: string): string => {
    let root = name;
    for (let up = parents.get(root); up !== undefined && up !== root; up = parents.get(root)) root = up;
    parents.set(name, root);
    return root;
  };
  for (const name of topology.segments.keys()) parents.set(name, name);
  for (const { interfaces } of [...topology.routers, ...topology.hosts.filter(forwards)]) {
    const [first, ...others] = interfaces;
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

/** A host with several interfaces is no router unless it says so. */
function forwards(host: ExternalHost): boolean {
  return (
    host.sysctls.get("net.ipv4.ip_forward")?.value === "1" ||
    host.sysctls.get("net.ipv6.conf.all.forwarding")?.value === "1"
  );
}

function clusterDomains(cluster: Cluster, bySegment: ReadonlyMap<string, number>): ReadonlySet<number> {
  const domains = new Set<number>();
  for (const node of cluster.nodes) {
    for (const { segment } of node.interfaces) {
      const domain = bySegment.get(segment);
      if (domain !== undefined) domains.add(domain);
    }
  }
  return domains;
}

/** Segments that some node or host is attached to both of. */
function neighbouringSegments(topology: Topology): ReadonlyMap<string, ReadonlySet<string>> {
  const neighbours = new Map<string, Set<string>>();
  const note = (from: Interface, to: Interface): void => {
    const known = neighbours.get(from.segment);
    if (known) known.add(to.segment);
    else neighbours.set(from.segment, new Set([to.segment]));
  };
  for (const { interfaces } of [...topology.hosts, ...topology.clusters.flatMap((cluster) => cluster.nodes)]) {
    if (interfaces.length < 2) continue;
    for (const from of interfaces) for (const to of interfaces) if (from.segment !== to.segment) note(from, to);
  }
  return neighbours;
}
