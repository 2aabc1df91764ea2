/** The networks of a cloud as its resources describe them, in the same form for all providers. */
import type { Prefix } from "../../addressing/ip.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import type { At, Resource } from "./resource.ts";

export type Provider = "aws" | "azure" | "gcp";

export interface Range {
  readonly prefix: Prefix;
  readonly at: At;
}

/** A VPC or VNet. */
export interface CloudNet {
  readonly id: Resource;
  readonly provider: Provider;
  readonly ranges: readonly Range[];
  /** Undefined: the provider's default. */
  readonly mtu: number | undefined;
}

export interface CloudSubnet {
  readonly id: Resource;
  readonly net: Resource;
  readonly ranges: readonly Range[];
  /** Routes of the packets that leave machines in the subnet. */
  readonly table: CloudTable;
  /** Whether its machines have public addresses, so the internet gateway serves them. */
  readonly isPublic: boolean;
  /** Rules for packets from and to the subnet (Azure). */
  readonly rules: readonly Rule[];
}

/** A route table, or the routes that all subnets without one have. */
export interface CloudTable {
  readonly id: Resource;
  readonly net: Resource;
  /** Proposed name. */
  readonly label: string;
  readonly routes: readonly CloudRoute[];
}

export interface CloudRoute {
  /** Undefined: the default route. */
  readonly to: Prefix | undefined;
  readonly family: 4 | 6;
  readonly target: Target;
  readonly at: At;
  /** Not written in a route table: the cloud adds it on its own. */
  readonly isImplied: boolean;
}

export type Target =
  | { readonly kind: "internet" }
  | { readonly kind: "nat"; readonly nat: Resource }
  | { readonly kind: "peering"; readonly peering: Resource }
  | { readonly kind: "transit"; readonly transit: Resource }
  | { readonly kind: "vpn"; readonly vpn: Resource }
  | { readonly kind: "address"; readonly address: string }
  | { readonly kind: "drop" }
  /** Not modeled: "virtual private gateway". */
  | { readonly kind: "other"; readonly text: string };

export interface CloudNat {
  readonly id: Resource;
  readonly subnet: Resource;
  readonly address: string | undefined;
  /** A private NAT gateway has no public address. */
  readonly isPublic: boolean;
}

export interface CloudPeering {
  readonly id: Resource;
  readonly nets: readonly [Resource, Resource];
  /** The cloud rejects the peering, because ranges of its networks overlap. */
  readonly isRejected: boolean;
}

/** A VPN gateway of a network, and the networks on the other side of its connections. */
export interface CloudVpn {
  readonly id: Resource;
  readonly net: Resource;
  /** The resource that describes the other side. */
  readonly peer: Resource | undefined;
  readonly remotes: readonly Range[];
}

export interface CloudTransit {
  readonly id: Resource;
  readonly tables: readonly TransitTable[];
}

/** A route table of a transit gateway: the attachments that use it, and where its packets go. */
export interface TransitTable {
  readonly at: Resource;
  readonly attached: readonly Attachment[];
  /** The attachments whose networks it has routes to. */
  readonly propagated: readonly Attachment[];
  readonly routes: readonly TransitRoute[];
}

export interface TransitRoute {
  readonly to: Prefix | undefined;
  /** Undefined: packets are dropped. */
  readonly via: Attachment | undefined;
  readonly at: At;
}

export interface Attachment {
  readonly id: Resource;
  readonly net: Resource;
  readonly subnets: readonly Resource[];
}

/** A stateful rule of a security group, a network security group, or a firewall. */
export interface Rule {
  readonly action: "allow" | "deny";
  readonly direction: "in" | "out";
  /** "any", "tcp", "udp", "icmp", … */
  readonly protocol: string;
  /** "443", "1000-2000"; empty: all. */
  readonly ports: readonly string[];
  readonly from: readonly string[];
  readonly to: readonly string[];
  readonly at: At;
}

export interface CloudMachine {
  readonly id: Resource;
  readonly interfaces: readonly { readonly subnet: Resource; readonly addresses: readonly string[]; readonly at: At }[];
  readonly isPublic: boolean;
  readonly forwards: boolean;
  readonly rules: readonly Rule[];
  /** Ports of a load balancer or an endpoint: "443", "53/udp". */
  readonly listens?: readonly { readonly port: string; readonly at: At }[] | undefined;
  /** The machines that a load balancer forwards connections to. */
  readonly targets?: readonly BalancerTarget[] | undefined;
}

export interface BalancerTarget {
  readonly machine: Resource;
  readonly port: number;
  readonly isUdp: boolean;
  readonly at: At;
}

export interface CloudCluster {
  readonly id: Resource;
  readonly label: string;
  readonly pods: readonly Range[];
  readonly services: readonly Range[];
  readonly maxPods: { readonly value: number; readonly at: At } | undefined;
  /** The `cni` statement and its settings. */
  readonly cni: Setting;
  readonly pools: readonly NodePool[];
  /** Whether the nodes must reach the internet to start: no private endpoints are visible. */
  readonly needsInternet: boolean;
}

export interface Setting {
  readonly keyword: string;
  readonly args: Readonly<Record<string, string | readonly string[]>>;
  readonly children: readonly Setting[];
  readonly at: At;
}

export interface NodePool {
  readonly label: string;
  /** A single node with a known address; `label` is its name. */
  readonly address?: string;
  readonly subnet: Resource;
  readonly count: number;
  readonly at: At;
  readonly maxPods?: CloudCluster["maxPods"];
  /** Whether the nodes may send and receive packets with pod addresses: the cloud disables the source check. */
  readonly forwards?: boolean;
}

export interface CloudModel {
  readonly nets: readonly CloudNet[];
  readonly subnets: readonly CloudSubnet[];
  readonly nats: readonly CloudNat[];
  readonly peerings: readonly CloudPeering[];
  readonly transits: readonly CloudTransit[];
  readonly machines: readonly CloudMachine[];
  readonly clusters: readonly CloudCluster[];
  readonly vpns: readonly CloudVpn[];
  /** Modeled resources of types of which others are not modeled. */
  readonly read: readonly Resource[];
  readonly problems: readonly FileProblem[];
}
