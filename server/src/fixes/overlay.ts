/** Fixes that select a plugin with an overlay network. */
import { formatPrefix, parsePrefix } from "../addressing/ip.ts";
import type { Change } from "../declared/change.ts";
import { sourceAt } from "../declared/navigate.ts";
import { nextFree } from "../questions/free.ts";
import { t } from "../text/l10n.ts";
import type { Cluster, Topology } from "../topology/model.ts";
import type { Fix } from "./fix.ts";

/** The search for a free range starts after it, at 10.244.0.0/16, the most common pod CIDR. */
const BEFORE_USUAL = parsePrefix("10.243.0.0/16")?.prefix;

/** Replaces the plugin with flannel, which needs nothing from the underlying network; adds a pod CIDR if the cluster does not have one. */
export function overlayFix(topology: Topology, { cni, podCidrs }: Cluster): readonly Fix[] {
  const place = sourceAt(cni.source, "whole");
  const free = BEFORE_USUAL && nextFree(topology, BEFORE_USUAL);
  if (cni.source.decl.spec?.keyword !== "cni" || !free) return [];
  const edits: Change[] = [{ kind: "replace", source: place, text: "cni flannel { backend vxlan }" }];
  if (podCidrs.length === 0)
    edits.unshift({ kind: "before", source: place, text: `pods ${formatPrefix(free)} per-node /24` });
  return [{ title: t`Use flannel with \`vxlan\``, edits }];
}
