/** What a file of an installer states about a cluster. */
import type { Prefix } from "../../addressing/ip.ts";
import type { Draft } from "../../declared/build.ts";
import type { Evidence } from "../kubernetes/evidence.ts";
import type { KubeObject } from "../kubernetes/object.ts";
import type { Plugin } from "../kubernetes/plugins/plugin.ts";

export interface Installer {
  /** As notes show it: "kubeadm". */
  readonly name: string;
  readonly object: KubeObject;
  readonly pods: readonly Evidence<Prefix>[];
  readonly services: readonly Evidence<Prefix>[];
  /** The installer's own defaults, used if nothing states a range. */
  readonly defaults?: { readonly pods?: string; readonly services?: string };
  /** "v1.33.2" */
  readonly version?: Evidence<string> | undefined;
  /** Prefix length of a node's pod CIDR; of IPv4. */
  readonly perNode?: Evidence<string> | undefined;
  readonly domain?: Evidence<string> | undefined;
  readonly dns?: Evidence<string> | undefined;
  readonly nodePorts?: Evidence<string> | undefined;
  readonly maxPods?: Evidence<string> | undefined;
  /** iptables, ipvs, nftables, or none. */
  readonly proxyMode?: Evidence<string> | undefined;
  /** Statements of the block of `kube-proxy`. */
  readonly proxySettings?: readonly Draft[];
  readonly plugin?: Plugin | undefined;
  /** Statements about the nodes, if the file lists them; `segment`: their network. */
  readonly machines?: Machines | undefined;
}

export interface Machines {
  /** Statements at the top level: the segment `nodes`, and the router `gateway`. */
  readonly network: readonly Draft[];
  /** Statements in the cluster: nodes. */
  readonly nodes: readonly Draft[];
}
