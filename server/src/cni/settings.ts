/** The settings of a node: its own `cni` block, then the cluster's. */

import type { Origin } from "../declared/origin.ts";
import type { Settings } from "../declared/settings.ts";
import type { Cluster, CniSettings, Node } from "../topology/model.ts";

/** The mode that a node runs: its own `cni` block, else the cluster's. */
export function pluginOf(cluster: Pick<Cluster, "cni">, node: Node): string {
  return node.cni?.plugin ?? cluster.cni.plugin;
}

/**
 * A node's block of a different plugin replaces the cluster's block; a block of the same plugin overrides statement by
 * statement.
 */
export function settingsOf(cluster: CniSettings, node: CniSettings | undefined): Settings {
  const blocks: Origin[] = [];
  if (node?.decl) blocks.push({ file: node.file, decl: node.decl, part: "whole" });
  if (cluster.decl && (node === undefined || node.plugin === cluster.plugin)) {
    blocks.push({ file: cluster.file, decl: cluster.decl, part: "whole" });
  }
  return blocks;
}

/** Settings of each node, read once for all nodes without a `cni` block. */
export function settingsPerNode<T>(
  cluster: Cluster,
  read: (cluster: CniSettings, node: CniSettings | undefined) => T,
): (node: Node) => T {
  const known = new Map<CniSettings | undefined, T>();
  return (node) => {
    const before = known.get(node.cni);
    if (before !== undefined) return before;
    const made = read(cluster.cni, node.cni);
    known.set(node.cni, made);
    return made;
  };
}
