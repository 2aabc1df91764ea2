/** Fixes for nodes without a block: smaller blocks, or a larger pool. */

import { formatPrefix } from "../addressing/ip.ts";
import type { NetworkProblemData } from "../cni/problems.ts";
import { argumentWith, sourceAt } from "../declared/navigate.ts";
import type { Origin } from "../declared/origin.ts";
import { clusterAt } from "../questions/owner.ts";
import { t } from "../text/l10n.ts";
import type { Topology } from "../topology/model.ts";
import { type Fix, setFix } from "./fix.ts";
import { enlargeFixes } from "./ranges.ts";

/** The longest block size that Calico accepts (libcalico-go/lib/clientv3/ippool.go). */
const LONGEST = { 4: 32, 6: 128 } as const;

export function blockFixes(
  { pools, blocks, nodes, size: current, allocates }: NetworkProblemData["KN422" | "KN423"],
  source: Origin,
  { topology }: { readonly topology: Topology },
): readonly Fix[] {
  const cluster = clusterAt(topology, source);
  const [pool, ...others] = pools;
  // With several pools, there is no obvious one to enlarge.
  if (!cluster || !pool || others.length > 0 || !allocates) return [];
  const more = Math.ceil(Math.log2((blocks + nodes) / blocks));
  const written = [source, ...cluster.podCidrs.map((one) => one.source)]
    .map((one) => argumentWith(sourceAt(one, "whole"), (arg) => arg === formatPrefix(pool)))
    .find((one) => one.part !== "whole");
  const size = current + more;
  const isPool = source.decl.spec?.keyword === "pool";
  return [
    ...(written ? enlargeFixes(topology, pool, pool.len - more, written) : []),
    ...(isPool && size <= LONGEST[typeof pool.ip === "number" ? 4 : 6]
      ? [setFix(t`Set \`block-size /${size}\``, sourceAt(source, "whole"), "block-size", `/${size}`)]
      : []),
  ];
}
