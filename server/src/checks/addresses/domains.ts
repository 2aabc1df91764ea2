/**
 * Which segments can meet: a packet gets from one to the other through routers, nodes and hosts that forward. Ranges in
 * different domains may be the same without harm.
 */
import type { Cluster, ExternalHost, Interface, Topology } from "../../topology/model.ts";

export interface Domains {
  /** The domain of a segment; undefined: there is no such segment. */
  ofSegment(name: string): number | undefined;
  /** The domains in which a cluster has nodes. */
  ofCluster(cluster: string): ReadonlySet<number>;
  /** Do the two clusters have nodes in one domain? */
  clustersMeet(a: string, b: string): boolean;
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
  const parents = new Map<string, string>();
  const find = (name: string): string => {
    let root = name;
    for (let up = parents.get(root); up !== undefined && up !== root; up = parents.get(root)) root = up;
    parents.set(name, root);
    return root;
  };
  const join = (interfaces: readonly Interface[]): void => {
    const first = interfaces[0];
    if (!first) return;
    for (let i = 1; i < interfaces.length; i += 1) {
      const other = interfaces[i];
      if (other && other.segment !== first.segment) parents.set(find(other.segment), find(first.segment));
    }
  };
  for (const name of topology.segments.keys()) parents.set(name, name);
  for (const router of topology.routers) join(router.interfaces);
  for (const host of topology.hosts) if (forwards(host)) join(host.interfaces);
  for (const cluster of topology.clusters) for (const node of cluster.nodes) join(node.interfaces);

  const numbers = new Map<string, number>();
  const numberOf = (name: string): number => {
    const root = find(name);
    const number = numbers.get(root) ?? numbers.size;
    numbers.set(root, number);
    return number;
  };
  const bySegment = new Map([...topology.segments.keys()].map((name) => [name, numberOf(name)]));
  const byCluster = new Map(topology.clusters.map((cluster) => [cluster.name, clusterDomains(cluster, bySegment)]));
  const ofCluster = (name: string): ReadonlySet<number> => byCluster.get(name) ?? new Set();
  return {
    ofSegment: (name) => bySegment.get(name),
    ofCluster,
    clustersMeet: (a, b) => [...ofCluster(a)].some((domain) => ofCluster(b).has(domain)),
  };
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
