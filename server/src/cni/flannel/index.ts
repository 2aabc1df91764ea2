/**
 * flannel with its default manifest: flanneld creates the routes between nodes (one file per backend), the CNI plugin
 * delegates to bridge and host-local (flannel-io/cni-plugin flannel_linux.go), with cni0 as the bridge.
 */
import type { Ip, Prefix } from "../../addressing/ip.ts";
import type { Node, Pod } from "../../topology/model.ts";
import { type BridgeSpec, bridgeDevices, bridgedPod, bridgedPods } from "../bridged.ts";
import { gatewayIn, kubeRanges, usableIn } from "../hostlocal.ts";
import { podMasquerade } from "../masquerade.ts";
import {
  type ClusterContext,
  type CompiledMode,
  type Mode,
  NO_NODE_PARTS,
  NO_POD_PARTS,
  type NodeParts,
  type PodParts,
} from "../mode.ts";
import { checkFlannel } from "./check.ts";
import { type Backend, type BackendParts, flannelCluster, type Participant } from "./cluster.ts";
import { hostgw } from "./hostgw.ts";
import { ipip } from "./ipip.ts";
import { ipsec } from "./ipsec.ts";
import { flannelChains } from "./rules.ts";
import { type BackendType, flannelSettings } from "./settings.ts";
import { etcdPlan } from "./subnets.ts";
import { udp } from "./udp.ts";
import { vxlan } from "./vxlan.ts";
import { wireguard } from "./wireguard.ts";

const BACKENDS: Readonly<Record<BackendType, Backend>> = { vxlan, "host-gw": hostgw, udp, ipip, wireguard, ipsec };
const BRIDGE = "cni0";
/** The conflist's name in the default manifest. */
const NETWORK_NAME = "cbr0";

export const flannel: Mode = {
  plugin: "flannel",
  addressing: (settings, podCidrs) => {
    const read = flannelSettings(settings, undefined, podCidrs);
    return {
      gateway: (cidr) => gatewayIn(cidr, "first"),
      usable: (cidr) => usableIn(cidr, "first"),
      // With the kube manager, the lease is node.spec.podCIDR, which flannel does not allocate.
      nodeRanges: read.manager === "etcd" ? etcdPlan(read).ranges : kubeRanges(podCidrs),
    };
  },
  check: checkFlannel,
  compile,
};

function compile(context: ClusterContext): CompiledMode {
  const shared = flannelCluster(context);
  const { cluster } = context;
  const compiled = new Map<BackendType, (self: Participant) => BackendParts>();
  const backendParts = (self: Participant): BackendParts => {
    const { type } = self.settings.backend;
    let made = compiled.get(type);
    if (!made) {
      made = BACKENDS[type].compile(shared);
      compiled.set(type, made);
    }
    return made(self);
  };
  const running = (node: Node): Participant | undefined => {
    const standing = shared.standing(node);
    return typeof standing === "object" ? standing : undefined;
  };

  return {
    node: (node): NodeParts => {
      const self = running(node);
      if (!self) return NO_NODE_PARTS;
      const backend = backendParts(self);
      return {
        ...backend,
        devices: [...backend.devices, ...bridgeDevices(node, bridge(self), cluster.pods.podsOn(node))],
        chains: () => [
          ...flannelChains(self),
          // With FLANNEL_IPMASQ=false, the plugin delegates `ipMasq: true`.
          ...(self.settings.ipMasq
            ? []
            : podMasquerade(
                NETWORK_NAME,
                cluster.pods.podsOn(node),
                leases(self),
                self.settings.sources.get("ip-masq"),
              )),
        ],
      };
    },
    // Without flanneld, there is no /run/flannel/subnet.env and the plugin fails: the pod is never started.
    pod: (pod: Pod, node: Node): PodParts => {
      const self = running(node);
      if (!self) return NO_POD_PARTS;
      const networks = [self.v4?.network, self.v6?.network].filter((one) => one !== undefined);
      return bridgedPod(pod, node, bridge(self), networks);
    },
    localAddresses: (node): readonly Ip[] => {
      const self = running(node);
      if (!self) return [];
      const { type } = self.settings.backend;
      const own = type === "host-gw" || type === "ipsec" ? [] : leases(self).map(({ ip }) => ip);
      for (const _ of bridgedPods(cluster.pods.podsOn(node)))
        return [...own, ...bridge(self).ranges.map(({ gateway }) => gateway)];
      return own;
    },
  };
}

function leases(self: Participant): readonly Prefix[] {
  return [self.v4?.lease, self.v6?.lease].filter((one) => one !== undefined);
}

function bridge(self: Participant): BridgeSpec {
  const { backend, source } = self.settings;
  return {
    name: BRIDGE,
    mtu: BACKENDS[backend.type].podMtu(backend, self.iface.mtu),
    ranges: leases(self).flatMap((cidr) => {
      const gateway = gatewayIn(cidr, "first");
      return gateway === undefined ? [] : [{ cidr, gateway }];
    }),
    hairpin: true,
    vethDigits: 8,
    withoutPods: false,
    origin: source,
  };
}
