/**
 * kindnet, the network of kind (kubernetes-sigs/kind images/kindnetd): the ptp plugin on each node, a route to every
 * other node's pod CIDR via that node's address, and a separate masquerading agent. All nodes are containers on one
 * Docker network.
 */
import type { Origin } from "../declared/origin.ts";
import { numberIn, statement } from "../declared/settings.ts";
import type { CniSettings, Node } from "../topology/model.ts";
import { bridgedPods } from "./bridged.ts";
import { defaultInterface, familyOf } from "./host.ts";
import { gatewayIn, kubeRanges, usableIn } from "./hostlocal.ts";
import { masqAgentChains } from "./masq-agent.ts";
import { type ClusterContext, type CompiledMode, type Mode, NO_NODE_PARTS } from "./mode.ts";
import { peerRoutes, peersOffLink } from "./peers.ts";
import { type PtpSpec, ptpHost, ptpPod } from "./ptp.ts";
import { settingsOf, settingsPerNode } from "./settings.ts";

interface KindnetSettings {
  readonly mtu: number | undefined;
  readonly source: Origin;
}

function kindnetSettings(cluster: CniSettings, node: CniSettings | undefined): KindnetSettings {
  return {
    mtu: numberIn(statement(settingsOf(cluster, node), "mtu")),
    source: node?.plugin === "kindnet" ? node.source : cluster.source,
  };
}

export const kindnet: Mode = {
  plugin: "kindnet",
  addressing: (_, podCidrs) => ({
    gateway: (cidr) => gatewayIn(cidr, "first"),
    usable: (cidr) => usableIn(cidr, "first"),
    nodeRanges: kubeRanges(podCidrs),
  }),
  check: (context) => peersOffLink(context, "kindnet", context.cluster.cni.source),
  compile,
};

function compile(context: ClusterContext): CompiledMode {
  const { cluster } = context;
  const settingsFor = settingsPerNode(cluster, kindnetSettings);
  const spec = (node: Node): PtpSpec => {
    const { mtu, source } = settingsFor(node);
    return {
      // kindnetd writes the MTU of the default route's interface into its CNI configuration.
      mtu: mtu ?? (defaultInterface(node, 4) ?? defaultInterface(node, 6) ?? node.interfaces[0])?.mtu ?? 1500,
      ranges: node.podCidrs.flatMap(({ prefix: cidr }) => {
        const gateway = gatewayIn(cidr, "first");
        return gateway === undefined ? [] : [{ cidr, gateway }];
      }),
      origin: source,
    };
  };
  const routesFrom = peerRoutes(context, "kindnet");
  const kept = cluster.podCidrs.map(({ prefix }) => prefix);
  const families = [...new Set(kept.map(({ ip }) => familyOf(ip)))];
  return {
    node: (node) => ({
      ...NO_NODE_PARTS,
      ...ptpHost(node, spec(node), cluster.pods.podsOn(node)),
      layers: [routesFrom(node)],
      chains: () =>
        masqAgentChains(
          {
            chain: "KIND-MASQ-AGENT",
            name: "kind-masq-agent",
            kept,
            randomFully: false,
            origin: settingsFor(node).source,
          },
          families,
        ),
    }),
    pod: (pod, node) => ptpPod(pod, node, spec(node)),
    localAddresses: (node) => {
      for (const _ of bridgedPods(cluster.pods.podsOn(node))) return spec(node).ranges.map(({ gateway }) => gateway);
      return [];
    },
  };
}
