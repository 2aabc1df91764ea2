/** The length of node pod CIDRs. */
import { argument, keywordOf, readAt, sourceAt } from "../declared/navigate.ts";
import type { Origin } from "../declared/origin.ts";
import { type Fix, replaceFix } from "./fix.ts";

/** Sets the length of the node pod CIDRs in a `pods` statement: `pods 10.0.0.0/8 per-node /24`. */
export function perNodeFix(title: string, pods: Origin, length: string): readonly Fix[] {
  const prefix = readAt(sourceAt(pods, 0));
  if (keywordOf(pods) !== "pods" || !prefix) return [];
  const stated = argument(pods, "per-node");
  return [
    stated
      ? replaceFix(title, stated, length)
      : replaceFix(title, sourceAt(pods, 0), `${prefix.text} per-node ${length}`),
  ];
}

/** The prefix length after `per-node`, or the given place if `per-node` is not set. */
export function perNodeOf(source: Origin): Origin {
  return argument(source, "per-node") ?? source;
}
