/**
 * The Amazon VPC CNI: pods have secondary addresses of the machine's network interfaces (ENIs). Addresses of the first
 * interface use table main; addresses of every other interface use a separate table, selected by source rules
 * (amazon-vpc-cni-k8s cmd/routed-eni-cni-plugin/driver/driver.go, pkg/networkutils/network.go).
 *
 * ipamd attaches as many interfaces as a node's pods need, and one in reserve, and fills each with single addresses or /28
 * prefixes of the subnet (pkg/ipamd, WARM_ENI_TARGET 1, WARM_PREFIX_TARGET 1). In knet, the addresses of an interface are
 * consecutive where possible, so a file always results in the same network.
 */
import { bits, hostPrefix, type Ip, lastAddress, type Prefix, prefixContains } from "../addressing/ip.ts";
import { buildPrefixTable } from "../addressing/prefix-table.ts";
import type { Device, NfTarget, PolicyRule, Route, RouteTable } from "../dataplane/model.ts";
import type { Conditions, RuleSpec } from "../dataplane/rule.ts";
import type { Origin } from "../declared/origin.ts";
import { booleanIn, numberIn, prefixesIn, statement, wordIn } from "../declared/settings.ts";
import { t } from "../text/l10n.ts";
import { type InterfaceNeed, sizeOfNeeds } from "../topology/addressing.ts";
import type { CniSettings, Interface, Node, Pod, Topology } from "../topology/model.ts";
import { ENI_LIMITS, type EniLimits } from "./aws-limits.ts";
import { firstOf } from "./azure.ts";
import { bridgedPods } from "./bridged.ts";
import { familyOf, interfaceMac } from "./host.ts";
import {
  type ChainRules,
  type ClusterContext,
  type CompiledMode,
  type Mode,
  NO_NODE_PARTS,
  type NodeParts,
} from "./mode.ts";
import { CODES, type NetworkProblem, problem } from "./problems.ts";
import { type RoutedSpec, routedHost, routedPod } from "./routed.ts";
import { pluginOf, settingsOf, settingsPerNode } from "./settings.ts";
import { subnetProblems } from "./subnet-share.ts";

interface AwsSettings {
  readonly instance: string;
  readonly limits: EniLimits;
  /** /28 prefixes instead of single addresses (ENABLE_PREFIX_DELEGATION). */
  readonly prefixes: boolean;
  readonly ipv6: boolean;
  readonly externalSnat: boolean;
  /** VPC ranges, and other ranges exempt from SNAT; undefined: the cloud's segments. */
  readonly vpc: readonly Prefix[] | undefined;
  readonly excluded: readonly Prefix[];
  /** AWS_VPC_ENI_MTU. */
  readonly mtu: number;
  readonly instanceSource: Origin;
  readonly snatSource: Origin;
  readonly source: Origin;
}

function awsSettings(cluster: CniSettings, node: CniSettings | undefined): AwsSettings {
  const settings = settingsOf(cluster, node);
  const source = node?.plugin === "aws-vpc" ? node.source : cluster.source;
  const instance = statement(settings, "instance");
  const snat = statement(settings, "external-snat");
  const vpc = statement(settings, "vpc");
  const excluded = statement(settings, "exclude-snat");
  const name = wordIn(instance) ?? "m5.large";
  const known = ENI_LIMITS.get(name) ?? { enis: 3, ips: 10 };
  return {
    instance: name,
    limits: {
      enis: numberIn(statement(settings, "enis")) ?? known.enis,
      ips: numberIn(statement(settings, "ips-per-eni")) ?? known.ips,
    },
    prefixes: booleanIn(statement(settings, "prefix-delegation"), false),
    ipv6: wordIn(statement(settings, "ip-family")) === "ipv6",
    externalSnat: booleanIn(snat, false),
    vpc: vpc && prefixesIn(vpc),
    excluded: excluded ? prefixesIn(excluded) : [],
    mtu: numberIn(statement(settings, "mtu")) ?? 9001,
    instanceSource: instance ?? source,
    snatSource: snat ?? source,
    source,
  };
}

/**
 * Pod addresses of a node: each interface's first address is its primary address, every other slot is an address or a
 * /28.
 */
function capacityOf({ limits, prefixes }: AwsSettings): number {
  return limits.enis * (limits.ips - 1) * (prefixes ? 16 : 1);
}

/** kubelet's max-pods by the AWS formula; the extra 2 are host network pods. With prefixes, AWS recommends 110. */
function maxPodsOf(settings: AwsSettings): number {
  const formula = capacityOf(settings) + 2;
  return settings.prefixes || settings.ipv6 ? Math.min(formula, 110) : formula;
}

export const awsVpc: Mode = {
  plugin: "aws-vpc",
  addressing: (cni) => {
    const settings = awsSettings(cni, undefined);
    const maxPods = maxPodsOf(settings);
    if (settings.ipv6) {
      return {
        gateway: () => undefined,
        usable: (cidr) => firstOf(cidr, 2 ** 16),
        nodeRanges: [],
        fromSegment: { kind: "block", family: 6, len: 80, atWorst: 80 },
        maxPods,
      };
    }
    return {
      gateway: () => undefined,
      usable: (cidr) => ({ first: cidr.ip, last: lastAddress(cidr) }),
      nodeRanges: [],
      fromSegment: { kind: "interfaces", family: 4, needs: (pods) => interfacesFor(settings, pods) },
      maxPods,
    };
  },
  check,
  compile,
};

function check(context: ClusterContext): readonly NetworkProblem[] {
  const { cluster } = context;
  const settings = awsSettings(cluster.cni, undefined);
  const problems: NetworkProblem[] = [];
  const { instance, limits, instanceSource } = settings;
  const most = capacityOf(settings) + 2;
  if (!settings.ipv6 && cluster.maxPods > most) {
    const data = { instance, enis: limits.enis, ips: limits.ips, most, maxPods: cluster.maxPods };
    problems.push(problem(CODES.instanceMaxPods, instanceSource, data));
  }
  // Every attached interface is filled with addresses (WARM_ENI_TARGET 1), whether or not pods use them.
  if (!settings.ipv6) problems.push(...subnetProblems(context, "aws-vpc", (node) => takenBy(context, node), 0));
  return problems;
}

/**
 * The interfaces of a node: those that its pods need and, without prefixes, one in reserve, all filled; with prefixes, one
 * free prefix.
 */
function interfacesFor({ limits: { enis, ips }, prefixes }: AwsSettings, pods: number): readonly InterfaceNeed[] {
  const slots = ips - 1;
  if (!prefixes) {
    const attached = Math.min(enis, Math.ceil(pods / slots) + 1);
    return Array.from({ length: Math.max(1, attached) }, () => ({ units: slots, len: 32 }));
  }
  const units = Math.min(Math.ceil((pods + 1) / 16), enis * slots);
  const attached = Math.max(1, Math.ceil(units / Math.max(1, slots)));
  return Array.from({ length: attached }, (_, i) => ({ units: Math.min(slots, units - i * slots), len: 28 }));
}

/** Addresses of the subnet that a node uses now, including the interfaces' own. */
function takenBy({ cluster }: ClusterContext, node: Node): number {
  const settings = awsSettings(cluster.cni, node.cni);
  // Includes pods that found the subnet full.
  const pods = [...cluster.pods.podsOn(node)].filter(({ workload }) => !workload.hostNetwork).length;
  const needs = interfacesFor(settings, pods);
  return sizeOfNeeds(needs) + needs.length;
}

/** A secondary interface: device, primary address, routing table. */
interface Eni {
  readonly device: string;
  readonly address: Ip;
  readonly table: string;
}

/** Index of the interface that has an address; 0 is the first interface. The primary address of each further interface starts its list. */
function eniIndex(node: Node, { ipv6 }: AwsSettings, ip: Ip): number {
  if (ipv6 || typeof ip !== "number") return 0;
  let index = 0;
  for (const { prefix, own = 0 } of node.podCidrs) {
    if (own > 0) index++;
    if (prefixContains(prefix, ip)) return index;
  }
  return 0;
}

function eniAt(node: Node, index: number): Eni | undefined {
  const address = node.podCidrs.filter(({ own = 0 }) => own > 0)[index - 1]?.prefix.ip;
  // CalculateRouteTableId: device number plus one.
  return address === undefined
    ? undefined
    : { device: `eth${node.interfaces.length - 1 + index}`, address, table: String(index + 1) };
}

/** The secondary interfaces that are attached because pods have their addresses. */
function enisOf({ cluster }: ClusterContext, node: Node, settings: AwsSettings): readonly Eni[] {
  const used = new Set<number>();
  for (const pod of bridgedPods(cluster.pods.podsOn(node)))
    for (const ip of pod.addresses) used.add(eniIndex(node, settings, ip));
  return [...used]
    .filter((index) => index > 0)
    .sort((a, b) => a - b)
    .flatMap((index) => eniAt(node, index) ?? []);
}

function routedSpec(node: Node, { mtu, source }: AwsSettings): RoutedSpec {
  return { prefix: "eni", mtu: Math.min(mtu, node.interfaces[0]?.mtu ?? mtu), scope: "link", origin: source };
}

function compile(context: ClusterContext): CompiledMode {
  const { cluster } = context;
  const settingsFor = settingsPerNode(cluster, awsSettings);
  const cloud = cloudRanges(context.topology);
  return {
    node: (node) => nodeParts(context, node, settingsFor(node), cloud),
    pod: (pod, node) => routedPod(pod, node, routedSpec(node, settingsFor(node))),
    localAddresses: () => [],
    fabricEnd: (ip) => {
      const node = cluster.nodeByPodAddress(ip);
      const [iface] = node?.interfaces ?? [];
      if (!node || !iface || pluginOf(cluster, node) !== "aws-vpc") return undefined;
      const settings = settingsFor(node);
      const index = eniIndex(node, settings, ip);
      // No device has the addresses of an interface that is not attached yet.
      const own = index === 0 ? iface.device : eniAt(node, index)?.device;
      const device = index === 0 ? own : enisOf(context, node, settings).find((one) => one.device === own)?.device;
      return device === undefined ? undefined : { segment: iface.segment, node, device };
    },
  };
}

function cloudRanges({ segments }: Topology): readonly Prefix[] {
  return [...segments.values()].filter(({ cloud }) => cloud === "aws").flatMap(({ cidrs }) => cidrs);
}

function nodeParts(context: ClusterContext, node: Node, settings: AwsSettings, cloud: readonly Prefix[]): NodeParts {
  const { topology, cluster } = context;
  const [iface] = node.interfaces;
  const pods = [...bridgedPods(cluster.pods.podsOn(node))];
  const enis = enisOf(context, node, settings);
  const spec = routedSpec(node, settings);
  const host = routedHost(node, spec, pods);
  const gateways = topology.segments.get(iface?.segment ?? "")?.gateways ?? [];
  const vpc = (settings.vpc ?? cloud).filter(({ ip }) => typeof ip === "number");
  return {
    ...NO_NODE_PARTS,
    devices: [...(iface ? enis.map((one) => eniDevice(node, iface, one, spec)) : []), ...host.devices],
    routes: host.routes,
    rules: policyRules(node, settings, pods, enis),
    tables: new Map(enis.map((one) => [one.table, eniTable(gateways, one)])),
    // ipamd deletes the subnet route that the kernel adds for a secondary interface.
    deletes: ({ nexthops }) => nexthops.some(({ dev }) => enis.some(({ device }) => device === dev)),
    chains: () => (settings.ipv6 || settings.externalSnat || !iface ? [] : snat(iface, settings, vpc)),
  };
}

function policyRules(
  node: Node,
  settings: AwsSettings,
  pods: readonly Pod[],
  enis: readonly Eni[],
): readonly PolicyRule[] {
  const addresses = pods.flatMap((pod) => pod.addresses);
  return [
    ...addresses.map((ip) => ({ priority: 512, to: hostPrefix(ip), table: "main" })),
    ...(settings.externalSnat || settings.ipv6
      ? []
      : [{ priority: 1024, fwmark: { value: 0x80, mask: 0x80 }, table: "main" }]),
    ...addresses.flatMap((ip): PolicyRule[] => {
      const index = eniIndex(node, settings, ip);
      return index === 0 ? [] : [{ priority: 1536, from: hostPrefix(ip), table: String(index + 1) }];
    }),
    ...enis.map(({ address, table }) => ({ priority: 32765, from: hostPrefix(address), table })),
  ];
}

function eniDevice(node: Node, first: Interface, { device, address }: Eni, { mtu, origin }: RoutedSpec): Device {
  const len = first.addresses.find(({ ip }) => familyOf(ip) === 4)?.len ?? bits(address);
  return {
    kind: "physical",
    name: device,
    segment: first.segment,
    mtu,
    mac: interfaceMac(node.path, device),
    addresses: [{ ip: address, len }],
    origin,
  };
}

/** setupENINetwork: an on-link route to the subnet's gateway and a default route via the gateway. */
function eniTable(gateways: readonly Ip[], { device, table }: Eni): RouteTable {
  const gateway = gateways.find((ip) => typeof ip === "number");
  if (gateway === undefined) return { layers: [] };
  const base = { type: "unicast", why: t`ipamd: table ${table} for ${device}`, origin: undefined } as const;
  const routes: readonly Route[] = [
    { ...base, dst: hostPrefix(gateway), nexthops: [{ dev: device }], scope: "link" },
    { ...base, dst: { ip: 0, len: 0 }, nexthops: [{ via: gateway, dev: device }] },
  ];
  return { layers: [{ table: buildPrefixTable(routes.map((route) => [route.dst, route] as const)) }] };
}

/**
 * Packets to destinations outside the VPC get the first interface's address, so they must leave through that interface:
 * a mark on packets from pods selects table main (iptables_connmark.go, buildIptablesSNATRules).
 */
function snat(first: Interface, { excluded, snatSource }: AwsSettings, vpc: readonly Prefix[]): readonly ChainRules[] {
  const primary = first.addresses.find(({ ip }) => familyOf(ip) === 4)?.ip;
  if (primary === undefined) return [];
  const rule = (match: Conditions, target: NfTarget, comment: string): RuleSpec => ({
    match,
    target,
    comment,
    origin: snatSource,
  });
  const inside = excluded.filter(({ ip }) => typeof ip === "number");
  return [
    {
      family: 4,
      table: "nat",
      chain: "PREROUTING",
      rules: [
        rule({ in: { is: "eni+" } }, { kind: "JUMP", chain: "AWS-CONNMARK-CHAIN-0" }, "AWS, outbound connections"),
        rule({}, { kind: "CONNMARK", op: "restore", mask: 0x80 }, "AWS, CONNMARK"),
      ],
    },
    {
      family: 4,
      table: "nat",
      chain: "AWS-CONNMARK-CHAIN-0",
      rules: [
        ...[...vpc, ...inside].map((prefix) => rule({ dst: { is: prefix } }, { kind: "RETURN" }, "AWS CONNMARK CHAIN")),
        rule({}, { kind: "CONNMARK", op: "set", value: 0x80, mask: 0x80 }, "AWS, CONNMARK"),
      ],
    },
    {
      family: 4,
      table: "mangle",
      chain: "PREROUTING",
      rules: [
        rule(
          { in: { is: first.device }, addrtype: { side: "dst", type: "LOCAL" } },
          { kind: "CONNMARK", op: "set", value: 0x80, mask: 0x80 },
          "AWS, primary ENI",
        ),
        rule({ in: { is: "eni+" } }, { kind: "CONNMARK", op: "restore", mask: 0x80 }, "AWS, primary ENI"),
      ],
    },
    {
      family: 4,
      table: "nat",
      chain: "POSTROUTING",
      rules: [rule({}, { kind: "JUMP", chain: "AWS-SNAT-CHAIN-0" }, "AWS SNAT CHAIN")],
    },
    {
      family: 4,
      table: "nat",
      chain: "AWS-SNAT-CHAIN-0",
      rules: [
        ...vpc.map((prefix) => rule({ dst: { is: prefix } }, { kind: "RETURN" }, "AWS SNAT CHAIN")),
        ...inside.map((prefix) => rule({ dst: { is: prefix } }, { kind: "RETURN" }, "AWS SNAT CHAIN EXCLUSION")),
        rule(
          { out: { is: "vlan+", not: true }, addrtype: { side: "dst", type: "LOCAL", not: true } },
          { kind: "SNAT", to: primary, randomFully: true },
          "AWS, SNAT",
        ),
      ],
    },
  ];
}
