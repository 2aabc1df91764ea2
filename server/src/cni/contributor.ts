/** What other floors than the modes add to the machines. */
import type { Ip } from "../addressing/ip.ts";
import type { Device, Ipvs, Route } from "../dataplane/model.ts";
import type { Cluster, Interface, Node, Router, Topology } from "../topology/model.ts";
import type { ChainRules, ChainSource, NodeParts } from "./mode.ts";

/** What other floors add to a node besides its mode: kube-proxy's rules, policies. Rules of `before` come first in each chain. */
export interface Contributor {
  before?(node: Node, cluster: Cluster, parts: NodeParts): readonly ChainRules[];
  after?(node: Node, cluster: Cluster, parts: NodeParts): readonly ChainRules[];
  /** Chains to which those rules jump, made when a packet comes to them. */
  chains?(node: Node, cluster: Cluster, parts: NodeParts): ChainSource;
  devices?(node: Node, cluster: Cluster): readonly Device[];
  ipvs?(node: Node, cluster: Cluster): Ipvs | undefined;
  /** Nodes on the segment that answer ARP for an address which no interface has, the first one first. */
  answers?(topology: Topology, cluster: Cluster, segment: string, ip: Ip): readonly Interface[];
  router?(router: Router, cluster: Cluster): RouterParts | undefined;
}

/** What a router holds because of a cluster. */
export interface RouterParts {
  readonly routes: readonly Route[];
  readonly chains: () => readonly ChainRules[];
  readonly devices: readonly Device[];
}
