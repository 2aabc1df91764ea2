/** What Kubernetes' own programs add to the nodes that a CNI mode has made. */
import type { Contributor } from "../cni/network.ts";
import type { Cluster } from "../topology/model.ts";
import { policyContributor } from "./policy/enforce/contributor.ts";
import { type ChainNames, iptablesChains, iptablesJumps } from "./proxy/iptables.ts";
import { type ProxyPorts, proxyFamilies, proxyPorts, runsProxy } from "./proxy/ports.ts";

/** kube-proxy on every node of every cluster, and who enforces policies: their rules go first (Felix and kube-router insert). */
export function kubernetes(): readonly Contributor[] {
  return [policyContributor, kubeProxy()];
}

/** As if there were no policies: what the network could do. */
export function withoutPolicies(): readonly Contributor[] {
  return [kubeProxy()];
}

interface Family {
  readonly ports: ProxyPorts;
  readonly names: ChainNames;
}

function kubeProxy(): Contributor {
  const clusters = new Map<Cluster, readonly Family[]>();
  /** What the nodes of a cluster share. */
  const families = (cluster: Cluster): readonly Family[] => {
    let found = clusters.get(cluster);
    if (found === undefined) {
      found = runsProxy(cluster)
        ? proxyFamilies(cluster).map((of) => ({ ports: proxyPorts(cluster, of), names: new Map() }))
        : [];
      clusters.set(cluster, found);
    }
    return found;
  };
  return {
    before: (_, cluster) =>
      families(cluster).flatMap(({ ports }) => iptablesJumps(ports.family, cluster.services.kubeProxy.source)),
    chains: (node, cluster) => {
      const sources = families(cluster).map(({ ports, names }) => iptablesChains(ports, names, node));
      return {
        chain: (family, table, name) => {
          for (const source of sources) {
            const chain = source.chain(family, table, name);
            if (chain) return chain;
          }
          return undefined;
        },
        chains: function* (family) {
          for (const source of sources) yield* source.chains(family);
        },
      };
    },
  };
}
