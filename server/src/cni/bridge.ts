/**
 * The reference `bridge` plugin with a manually configured route to every other node's pod CIDR:
 * `podCIDR via nodeIP dev eth0`.
 */

import type { Origin } from "../declared/origin.ts";
import { booleanIn, numberIn, statement, wordIn } from "../declared/settings.ts";
import type { CniSettings, Node } from "../topology/model.ts";
import { type BridgeSpec, bridgeDevices, bridgedPod, bridgedPods } from "./bridged.ts";
import { type GatewayPlace, gatewayIn, kubeRanges, usableIn } from "./hostlocal.ts";
import { podMasquerade } from "./masquerade.ts";
import { type ClusterContext, type CompiledMode, type Mode, NO_NODE_PARTS } from "./mode.ts";
import { peerRoutes, peersOffLink } from "./peers.ts";
import type { NetworkProblem } from "./problems.ts";
import { settingsOf } from "./settings.ts";

interface BridgeSettings {
  readonly name: string;
  readonly gateway: GatewayPlace;
  readonly routes: boolean;
  readonly ipMasq: boolean;
  readonly hairpin: boolean;
  readonly mtu: number;
  readonly routesSource: Origin;
  readonly masqSource: Origin;
  readonly source: Origin;
}

function bridgeSettings(cluster: CniSettings, node: CniSettings | undefined): BridgeSettings {
  const settings = settingsOf(cluster, node);
  const source = node?.plugin === "bridge" ? node.source : cluster.source;
  const routes = statement(settings, "routes");
  const ipMasq = statement(settings, "ip-masq");
  return {
    name: wordIn(statement(settings, "bridge")) ?? "cni0",
    gateway: wordIn(statement(settings, "gateway")) === "last" ? "last" : "first",
    routes: booleanIn(routes, true),
    ipMasq: booleanIn(ipMasq, false),
    // `hairpinMode` is false unless set (containernetworking/plugins, plugins/main/bridge, NetConf).
    hairpin: booleanIn(statement(settings, "hairpin-mode"), false),
    // Without `mtu`, the plugin keeps the kernel's default for veth.
    mtu: numberIn(statement(settings, "mtu")) || 1500,
    routesSource: routes ?? source,
    masqSource: ipMasq ?? source,
    source,
  };
}

export const bridge: Mode = {
  plugin: "bridge",
  addressing: (settings, podCidrs) => {
    const { gateway } = bridgeSettings(settings, undefined);
    return {
      gateway: (cidr) => gatewayIn(cidr, gateway),
      usable: (cidr) => usableIn(cidr, gateway),
      nodeRanges: kubeRanges(podCidrs),
    };
  },
  check,
  compile,
};

function check(context: ClusterContext): readonly NetworkProblem[] {
  const settings = bridgeSettings(context.cluster.cni, undefined);
  return settings.routes ? peersOffLink(context, "bridge", settings.routesSource) : [];
}

function compile(context: ClusterContext): CompiledMode {
  const { cluster } = context;
  const bySettings = new Map<CniSettings | undefined, BridgeSettings>();
  const settingsFor = (node: Node): BridgeSettings => {
    let found = bySettings.get(node.cni);
    if (!found) {
      found = bridgeSettings(cluster.cni, node.cni);
      bySettings.set(node.cni, found);
    }
    return found;
  };
  const spec = (node: Node): BridgeSpec => {
    const settings = settingsFor(node);
    return {
      name: settings.name,
      mtu: settings.mtu,
      ranges: node.podCidrs.flatMap(({ prefix: cidr }) => {
        const gateway = gatewayIn(cidr, settings.gateway);
        return gateway === undefined ? [] : [{ cidr, gateway }];
      }),
      hairpin: settings.hairpin,
      vethDigits: 8,
      withoutPods: false,
      origin: settings.source,
    };
  };
  const routesFrom = peerRoutes(context, "bridge");
  return {
    node: (node) => {
      const settings = settingsFor(node);
      const ranges = node.podCidrs.map(({ prefix }) => prefix);
      return {
        ...NO_NODE_PARTS,
        devices: bridgeDevices(node, spec(node), cluster.pods.podsOn(node)),
        layers: settings.routes ? [routesFrom(node)] : [],
        chains: () =>
          settings.ipMasq ? podMasquerade(cluster.name, cluster.pods.podsOn(node), ranges, settings.masqSource) : [],
      };
    },
    pod: (pod, node) => bridgedPod(pod, node, spec(node), []),
    localAddresses: (node) => {
      for (const _ of bridgedPods(cluster.pods.podsOn(node))) return spec(node).ranges.map(({ gateway }) => gateway);
      return [];
    },
  };
}
