/**
 * Declarations → topology, in phases. Each is a function of the results of earlier phases, with the problems that it finds in
 * its own result, and is computed again only as far as an edit affects it (`memo/`):
 *
 * 1. `bind`: names;
 * 2. segments (`allocation`): gateways, free addresses;
 * 3. `machines`: interfaces and routes of routers, hosts, and nodes;
 * 4. `node-ranges`: the nodes' pod CIDRs; those that depend on the placement of pods follow after phase 5;
 * 5. `placement`: the node of each pod;
 * 6. `pod-addresses`;
 * 7. `services`: addresses, ports, endpoints;
 * 8. `policies`.
 *
 * `workloads` runs phases 5 and 6 for a cluster.
 */
import { succeed } from "../memo/lineage.ts";
import { type AddressingOf, hostLocal } from "./addressing.ts";
import { addressingsOf } from "./addressings.ts";
import { bind, type Declared, type TopologyFile } from "./bind.ts";
import type { ClusterDefaults, ClusterDraft } from "./cluster.ts";
import { buildExpectation, checkName } from "./expectations.ts";
import { limitProblems } from "./limits.ts";
import { areClaiming, buildMachines, type ClusterMachines } from "./machines.ts";
import type { Cluster, Topology } from "./model.ts";
import { makeNames } from "./names.ts";
import { buildPolicies } from "./policies.ts";
import type { TopologyProblem } from "./problems.ts";
import { buildServices } from "./services.ts";
import { nothing } from "./station.ts";
import { buildTunnels } from "./tunnels.ts";
import { imaginedDaemonset } from "./workload.ts";
import { tenantsOf } from "./workloads.ts";

export type { TopologyFile } from "./bind.ts";

/** The previous build of each root, by its first file. The next one takes its place. */
export type TopologyMemo = Map<string, { readonly draft: Declared; readonly topology: Topology }>;

export interface BuildOptions {
  /** A cluster without pods gets two imagined pods on each node, to check its effect on pods. */
  readonly peopled?: boolean;
  /** The same for all builds with one memo. */
  readonly defaults?: ClusterDefaults | undefined;
}

/**
 * The topology of all files together, in the given order. With the memo of an earlier call, only what has changed is
 * computed again.
 */
export function buildTopology(
  files: readonly TopologyFile[],
  addressingOf: AddressingOf = hostLocal,
  memo: TopologyMemo = new Map(),
  { peopled = false, defaults }: BuildOptions = {},
): Topology {
  const root = files[0]?.file ?? "";
  const before = memo.get(root);
  const draft = succeed(before?.draft, bind(files, before?.draft, defaults));
  // Claimed ranges are added to the nodes after the pods have been placed, so a later build starts from new ones.
  const machines = buildMachines(
    areClaiming(draft, addressingOf) ? bind(files, undefined, defaults) : draft,
    addressingOf,
  );
  const { segments, routers, hosts } = machines;
  const problems = [...draft.problems, ...machines.problems];
  const clusters = draft.clusters.flatMap((cluster) => {
    const own = machines.clusters.get(cluster.name);
    if (own === undefined) return [];
    const found = buildCluster(peopled ? withPods(cluster) : cluster, own, addressingOf);
    problems.push(...found.problems);
    const last = before?.topology.clusters.find(({ name }) => name === cluster.name);
    return [succeed(last, found.cluster)];
  });
  problems.push(...limitProblems(draft.budget, draft.clusters, clusters));
  const endpoints = makeNames({ segments, routers, hosts, clusters });
  for (const { bgp } of routers) {
    for (const { to, source } of bgp?.peers ?? nothing) {
      if (to.kind === "name") checkName(to.text, { ...source, part: 0 }, endpoints, problems);
    }
  }
  const expectations = draft.expectations.flatMap(({ file, decl }) =>
    buildExpectation(file, decl, endpoints, problems),
  );
  const tunnels = buildTunnels(draft.tunnels, endpoints, problems);
  const { attachedTo, interfacesWith } = machines;
  const topology = succeed(before?.topology, {
    segments,
    routers,
    hosts,
    clusters,
    securityGroups: draft.groups,
    expectations,
    tunnels,
    problems,
    attachedTo,
    interfacesWith,
    resolve: endpoints.resolve,
  });
  memo.set(root, { draft, topology });
  return topology;
}

/** The source of imagined pods is the cluster itself. */
function withPods(cluster: ClusterDraft): ClusterDraft {
  if (cluster.workloads.some(({ parts }) => !parts.hostNetwork)) return cluster;
  const imagined = ["pod", "another"].map((name) => ({
    namespace: "default",
    parts: imaginedDaemonset(cluster.source, name),
  }));
  return { ...cluster, workloads: [...cluster.workloads, ...imagined] };
}

function buildCluster(
  cluster: ClusterDraft,
  { nodes, indexes, complete }: ClusterMachines,
  addressingOf: AddressingOf,
): { readonly cluster: Cluster; readonly problems: readonly TopologyProblem[] } {
  const tenants = tenantsOf(cluster, nodes, complete, addressingOf);
  const { workloads, workloadByName, pods, holder } = tenants;
  const services = buildServices(cluster, workloads, pods);
  const policies = buildPolicies(cluster);
  return {
    cluster: {
      name: cluster.name,
      podCidrs: cluster.podCidrs,
      serviceCidrs: cluster.serviceCidrs,
      cni: cluster.cni,
      maxPods: cluster.maxPods ?? addressingsOf(cluster, addressingOf).cluster.maxPods ?? 110,
      nodes,
      namespaces: [...cluster.namespaces].map(([name, { labels, source }]) => ({ name, labels, source })),
      workloads,
      policies: policies.policies,
      policyEngine: cluster.policyEngine,
      source: cluster.source,
      nodeByName: (name) => nodes[indexes.get(name) ?? -1],
      nodeByPodAddress: holder,
      workloadByName,
      pods,
      ingresses: cluster.ingresses,
      services: services.index,
      dns: cluster.dns,
    },
    problems: [...tenants.problems, ...services.problems, ...policies.problems],
  };
}
