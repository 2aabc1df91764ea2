/**
 * kubenet: kubelet's own network plugin until 1.23 (pkg/kubelet/dockershim/network/kubenet/kubenet_linux.go). A bridge
 * cbr0 with the node's pod CIDR, one masquerade rule, and nothing between nodes: the cloud's route table has the routes
 * to the pod CIDRs.
 */
import { type Prefix, parsePrefix } from "../addressing/ip.ts";
import type { RuleSpec } from "../dataplane/rule.ts";
import type { Origin } from "../declared/origin.ts";
import { booleanIn, numberIn, prefixesIn, statement } from "../declared/settings.ts";
import { t } from "../text/l10n.ts";
import type { CloudName, CniSettings, Node } from "../topology/model.ts";
import { type BridgeSpec, bridgeDevices, bridgedPod, bridgedPods } from "./bridged.ts";
import { cloudRoutes } from "./cloud-routes.ts";
import { familyOf } from "./host.ts";
import { gatewayIn, kubeRanges, usableIn } from "./hostlocal.ts";
import { type ChainRules, type ClusterContext, type CompiledMode, type Mode, NO_NODE_PARTS } from "./mode.ts";
import { CODES, type NetworkProblem, problem } from "./problems.ts";
import { settingsOf, settingsPerNode } from "./settings.ts";

interface KubenetSettings {
  readonly cloudRoutes: boolean;
  /** kubelet's --non-masquerade-cidr. */
  readonly nonMasquerade: Prefix;
  readonly mtu: number | undefined;
  /** Maximum number of routes in the cloud's route table, if set in the file. */
  readonly limit: number | undefined;
  readonly routesSource: Origin;
  readonly masqSource: Origin;
  readonly source: Origin;
}

/** Routes per table: AWS's default quota, Azure's limit for user-defined routes. */
const ROUTE_LIMITS: Readonly<Record<CloudName, number | undefined>> = { aws: 50, azure: 400, gcp: undefined };
const DEFAULT_NON_MASQUERADE: Prefix = parsePrefix("10.0.0.0/8")?.prefix ?? { ip: 0, len: 0 };

function kubenetSettings(cluster: CniSettings, node: CniSettings | undefined): KubenetSettings {
  const settings = settingsOf(cluster, node);
  const source = node?.plugin === "kubenet" ? node.source : cluster.source;
  const routes = statement(settings, "cloud-routes");
  const masq = statement(settings, "non-masquerade");
  const limit = statement(settings, "route-limit");
  return {
    cloudRoutes: booleanIn(routes, true),
    nonMasquerade: (masq && prefixesIn(masq)[0]) ?? DEFAULT_NON_MASQUERADE,
    mtu: numberIn(statement(settings, "mtu")),
    limit: numberIn(limit),
    routesSource: limit ?? routes ?? source,
    masqSource: masq ?? source,
    source,
  };
}

export const kubenet: Mode = {
  plugin: "kubenet",
  addressing: (_, podCidrs) => ({
    gateway: (cidr) => gatewayIn(cidr, "first"),
    usable: (cidr) => usableIn(cidr, "first"),
    nodeRanges: kubeRanges(podCidrs),
  }),
  check,
  compile,
};

function check({ topology, cluster }: ClusterContext): readonly NetworkProblem[] {
  const { cloudRoutes: wanted, limit: stated, routesSource } = kubenetSettings(cluster.cni, undefined);
  if (!wanted) return [];
  const routes = cluster.nodes.reduce((sum, { podCidrs }) => sum + podCidrs.length, 0);
  const segment = topology.segments.get(cluster.nodes[0]?.interfaces[0]?.segment ?? "");
  const limit = stated ?? (segment?.cloud === undefined ? undefined : ROUTE_LIMITS[segment.cloud]);
  if (limit === undefined || routes <= limit) return [];
  const data = { cluster: cluster.name, routes, limit };
  const related = segment ? [{ source: segment.source, message: t`segment \`${segment.name}\`` }] : [];
  return [problem(CODES.cloudRouteLimit, routesSource, data, related)];
}

function compile(context: ClusterContext): CompiledMode {
  const { cluster } = context;
  const settingsFor = settingsPerNode(cluster, kubenetSettings);
  const spec = (node: Node): BridgeSpec => {
    const { mtu, source } = settingsFor(node);
    return {
      name: "cbr0",
      // findMinMTU: the smallest MTU among the interfaces.
      mtu: mtu ?? Math.min(...node.interfaces.map((iface) => iface.mtu), 65535),
      ranges: node.podCidrs.flatMap(({ prefix: cidr }) => {
        const gateway = gatewayIn(cidr, "first");
        return gateway === undefined ? [] : [{ cidr, gateway }];
      }),
      // With kubelet's default --hairpin-mode promiscuous-bridge, cbr0 accepts the same frames as hairpin ports.
      hairpin: true,
      vethDigits: 8,
      withoutPods: false,
      origin: source,
    };
  };
  return {
    node: (node) => ({
      ...NO_NODE_PARTS,
      devices: bridgeDevices(node, spec(node), cluster.pods.podsOn(node)),
      chains: () => masquerade(settingsFor(node)),
    }),
    pod: (pod, node) => bridgedPod(pod, node, spec(node), []),
    localAddresses: (node) => {
      for (const _ of bridgedPods(cluster.pods.podsOn(node))) return spec(node).ranges.map(({ gateway }) => gateway);
      return [];
    },
    fabricRoutes: cloudRoutes(context, "kubenet", (node) => settingsFor(node).cloudRoutes),
  };
}

/** ensureMasqRule: one rule of the range's family; no rule for 0.0.0.0/0. */
function masquerade({ nonMasquerade, masqSource }: KubenetSettings): readonly ChainRules[] {
  if (nonMasquerade.len === 0) return [];
  const rule: RuleSpec = {
    match: {
      dst: { is: nonMasquerade, not: true },
      addrtype: { side: "dst", type: "LOCAL", not: true },
    },
    target: { kind: "MASQUERADE" },
    comment: "kubenet: SNAT for outbound traffic from cluster",
    origin: masqSource,
  };
  return [{ family: familyOf(nonMasquerade.ip), table: "nat", chain: "POSTROUTING", rules: [rule] }];
}
