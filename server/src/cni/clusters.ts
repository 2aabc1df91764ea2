/**
 * State computed once per topology and cluster: compiled modes, hosts, and the BGP that connects them with the fabric.
 */
import { perItem } from "../memo/list.ts";
import { memo, valueAt } from "../memo/memo.ts";
import type { Cluster, Node, Topology } from "../topology/model.ts";
import type { Speaker } from "./bgp/model.ts";
import { routerSpeakers } from "./bgp/routers.ts";
import { type Bgp, solveBgp } from "./bgp/solve.ts";
import { hostState } from "./host.ts";
import type { ClusterContext, CompiledMode } from "./mode.ts";
import { modeOf } from "./modes.ts";
import { pluginOf } from "./settings.ts";

export interface ClusterState {
  readonly context: ClusterContext;
  mode(node: Node): CompiledMode;
  modeOf(plugin: string): CompiledMode;
}

export interface ClusterStates {
  of(cluster: Cluster): ClusterState;
  /** The routers and nodes that run BGP. */
  speakers(): readonly Speaker[];
  bgp(): Bgp;
}

/** Shared by a topology's network and its checks. */
export const clusterStates = memo(makeStates);

function makeStates(topology: Topology): ClusterStates {
  const states = new Map<string, ClusterState>();
  let solved: Bgp | undefined;
  const speakers = (): readonly Speaker[] => [
    ...routerSpeakers(topology),
    ...topology.clusters.flatMap((cluster) =>
      [...pluginsOf(cluster)].flatMap((plugin) => modeOf(plugin).speakers?.(of(cluster).context) ?? []),
    ),
  ];
  const bgp = (): Bgp => {
    solved ??= solveBgp(topology, speakers());
    return solved;
  };
  const of = (cluster: Cluster): ClusterState => valueAt(states, cluster.name, () => stateOf(topology, cluster, bgp));
  return { of, speakers, bgp };
}

const ownPlugins = perItem(({ cni }: Node) => cni?.plugin);
const kindsOf = memo((plugins: readonly (string | undefined)[]) => new Set(plugins));

/** The plugins that the nodes run, in order of first use. */
export function pluginsOfNodes(cluster: Cluster): ReadonlySet<string> {
  return new Set([...kindsOf(ownPlugins(cluster.nodes))].map((own) => own ?? cluster.cni.plugin));
}

/** The plugins of a cluster and of its nodes. */
export function pluginsOf(cluster: Cluster): ReadonlySet<string> {
  return new Set([cluster.cni.plugin, ...pluginsOfNodes(cluster)]);
}

function stateOf(topology: Topology, cluster: Cluster, bgp: () => Bgp): ClusterState {
  const context: ClusterContext = {
    topology,
    cluster,
    bgp,
    host: hostState,
  };
  const modes = new Map<string, CompiledMode>();
  const compiled = (plugin: string): CompiledMode => valueAt(modes, plugin, () => modeOf(plugin).compile(context));
  return { context, mode: (node) => compiled(pluginOf(cluster, node)), modeOf: compiled };
}
