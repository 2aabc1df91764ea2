/** What a finding explains: its effects are not reported again. */
import type { Origin } from "../declared/origin.ts";
import type { Related } from "../declared/problem.ts";
import type { View } from "./view.ts";

export type Effect =
  /** Packets that are lost in the part of the file that contains the finding. */
  | "lost-packets"
  /** Packets that are lost anywhere in the cluster because a route to a pod block is missing. */
  | "unannounced-blocks"
  /** Routes that BGP does not distribute. */
  | "missing-bgp-routes"
  /** Nodes without a pod CIDR. */
  | "missing-pod-cidrs"
  /** Node pod CIDRs with fewer addresses than pods. */
  | "small-pod-cidrs"
  /** Nodes of one cluster with the same pod CIDR. */
  | "equal-pod-cidrs"
  /** Pod addresses on a segment of the nodes. */
  | "pods-on-segment"
  /** A segment without a free address. */
  | "full-segment"
  /** A network of the plugin that is not the cluster's pod CIDR. */
  | "other-network"
  /** An expectation whose names do not determine the sender or the destination. */
  | "unclear-endpoint"
  /** Frames that are too large for their segment. */
  | "oversized-frames"
  /** Packets that a smaller MTU along the path rejects. */
  | "rejected-packets";

/** A place that is already reported. */
export interface Reported {
  readonly source: Origin;
  readonly related: readonly Related[];
}

/** A view, and the places that are already reported. */
export interface Explained extends View {
  /** The places with this effect: a check does not report the effects of a reported cause. */
  explaining(effect: Effect): readonly Reported[];
}
