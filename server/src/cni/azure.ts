/**
 * Azure CNI. In `node-subnet` mode, pods have addresses of the node's subnet, reserved for each machine at creation. In
 * `overlay` mode, each node has a /24 of a separate pod CIDR, which the VNet carries in its own routing domain without
 * tunnels on the machines. Pods use transparent mode (azure-container-networking
 * network/transparent_endpointclient_linux.go).
 */
import {
  addIp,
  formatPrefix,
  type IpRange,
  isNear,
  lastAddress,
  type Prefix,
  parsePrefix,
  prefixOf,
  prefixRange,
  rangesOverlap,
} from "../addressing/ip.ts";
import type { Origin } from "../declared/origin.ts";
import { prefixesIn, statement, wordIn } from "../declared/settings.ts";
import { t } from "../text/l10n.ts";
import type { CniSettings, Node, Router } from "../topology/model.ts";
import { cloudRoutes } from "./cloud-routes.ts";
import { familyOf } from "./host.ts";
import { kubeRanges } from "./hostlocal.ts";
import { masqAgentChains } from "./masq-agent.ts";
import { type ClusterContext, type CompiledMode, type FabricDomain, type Mode, NO_NODE_PARTS } from "./mode.ts";
import { nodeAddress } from "./peers.ts";
import { CODES, type NetworkProblem, problem } from "./problems.ts";
import { type RoutedSpec, routedHost, routedPod } from "./routed.ts";
import { pluginOf, settingsOf, settingsPerNode } from "./settings.ts";
import { subnetProblems } from "./subnet-share.ts";

interface AzureSettings {
  readonly overlay: boolean;
  /** azure-ip-masq-agent's nonMasqueradeCIDRs, if set. */
  readonly kept: readonly Prefix[] | undefined;
  readonly masqSource: Origin;
  readonly source: Origin;
}

function azureSettings(cluster: CniSettings, node: CniSettings | undefined): AzureSettings {
  const settings = settingsOf(cluster, node);
  const source = node?.plugin === "azure" ? node.source : cluster.source;
  const kept = statement(settings, "non-masquerade");
  return {
    overlay: wordIn(statement(settings, "mode")) !== "node-subnet",
    kept: kept && prefixesIn(kept),
    masqSource: kept ?? source,
    source,
  };
}

/** Default number of pods per node: 30 with addresses of the subnet, 250 in an overlay. */
const MAX_PODS = { nodeSubnet: 30, overlay: 250 } as const;

export const azure: Mode = {
  plugin: "azure",
  addressing: (settings, podCidrs, stated) => {
    if (azureSettings(settings, undefined).overlay) {
      return {
        gateway: () => undefined,
        usable: overlayUsable,
        // At most a /24 per node, even if `per-node` is shorter.
        nodeRanges: kubeRanges(
          podCidrs.map((one) =>
            typeof one.prefix.ip === "number" ? { ...one, perNode: Math.max(24, one.prefix.len) } : one,
          ),
        ),
        maxPods: MAX_PODS.overlay,
      };
    }
    const pods = stated ?? MAX_PODS.nodeSubnet;
    return {
      gateway: () => undefined,
      usable: (cidr) => firstOf(cidr, pods),
      nodeRanges: [],
      accepts: (ip, node) => node.interfaces.some(({ addresses }) => addresses.some((own) => isNear(own, ip))),
      fromSegment: { kind: "block", family: 4, len: 32 - Math.ceil(Math.log2(pods)), atWorst: 32 },
      maxPods: MAX_PODS.nodeSubnet,
    };
  },
  check,
  compile,
};

/** All addresses of the block except the first and (IPv4) the last, like host-local without a gateway. */
function overlayUsable(cidr: Prefix): IpRange | undefined {
  const first = addIp(cidr.ip, 1);
  const last = typeof cidr.ip === "number" ? addIp(lastAddress(cidr), -1) : lastAddress(cidr);
  return first === undefined || last === undefined || first > last ? undefined : { first, last };
}

/** The first `count` addresses of a block. */
export function firstOf(cidr: Prefix, count: number): IpRange {
  const last = addIp(cidr.ip, count - 1);
  const end = lastAddress(cidr);
  return { first: cidr.ip, last: last === undefined || last > end ? end : last };
}

/**
 * AKS rejects these as service, pod, and VNet ranges (learn.microsoft.com, "Configure Azure CNI networking",
 * prerequisites).
 */
export const AKS_FORBIDDEN: readonly Prefix[] = [
  "169.254.0.0/16",
  "172.30.0.0/16",
  "172.31.0.0/16",
  "192.0.2.0/24",
].flatMap((text) => {
  const prefix = parsePrefix(text)?.prefix;
  return prefix ? [prefix] : [];
});

function check(context: ClusterContext): readonly NetworkProblem[] {
  const { topology, cluster } = context;
  const { overlay, source } = azureSettings(cluster.cni, undefined);
  const segments = new Set(cluster.nodes.flatMap(({ interfaces }) => interfaces.map(({ segment }) => segment)));
  const ranges = [
    ...cluster.podCidrs.map((one) => ({ ...one, what: t`pod CIDR ${formatPrefix(one.prefix)}` })),
    ...cluster.serviceCidrs.map((one) => ({ ...one, what: t`service CIDR ${formatPrefix(one.prefix)}` })),
    ...[...segments].flatMap((name) =>
      (topology.segments.get(name)?.cidrs ?? []).map((prefix, i) => ({
        prefix,
        source: topology.segments.get(name)?.cidrSources[i] ?? source,
        what: t`segment \`${name}\` (${formatPrefix(prefix)})`,
      })),
    ),
  ];
  const problems = ranges.flatMap(({ prefix, source: place, what }): NetworkProblem[] => {
    const hit = AKS_FORBIDDEN.find(
      (one) => typeof one.ip === typeof prefix.ip && rangesOverlap(prefixRange(one), prefixRange(prefix)),
    );
    return hit
      ? [problem(CODES.aksForbidden, place, { what, forbidden: formatPrefix(hit), cluster: cluster.name })]
      : [];
  });
  if (overlay) return problems;
  return [...problems, ...subnetProblems(context, "azure", () => 1 + cluster.maxPods, 1)];
}

function compile(context: ClusterContext): CompiledMode {
  const { topology, cluster } = context;
  const settingsFor = settingsPerNode(cluster, azureSettings);
  const { overlay } = azureSettings(cluster.cni, undefined);
  const spec = (node: Node): RoutedSpec => ({
    prefix: "azv",
    mtu: node.interfaces[0]?.mtu ?? 1500,
    proto: "static",
    origin: settingsFor(node).source,
  });
  const vnet = [...topology.segments.values()].filter(({ cloud }) => cloud === "azure").flatMap(({ cidrs }) => cidrs);
  const pods = cluster.podCidrs.map(({ prefix }) => prefix);
  const routes = cloudRoutes(context, "azure", () => true);
  return {
    node: (node) => ({
      ...NO_NODE_PARTS,
      ...routedHost(node, spec(node), cluster.pods.podsOn(node)),
      chains: () => {
        const { kept, masqSource } = settingsFor(node);
        const agent = {
          chain: "IP-MASQ-AGENT",
          name: "ip-masq-agent",
          kept: kept ?? (overlay ? pods : vnet),
          randomFully: true,
          origin: masqSource,
        };
        return masqAgentChains(agent, [4]);
      },
    }),
    pod: (pod, node) => routedPod(pod, node, spec(node)),
    localAddresses: () => [],
    ...(overlay ? { fabricDomain: (router: Router) => domainOf(context, router, routes) } : {}),
    fabricEnd: (ip) => {
      const node = cluster.pods.podsByAddress(ip)[0]?.node ?? cluster.nodeByPodAddress(ip);
      const [iface] = node?.interfaces ?? [];
      return node && iface && pluginOf(cluster, node) === "azure"
        ? { segment: iface.segment, node, device: iface.device }
        : undefined;
    },
  };
}

/** The domain contains only pods and nodes of the cluster: other machines in the VNet have no route to the pods. */
function domainOf(
  { cluster }: ClusterContext,
  router: Router,
  routes: (router: Router) => ReturnType<ReturnType<typeof cloudRoutes>>,
): FabricDomain | undefined {
  const inside = routes(router);
  if (inside.length === 0) return undefined;
  const nodes = cluster.nodes.flatMap((node) => {
    const address = nodeAddress(node, 4);
    return address ? [prefixOf(address.ip, 32)] : [];
  });
  return {
    cluster: cluster.name,
    from: [...cluster.podCidrs.map(({ prefix }) => prefix).filter(({ ip }) => familyOf(ip) === 4), ...nodes],
    routes: inside,
  };
}
