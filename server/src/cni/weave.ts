/**
 * Weave Net (weaveworks/weave, archived in 2024): one flat layer-2 network across all nodes. Each node has a bridge
 * with its pods, and a tunnel to all other nodes as a port of the bridge: frames to unknown MAC addresses are flooded,
 * and source addresses of replies are learned.
 *
 * The real network has an Open vSwitch datapath in between (`datapath`, with its device vxlan-6784, net/bridge.go and
 * router/fastdp.go). knet models the tunnel as a port of the bridge itself, with the same frames on the pod side and on
 * the underlay. The slow path (sleeve, UDP 6783), which Weave uses if UDP 6784 is blocked, is not modeled.
 */
import {
  addIp,
  formatPrefix,
  type Ip,
  lastAddress,
  type Prefix,
  prefixContains,
  prefixCovers,
} from "../addressing/ip.ts";
import type { BridgeNeighbour, Device, FdbEntry, Mac, NfTarget } from "../dataplane/model.ts";
import type { Conditions, RuleSpec } from "../dataplane/rule.ts";
import type { Origin } from "../declared/origin.ts";
import { lengthIn, numberIn, prefixesIn, statement } from "../declared/settings.ts";
import { t } from "../text/l10n.ts";
import type { Cluster, CniSettings, Node } from "../topology/model.ts";
import { type BridgeSpec, bridgeDevices, bridgedPod } from "./bridged.ts";
import { defaultInterface, familyOf, interfaceMac } from "./host.ts";
import { blockOf } from "./hostlocal.ts";
import { type ChainRules, type ClusterContext, type CompiledMode, type Mode, NO_NODE_PARTS } from "./mode.ts";
import { CODES, type NetworkProblem, problem } from "./problems.ts";
import { pluginOf, settingsOf, settingsPerNode } from "./settings.ts";
import { podMac } from "./veth.ts";

const BRIDGE = "weave";
const TUNNEL = "vxlan-6784";
/** The control connection and the slow path; the fast datapath uses the next port. */
const CONTROL_PORT = 6783;
const FAST_PORT = 6784;
/** IPALLOC_RANGE of the default manifest (prog/weave-kube/launch.sh). */
const RANGE: Prefix = { ip: 0x0a200000, len: 12 };
/** For an underlay MTU of 1460 bytes, minus 50 for VXLAN and 34 for ESP (net/bridge.go, fastdpImpl.init). */
const MTU = 1376;
/** knet divides the range into 2^8 blocks. */
const SHARES = 8;

interface WeaveSettings {
  readonly range: Prefix;
  /** Prefix length of a node's share of the range. */
  readonly perNode: number;
  readonly mtu: number;
  readonly sources: { readonly range: Origin };
  readonly source: Origin;
}

function weaveSettings(cluster: CniSettings, node: CniSettings | undefined): WeaveSettings {
  const settings = settingsOf(cluster, node);
  const source = node?.plugin === "weave" ? node.source : cluster.source;
  const range = statement(settings, "range");
  const within = (range && prefixesIn(range).find(({ ip }) => typeof ip === "number")) ?? RANGE;
  return {
    range: within,
    perNode: lengthIn(statement(settings, "per-node")) ?? Math.min(within.len + SHARES, 30),
    mtu: numberIn(statement(settings, "mtu")) || MTU,
    sources: { range: range ?? source },
    source,
  };
}

export const weave: Mode = {
  plugin: "weave",
  addressing: (settings) => {
    const { range, perNode } = weaveSettings(settings, undefined);
    return {
      gateway: (cidr) => bridgeAddress(range, cidr),
      usable: (cidr) => {
        const first = addIp(bridgeAddress(range, cidr), 1);
        const last = lastAddress(cidr);
        // Only the range itself has a network and a broadcast address.
        const end = last === lastAddress(range) ? addIp(last, -1) : last;
        return first === undefined || end === undefined || first > end ? undefined : { first, last: end };
      },
      // All addresses of the range are on-link; weave transfers parts of it between the nodes.
      accepts: (ip) => prefixContains(range, ip),
      nodeRanges: [
        {
          within: range,
          perNode,
          first: range.ip,
          last: blockOf(lastAddress(range), perNode),
          sameForAll: false,
          avoidsServices: false,
        },
      ],
    };
  },
  check,
  compile,
};

/**
 * The first address of a node's share belongs to its bridge (`weave expose`); 10.32.0.0 is the network address of the
 * range.
 */
function bridgeAddress(range: Prefix, cidr: Prefix): Ip {
  return cidr.ip === range.ip ? (addIp(cidr.ip, 1) ?? cidr.ip) : cidr.ip;
}

/** weaveutil netcheck: the launcher exits if the range overlaps a route of the host. */
function check(context: ClusterContext): readonly NetworkProblem[] {
  const { cluster } = context;
  const settings = weaveSettings(cluster.cni, undefined);
  for (const node of cluster.nodes) {
    if (pluginOf(cluster, node) !== "weave") continue;
    const taken = context
      .host(node)
      .routes.find(
        ({ dst }) =>
          dst.len > 0 &&
          familyOf(dst.ip) === 4 &&
          (prefixCovers(dst, settings.range) || prefixCovers(settings.range, dst)),
      );
    if (!taken) continue;
    const data = { range: settings.range, node: node.path, route: formatPrefix(taken.dst) };
    const related = [
      {
        source: taken.origin ?? node.source,
        message: t`node \`${node.path}\` has a route to ${formatPrefix(taken.dst)}`,
      },
    ];
    return [problem(CODES.weaveRangeOverlaps, settings.sources.range, data, related)];
  }
  return [];
}

function addressOf(node: Node): Ip | undefined {
  const iface =
    defaultInterface(node, 4) ?? node.interfaces.find((one) => one.addresses.some(({ ip }) => familyOf(ip) === 4));
  return iface?.addresses.find(({ ip }) => familyOf(ip) === 4)?.ip;
}

function shareOf(node: Node): Prefix | undefined {
  return node.podCidrs.find(({ prefix }) => familyOf(prefix.ip) === 4)?.prefix;
}

function bridgeMac(node: Node): Mac {
  return interfaceMac(node.path, BRIDGE);
}

function compile({ cluster }: ClusterContext): CompiledMode {
  const settingsFor = settingsPerNode(cluster, weaveSettings);
  const spec = (node: Node): BridgeSpec => {
    const { range, mtu, source } = settingsFor(node);
    const share = shareOf(node);
    return {
      name: BRIDGE,
      mtu,
      // All pods are on-link: the addresses have the prefix length of the whole range.
      ranges: share ? [{ cidr: range, gateway: bridgeAddress(range, share) }] : [],
      hairpin: true,
      vethDigits: 8,
      withoutPods: true,
      origin: source,
    };
  };
  return {
    node: (node) => {
      const local = addressOf(node);
      const made = bridgeDevices(node, spec(node), cluster.pods.podsOn(node));
      if (local === undefined || !shareOf(node)) return { ...NO_NODE_PARTS, devices: made };
      const settings = settingsFor(node);
      const { tunnel, remote } = overlay(cluster, node, local, settings);
      return {
        ...NO_NODE_PARTS,
        devices: [
          ...made.map((device) =>
            device.kind === "bridge"
              ? { ...device, portFor: (ip: Ip): BridgeNeighbour | undefined => device.portFor(ip) ?? remote(ip) }
              : device,
          ),
          tunnel,
        ],
        chains: () => weaveChains(settings),
        sockets: [
          { proto: "tcp", port: CONTROL_PORT, process: "weaver", origin: settings.source },
          { proto: "udp", port: CONTROL_PORT, process: "weaver", origin: settings.source },
          { proto: "udp", port: FAST_PORT, process: `${TUNNEL} (kernel)`, origin: settings.source },
        ],
      };
    },
    pod: (pod, node) => bridgedPod(pod, node, spec(node), []),
    localAddresses: (node) => spec(node).ranges.map(({ gateway }) => gateway),
  };
}

interface Overlay {
  readonly tunnel: Device;
  /** The neighbor that the bridge learns from a reply through the tunnel. */
  remote(ip: Ip): BridgeNeighbour | undefined;
}

function overlay(cluster: Cluster, self: Node, local: Ip, settings: WeaveSettings): Overlay {
  const learned = new Map<Mac, FdbEntry>();
  const learn = (node: Node, mac: Mac): BridgeNeighbour | undefined => {
    const dst = addressOf(node);
    if (node === self || dst === undefined || pluginOf(cluster, node) !== "weave") return undefined;
    learned.set(mac, { mac, dst, device: TUNNEL, learned: true, origin: node.source });
    return { port: TUNNEL, mac };
  };
  const remote = (ip: Ip): BridgeNeighbour | undefined => {
    if (!prefixContains(settings.range, ip)) return undefined;
    const pod = cluster.pods.podsByAddress(ip).find(({ node }) => node && pluginOf(cluster, node) === "weave");
    if (pod?.node) return learn(pod.node, podMac(pod));
    const node = cluster.nodeByPodAddress(ip);
    const share = node && shareOf(node);
    if (node && share && bridgeAddress(settings.range, share) === ip) return learn(node, bridgeMac(node));
    // A machine replies to ARP for any of its addresses on every interface, the bridge included (arp_ignore = 0).
    const machine = cluster.nodes.find(({ interfaces }) =>
      interfaces.some(({ addresses }) => addresses.some((own) => own.ip === ip)),
    );
    return machine && learn(machine, bridgeMac(machine));
  };
  const tunnel: Device = {
    kind: "vxlan",
    name: TUNNEL,
    mtu: settings.mtu,
    mac: interfaceMac(self.path, TUNNEL),
    addresses: [],
    master: BRIDGE,
    // Weave derives its tunnel keys from the peers' short IDs; here one number replaces them all.
    vni: 1,
    port: FAST_PORT,
    local,
    lower: undefined,
    learning: true,
    fdb: {
      lookup: (mac) => learned.get(mac),
      // Destinations of broadcast and unknown unicast frames.
      entries: function* () {
        for (const node of cluster.nodes) {
          const dst = node === self || pluginOf(cluster, node) !== "weave" ? undefined : addressOf(node);
          if (dst !== undefined) yield { mac: "00:00:00:00:00:00", dst, device: TUNNEL, origin: node.source };
        }
      },
    },
    origin: settings.source,
  };
  return { tunnel, remote };
}

const MULTICAST: Prefix = { ip: 0xe0000000, len: 4 };

/** net/bridge.go configureIPTables and net/expose.go, without the network policy controller (EXPECT_NPC=0). */
function weaveChains({ range, source }: WeaveSettings): readonly ChainRules[] {
  const rule = (match: Conditions, target: NfTarget): RuleSpec => ({ match, target, origin: source });
  const masquerade: NfTarget = { kind: "MASQUERADE" };
  const jump = (chain: string): NfTarget => ({ kind: "JUMP", chain });
  return [
    {
      family: 4,
      table: "filter",
      chain: "FORWARD",
      rules: [
        rule({ in: { is: BRIDGE }, out: { is: BRIDGE } }, { kind: "ACCEPT" }),
        rule({ out: { is: BRIDGE } }, jump("WEAVE-EXPOSE")),
        rule({ in: { is: BRIDGE }, out: { is: BRIDGE, not: true } }, { kind: "ACCEPT" }),
        rule({ out: { is: BRIDGE }, ctstate: ["RELATED", "ESTABLISHED"] }, { kind: "ACCEPT" }),
      ],
    },
    { family: 4, table: "filter", chain: "WEAVE-EXPOSE", rules: [rule({ dst: { is: range } }, { kind: "ACCEPT" })] },
    { family: 4, table: "nat", chain: "POSTROUTING", rules: [rule({}, jump("WEAVE"))] },
    {
      family: 4,
      table: "nat",
      chain: "WEAVE",
      rules: [
        rule({ src: { is: range }, dst: { is: MULTICAST } }, { kind: "RETURN" }),
        rule({ src: { is: range, not: true }, dst: { is: range } }, masquerade),
        rule({ src: { is: range }, dst: { is: range, not: true } }, masquerade),
      ],
    },
  ];
}
