/** State that layers other than the modes add to machines. */
import type { Ip } from "../addressing/ip.ts";
import type { Device, Ipvs, Route, Socket } from "../dataplane/model.ts";
import type { Cluster, Interface, Node, Router, Segment, Topology } from "../topology/model.ts";
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
  /** The value that a program sets for a kernel parameter; the file's own value takes precedence. */
  sysctl?(node: Node, cluster: Cluster, name: string): string | undefined;
  ipvs?(node: Node, cluster: Cluster, parts: NodeParts): Ipvs | undefined;
  sockets?(node: Node, cluster: Cluster, parts: NodeParts): readonly Socket[];
  /** Interfaces on the segment that reply to ARP for an address that no interface has, the preferred one first. */
  answers?(topology: Topology, cluster: Cluster, segment: string, ip: Ip): readonly Interface[];
  router?(topology: Topology, router: Router, cluster: Cluster): RouterParts | undefined;
  /** Whether the cloud itself delivers packets to this address to the cluster's nodes on the segment: it does not check them. */
  delivers?(topology: Topology, cluster: Cluster, segment: Segment, ip: Ip): boolean;
}

/** State of a router that results from a cluster. */
export interface RouterParts {
  readonly routes: readonly Route[];
  readonly chains: () => readonly ChainRules[];
  readonly devices: readonly Device[];
}
