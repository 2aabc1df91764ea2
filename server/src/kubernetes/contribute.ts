/** State that Kubernetes' own programs add to the nodes that a CNI mode has created. */

import type { Contributor } from "../cni/contributor.ts";
import type { ChainSource } from "../cni/mode.ts";
import type { Device } from "../dataplane/model.ts";
import type { Cluster, Node } from "../topology/model.ts";
import { answersFor, isDelivered, routerParts } from "./balancer.ts";
import { nodeLocalDns } from "./node-local-dns.ts";
import { policyContributor } from "./policy/enforce/contributor.ts";
import { healthSockets } from "./proxy/health.ts";
import { type ChainNames, iptablesChains, iptablesJumps } from "./proxy/iptables.ts";
import { ipvsDevice, ipvsDeviceOn, ipvsRules, ipvsServers } from "./proxy/ipvs.ts";
import type { NftNames } from "./proxy/nft-view.ts";
import { nftablesChains } from "./proxy/nftables.ts";
import { opensLocalhost } from "./proxy/node-addresses.ts";
import { type ProxyPorts, proxyFamilies, proxyPorts, runsProxy } from "./proxy/ports.ts";

/**
 * kube-proxy on every node of every cluster, and the policy engines: the engines' rules come first (Felix and
 * kube-router insert).
 */
export function kubernetes(): readonly Contributor[] {
  return [nodeLocalDns, policyContributor, kubeProxy()];
}

/** Without policies: the connections that the network itself allows. */
export function withoutPolicies(): readonly Contributor[] {
  return [nodeLocalDns, kubeProxy()];
}

const ROUTE_LOCALNET = "net.ipv4.conf.all.route_localnet";

/** State shared by the nodes of a cluster. */
interface Shared {
  readonly families: readonly { readonly ports: ProxyPorts; readonly chains: ChainNames; readonly nft: NftNames }[];
  device: Device | undefined;
}

function kubeProxy(): Contributor {
  const clusters = new Map<Cluster, Shared>();
  const shared = (cluster: Cluster): Shared => {
    let found = clusters.get(cluster);
    if (found === undefined) {
      const families = runsProxy(cluster) ? proxyFamilies(cluster) : [];
      found = {
        families: families.map((of) => ({ ports: proxyPorts(cluster, of), chains: new Map(), nft: new Map() })),
        device: undefined,
      };
      clusters.set(cluster, found);
    }
    return found;
  };
  const runs = (cluster: Cluster, mode: Cluster["services"]["kubeProxy"]["mode"]): boolean =>
    cluster.services.kubeProxy.mode === mode && runsProxy(cluster);
  const portsOf = (cluster: Cluster): readonly ProxyPorts[] => shared(cluster).families.map(({ ports }) => ports);
  /** kube-ipvs0, in ipvs mode. */
  const dummyOn = (node: Node, cluster: Cluster): readonly Device[] => {
    if (!runs(cluster, "ipvs")) return [];
    const own = shared(cluster);
    own.device ??= ipvsDevice(portsOf(cluster), cluster.services.kubeProxy.source);
    return [ipvsDeviceOn(node, portsOf(cluster), own.device)];
  };
  return {
    before: (node, cluster, { devices }) => {
      if (runs(cluster, "ipvs")) {
        const all = [...devices, ...dummyOn(node, cluster)];
        return portsOf(cluster).flatMap((ports) => ipvsRules(ports, node, all));
      }
      if (!runs(cluster, "iptables")) return [];
      const { source } = cluster.services.kubeProxy;
      return portsOf(cluster).flatMap((ports) => iptablesJumps(ports.family, source));
    },
    chains: (node, cluster, { devices }) => together(sourcesOf(shared(cluster), cluster, node, devices)),
    sockets: (node, cluster, { devices }) => healthSockets(portsOf(cluster), node, devices),
    sysctl: (_, cluster, name) =>
      name === ROUTE_LOCALNET && runsProxy(cluster) && opensLocalhost(cluster.services.kubeProxy) ? "1" : undefined,
    devices: dummyOn,
    answers: answersFor,
    router: routerParts,
    delivers: isDelivered,
    ipvs: (node, cluster, { devices }) =>
      runs(cluster, "ipvs") ? ipvsServers(portsOf(cluster), node, [...devices, ...dummyOn(node, cluster)]) : undefined,
  };
}

function sourcesOf(
  { families }: Shared,
  cluster: Cluster,
  node: Node,
  devices: readonly Device[],
): readonly ChainSource[] {
  switch (cluster.services.kubeProxy.mode) {
    case "iptables":
      return families.map(({ ports, chains }) => iptablesChains(ports, chains, node, devices));
    case "nftables":
      return families.map(({ ports, nft }) => nftablesChains(ports, nft, node, devices));
    case "ipvs":
    case "none":
      return [];
  }
}

function together(sources: readonly ChainSource[]): ChainSource {
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
    bases: (family) => sources.flatMap((source) => source.bases?.(family) ?? []),
    nft: (family) => sources.flatMap((source) => source.nft?.(family) ?? []),
  };
}
