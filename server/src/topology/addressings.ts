/** How the nodes of a cluster get the addresses of their pods: one answer of the mode for all nodes with the same settings. */
import { memo } from "../memo/memo.ts";
import type { AddressingOf, ModeAddressing } from "./addressing.ts";
import type { ClusterDraft } from "./cluster.ts";
import type { CniSettings, PodCidr } from "./model.ts";

export interface Addressings {
  readonly cluster: ModeAddressing;
  /** `own`: the node's own settings. */
  of(own: CniSettings | undefined): ModeAddressing;
}

/** The same object while the cluster's settings are the same. */
export function addressingsOf(
  { cni, podCidrs, maxPods }: Pick<ClusterDraft, "cni" | "podCidrs" | "maxPods">,
  addressingOf: AddressingOf,
): Addressings {
  return known(cni, podCidrs, maxPods, addressingOf);
}

const known = memo(
  (cni: CniSettings, podCidrs: readonly PodCidr[], maxPods: number | undefined, addressingOf: AddressingOf) => {
    const cluster = addressingOf(cni, podCidrs, maxPods);
    const ofNodes = memo((own: CniSettings) => addressingOf(own, podCidrs, maxPods));
    return {
      cluster,
      of: (own: CniSettings | undefined): ModeAddressing => (own === undefined ? cluster : ofNodes(own)),
    };
  },
);
