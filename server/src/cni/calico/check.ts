/** Problems in a cluster's Calico settings, and nodes that do not match the settings. */
import type { NetworkProblem } from "../problems.ts";
import { checkBgp } from "./check-bgp.ts";
import { checkNodes } from "./check-nodes.ts";
import { checkPools } from "./check-pools.ts";
import { checkSubnets } from "./check-subnets.ts";
import { type CalicoCluster, nodesOf } from "./cluster.ts";

export function checkCalico(calico: CalicoCluster): readonly NetworkProblem[] {
  const { cluster } = calico.context;
  if (cluster.cni.plugin !== "calico" && nodesOf(cluster).length === 0) return [];
  return [...checkPools(calico), ...checkNodes(calico), ...checkBgp(calico), ...checkSubnets(calico)];
}
