/** State that layers other than the modes add to machines. */
import type { Ip } from "../addressing/ip.ts";
import type { Device, Ipvs, Route, Socket } from "../dataplane/model.ts";
import type { Cluster, Interface, Node, Router, Topology } from "../topology/model.ts";
import type { ChainRules, ChainSource, NodeParts } from "./mode.ts";

/**
 * State that other layers add to a node besides its mode: kube-proxy's rules, policies. Rules of `before` come first in
 * each chain.
 */
export interface Contributor {
  before?(node: Node, cluster: Cluster, parts: NodeParts): readonly ChainRules[];
  after?(node: Node, cluster: Cluster, parts: NodeParts): readonly ChainRules[];
  /** Chains that those rules jump to, built when a packet reaches them. */
  chains?(node: Node, cluster: Cluster, parts: NodeParts): ChainSource;
  devices?(node: Node, cluster: Cluster): readonly Device[];
  ipvs?(node: Node, cluster: Cluster, parts: NodeParts): Ipvs | undefined;
  sockets?(node: Node, cluster: Cluster, parts: NodeParts): readonly Socket[];
  /** Kernel settings by full name; settings in the file take precedence, then the mode's settings. */
  sysctl?(cluster: Cluster, name: string): string | undefined;
  /** Interfaces on the segment that reply to ARP for an address that no interface has, the preferred one first. */
  answers?(topology: Topology, cluster: Cluster, segment: string, ip: Ip): readonly Interface[];
  router?(router: Router, cluster: Cluster): RouterParts | undefined;
}

/** State of a router that results from a cluster. */
export interface RouterParts {
  readonly routes: readonly Route[];
  readonly chains: () => readonly ChainRules[];
  readonly devices: readonly Device[];
}
