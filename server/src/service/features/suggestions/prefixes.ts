/** Suggested prefixes: free ranges and blocks, and ranges in use. */

import { formatPrefix, lastAddress, type Prefix, parsePrefix, prefixRange } from "../../../addressing/ip.ts";
import type { Decl } from "../../../declared/decl.ts";
import { planOf } from "../../../questions/plan.ts";
import { t } from "../../../text/l10n.ts";
import type { Topology } from "../../../topology/model.ts";
import { blocksAround, freePrefixes, isFree, usedRanges } from "../free.ts";
import { clusterAround, stationsAround } from "../stations.ts";
import { type Given, type Suggestion, suggestion, unique } from "./suggestion.ts";

export function prefixes(given: Given, orDefault: boolean): readonly Suggestion[] {
  const { analysis, decl, spec } = given;
  const { topology } = analysis;
  switch (decl.spec?.keyword) {
    case "cidr":
      return freeSegments(topology, decl);
    case "pods":
      return freeRanges(topology, decl, ["10.244.0.0/16"], 16);
    case "services":
      return freeRanges(topology, decl, ["10.96.0.0/12"], 16);
    case "pod-cidr":
      return freeBlocks(given);
    case "network":
    case "ipv6-network": {
      const cluster = clusterAround(given.analysis.topology, given.place);
      return (cluster?.podCidrs ?? []).map(({ prefix }) =>
        suggestion(formatPrefix(prefix), "prefix", t`pod CIDR of cluster ${cluster?.name ?? ""}`),
      );
    }
    default: {
      const known = planOf(topology).ranges;
      const blocks = spec.name === "destination" ? nodeBlocks(topology) : [];
      return unique([
        ...(orDefault ? [suggestion("default", "prefix", t`all destinations without a more specific route`)] : []),
        ...known.map(({ prefix, label }) => suggestion(formatPrefix(prefix), "prefix", label.replaceAll("`", ""))),
        ...blocks,
      ]);
    }
  }
}

const MOST_BLOCKS = 100;

function nodeBlocks(topology: Topology): readonly Suggestion[] {
  const found: Suggestion[] = [];
  for (const cluster of topology.clusters) {
    for (const node of cluster.nodes) {
      if (found.length >= MOST_BLOCKS) return found;
      for (const { prefix } of node.podCidrs)
        found.push(suggestion(formatPrefix(prefix), "prefix", t`pod CIDR of node ${node.path}`));
    }
  }
  return found;
}

/** Free prefixes near the prefixes of the existing segments and of the same length. */
function freeSegments(topology: Topology, decl: Decl): readonly Suggestion[] {
  const others = [...topology.segments.values()].flatMap((segment) =>
    segment.cidrs.filter((_, index) => segment.cidrSources[index]?.decl.handle !== decl.handle),
  );
  const used = usedRanges(topology, decl.handle);
  const last4 = others.findLast(({ ip }) => typeof ip === "number");
  const last6 = others.findLast(({ ip }) => typeof ip === "bigint");
  const found = [...freePrefixes(around(last4, 4), last4?.len ?? 24, used)];
  if (last4 && last4.len !== 24) found.push(...freePrefixes(around(last4, 4), 24, used));
  if (last6) found.push(...freePrefixes(around(last6, 6), last6.len, used));
  return unique(found.map((prefix) => suggestion(formatPrefix(prefix), "prefix", t`next free /${prefix.len}`)));
}

/** The /16 that contains a prefix first, then all private ranges. */
function around(like: Prefix | undefined, family: 4 | 6): readonly Prefix[] {
  const outer =
    like && family === 4 && like.len > 16 && typeof like.ip === "number"
      ? [{ ip: like.ip - (like.ip % 65536), len: 16 }]
      : [];
  return [...outer, ...blocksAround(like, family)];
}

/** The common range if it is free, then the range after the last range of this kind, and the first free ranges. */
function freeRanges(topology: Topology, decl: Decl, usual: readonly string[], len: number): readonly Suggestion[] {
  const used = usedRanges(topology, decl.handle);
  const defaults = usual.flatMap((text) => parsePrefix(text)?.prefix ?? []).filter((prefix) => isFree(prefix, used));
  const kind = decl.spec?.keyword;
  const last = planOf(topology).ranges.findLast(
    (range) => range.kind === kind && range.source.decl.handle !== decl.handle && typeof range.prefix.ip === "number",
  );
  const blocks = blocksAround(last?.prefix, 4);
  const [home] = blocks;
  const below = last && home ? [{ first: home.ip, last: lastAddress(last.prefix) }] : [];
  const following = home ? freePrefixes([home], len, [...used, ...below]) : [];
  const ula = parsePrefix("fd00:10::/32")?.prefix;
  const v6 = ula ? freePrefixes([ula], kind === "services" ? 112 : 56, used) : [];
  return unique([
    ...defaults.map((prefix) => suggestion(formatPrefix(prefix), "prefix", t`common choice`)),
    ...[...following, ...freePrefixes(blocks, len, used), ...v6].map((prefix) =>
      suggestion(formatPrefix(prefix), "prefix", t`next free /${prefix.len}`),
    ),
  ]);
}

function freeBlocks(given: Given): readonly Suggestion[] {
  const { analysis, place } = given;
  const cluster = clusterAround(given.analysis.topology, given.place);
  const [own] = stationsAround(analysis.topology, place);
  if (!cluster) return [];
  const present = own?.kind === "node" ? own.podCidrs : [];
  const used = cluster.nodes
    .filter((node) => node !== own)
    .flatMap((node) => node.podCidrs.map(({ prefix }) => prefixRange(prefix)));
  const owned = present.map(({ prefix }) => prefixRange(prefix));
  return unique([
    ...present
      .filter(({ allocated }) => allocated)
      .map(({ prefix }) => suggestion(formatPrefix(prefix), "prefix", t`current value`)),
    ...cluster.podCidrs.flatMap(({ prefix, perNode }) =>
      freePrefixes([prefix], perNode, [...used, ...owned]).map((free) =>
        suggestion(formatPrefix(free), "prefix", t`next free block of ${formatPrefix(prefix)}`),
      ),
    ),
  ]);
}
