/**
 * GKE, VPC-native: a node's pod CIDR is an alias range of its interface, allocated from a secondary range of the
 * subnet. The VPC routes it to the machine; the nodes have no routes to each other's pods. Pods are connected by veth
 * pairs as with the ptp plugin, and ip-masq-agent masquerades.
 */
import { type Prefix, parsePrefix } from "../addressing/ip.ts";
import type { Origin } from "../declared/origin.ts";
import { booleanIn, prefixesIn, statement } from "../declared/settings.ts";
import type { CniSettings, Node, PodCidr } from "../topology/model.ts";
import { bridgedPods } from "./bridged.ts";
import { cloudRoutes } from "./cloud-routes.ts";
import { familyOf } from "./host.ts";
import { gatewayIn, kubeRanges, usableIn } from "./hostlocal.ts";
import { masqAgentChains } from "./masq-agent.ts";
import { type ClusterContext, type CompiledMode, type Mode, NO_NODE_PARTS } from "./mode.ts";
import { type PtpSpec, ptpHost, ptpPod } from "./ptp.ts";
import { pluginOf, settingsOf, settingsPerNode } from "./settings.ts";

/** ip-masq-agent with --nomasq-all-reserved-ranges: destinations that see the pod's address (NewMasqConfig). */
const RESERVED: readonly Prefix[] = [
  "169.254.0.0/16",
  "10.0.0.0/8",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "100.64.0.0/10",
  "192.0.0.0/24",
  "192.0.2.0/24",
  "192.88.99.0/24",
  "198.18.0.0/15",
  "198.51.100.0/24",
  "203.0.113.0/24",
  "240.0.0.0/4",
].flatMap((text) => {
  const prefix = parsePrefix(text)?.prefix;
  return prefix ? [prefix] : [];
});

interface GkeSettings {
  readonly ipMasq: boolean;
  readonly kept: readonly Prefix[];
  readonly masqSource: Origin;
  readonly source: Origin;
}

function gkeSettings(cluster: CniSettings, node: CniSettings | undefined): GkeSettings {
  const settings = settingsOf(cluster, node);
  const source = node?.plugin === "gke" ? node.source : cluster.source;
  const ipMasq = statement(settings, "ip-masq");
  const kept = statement(settings, "non-masquerade");
  return {
    ipMasq: booleanIn(ipMasq, true),
    kept: kept ? prefixesIn(kept) : RESERVED,
    masqSource: kept ?? ipMasq ?? source,
    source,
  };
}

export const gke: Mode = {
  plugin: "gke",
  addressing: (_, podCidrs, maxPods) => ({
    gateway: (cidr) => gatewayIn(cidr, "first"),
    usable: (cidr) => usableIn(cidr, "first"),
    nodeRanges: kubeRanges(podCidrs.map((one) => sized(one, maxPods))),
  }),
  check: () => [],
  compile,
};

/**
 * The smallest block with at least twice as many addresses as pods, and at least a /28: 8 → /28, 32 → /26, 110 → /24,
 * 256 → /23.
 */
function sized(range: PodCidr, maxPods: number | undefined): PodCidr {
  if (maxPods === undefined || typeof range.prefix.ip !== "number") return range;
  const hostBits = Math.max(4, Math.ceil(Math.log2(2 * maxPods)));
  return { ...range, perNode: Math.max(range.prefix.len, 32 - hostBits) };
}

function compile(context: ClusterContext): CompiledMode {
  const { cluster } = context;
  const settingsFor = settingsPerNode(cluster, gkeSettings);
  const spec = (node: Node): PtpSpec => ({
    mtu: node.interfaces[0]?.mtu ?? 1460,
    ranges: node.podCidrs.flatMap(({ prefix: cidr }) => {
      const gateway = gatewayIn(cidr, "first");
      return gateway === undefined ? [] : [{ cidr, gateway }];
    }),
    origin: settingsFor(node).source,
  });
  return {
    node: (node) => ({
      ...NO_NODE_PARTS,
      ...ptpHost(node, spec(node), cluster.pods.podsOn(node)),
      chains: () => {
        const { ipMasq, kept, masqSource } = settingsFor(node);
        const agent = { chain: "IP-MASQ", name: "ip-masq-agent", kept, randomFully: true, origin: masqSource };
        return ipMasq ? masqAgentChains(agent, [4]) : [];
      },
    }),
    pod: (pod, node) => ptpPod(pod, node, spec(node)),
    localAddresses: (node) => {
      for (const _ of bridgedPods(cluster.pods.podsOn(node))) return spec(node).ranges.map(({ gateway }) => gateway);
      return [];
    },
    fabricRoutes: cloudRoutes(context, "gke", () => true),
    fabricEnd: (ip) => {
      const node = cluster.nodeByPodAddress(ip);
      const [iface] = node?.interfaces ?? [];
      if (!node || !iface || pluginOf(cluster, node) !== "gke") return undefined;
      return iface.addresses.some((own) => familyOf(own.ip) === familyOf(ip))
        ? { segment: iface.segment, node, device: iface.device }
        : undefined;
    },
  };
}
