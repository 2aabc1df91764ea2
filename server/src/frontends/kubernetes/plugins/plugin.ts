/** What the inference of a plugin returns. */
import type { Prefix } from "../../../addressing/ip.ts";
import type { Draft } from "../../../declared/build.ts";
import type { Evidence } from "../evidence.ts";
import type { KubeObject } from "../object.ts";

export interface Plugin {
  /** Value of `cni`. */
  readonly name: string;
  /** What shows the plugin. */
  readonly shown: Evidence<unknown>;
  /** The statements of its block. */
  readonly settings: readonly Draft[];
  /** The policy engine if another program enforces policies, or none does. */
  readonly engine?: Evidence<string> | undefined;
  /** The pods' ranges that its configuration states; in the order of families. */
  readonly ranges: readonly Evidence<Prefix>[];
  /** The plugin allocates pod addresses from its own ranges and ignores the nodes' podCIDR. */
  readonly ownRanges?: boolean;
  /** The pod CIDR if nothing states one. */
  readonly defaultPods?: string;
  /** The setting with the pod network, if it can differ from the cluster's. */
  readonly networkKeyword?: string;
  /** Nodes get a declared pod CIDR that is not `spec.podCIDR`. */
  readonly podCidrs?: (node: KubeObject) => readonly Evidence<Prefix>[];
  /** The statements of a node's `cni` block. */
  readonly ofNode?: (node: KubeObject) => readonly Draft[];
}
