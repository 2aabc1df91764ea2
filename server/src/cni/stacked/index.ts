/**
 * The reference macvlan and ipvlan plugins: a pod's interface is stacked on the node's, so the pod is directly on the
 * node's segment. The node has no route and no rule for it, and the node's IP layer never sees the pod's packets.
 */
import { formatIp, type Ip } from "../../addressing/ip.ts";
import type { Children, Device, Route } from "../../dataplane/model.ts";
import { t } from "../../text/l10n.ts";
import type { CniSettings, Interface, Node, Pod } from "../../topology/model.ts";
import { familyOf, interfaceMac, withLinkLocal, withMetric } from "../host.ts";
import { gatewayIn, kubeRanges, usableIn } from "../hostlocal.ts";
import {
  type ClusterContext,
  type CompiledMode,
  type Mode,
  NO_NODE_PARTS,
  NO_POD_PARTS,
  type PodParts,
  type StackedEnd,
} from "../mode.ts";
import { pluginOf } from "../settings.ts";
import { podMac } from "../veth.ts";
import { checkStacked } from "./check.ts";
import { isRouted, masterOf, type StackedSettings, stackedSettings } from "./settings.ts";

function stackedMode(plugin: "macvlan" | "ipvlan"): Mode {
  return {
    plugin,
    portmap: false,
    addressing: (settings, podCidrs) => {
      const read = stackedSettings(plugin, settings, undefined);
      return {
        gateway: (cidr) => gatewayIn(cidr, "first"),
        usable: (cidr) => usableIn(cidr, "first"),
        nodeRanges: isRouted(read) ? kubeRanges(podCidrs) : [],
        ...(isRouted(read) ? {} : { shared: read.ranges }),
      };
    },
    check: (context) => checkStacked(plugin, context),
    compile: (context) => compile(plugin, context),
  };
}

export const macvlan: Mode = stackedMode("macvlan");
export const ipvlan: Mode = stackedMode("ipvlan");

function compile(plugin: "macvlan" | "ipvlan", { cluster, topology }: ClusterContext): CompiledMode {
  const bySettings = new Map<CniSettings | undefined, StackedSettings>();
  const settingsFor = (node: Node): StackedSettings => {
    let found = bySettings.get(node.cni);
    if (!found) {
      found = stackedSettings(plugin, cluster.cni, node.cni);
      bySettings.set(node.cni, found);
    }
    return found;
  };
  /** The pod with the address on this node, if the plugin was able to create its interface. */
  const podWith = (ip: Ip): Pod | undefined =>
    cluster.pods
      .podsByAddress(ip)
      .find((pod) => pod.node && pluginOf(cluster, pod.node) === plugin && startable(pod, pod.node));
  const startable = (pod: Pod, node: Node): boolean => {
    if (pod.workload.hostNetwork || pod.addresses.length === 0 || !masterOf(node, settingsFor(node))) return false;
    // A passthru device uses the interface exclusively: the second device is rejected (macvlan_common_newlink, EINVAL).
    return settingsFor(node).mode !== "passthru" || firstOn(node)?.path === pod.path;
  };
  const firstOn = (node: Node): Pod | undefined => {
    for (const pod of cluster.pods.podsOn(node)) if (!pod.workload.hostNetwork && pod.addresses.length > 0) return pod;
    return undefined;
  };
  const children = (node: Node, settings: StackedSettings): Children => ({
    kind: plugin,
    mode: settings.mode,
    child: (ip) => {
      const pod = podWith(ip);
      return pod?.node === node ? { netns: pod.path, device: "eth0" } : undefined;
    },
  });
  return {
    node: (node) => {
      const settings = settingsFor(node);
      const master = masterOf(node, settings);
      return master
        ? { ...NO_NODE_PARTS, stacks: new Map([[master.device, children(node, settings)]]) }
        : NO_NODE_PARTS;
    },
    pod: (pod, node) => {
      const settings = settingsFor(node);
      const master = masterOf(node, settings);
      if (!master || !startable(pod, node)) return NO_POD_PARTS;
      return stackedPod(
        pod,
        node,
        settings,
        master,
        isRouted(settings)
          ? gatewaysOf(rangeGateways(node), settings)
          : gatewaysOf(topology.segments.get(master.segment)?.gateways, settings),
      );
    },
    localAddresses: () => [],
    stackedEnd: (ip): StackedEnd | undefined => {
      const pod = podWith(ip);
      const node = pod?.node;
      const settings = node && settingsFor(node);
      const master = node && settings && masterOf(node, settings);
      // Layer-3 modes do not reply to ARP.
      if (!pod || !node || !settings || !master || isRouted(settings)) return undefined;
      return { segment: master.segment, node, device: master.device, pod, mac: macFor(pod, node, settings, master) };
    },
  };
}

/** host-local's default: the first address of the range. A device without ARP sends the packets to the node all the same. */
function rangeGateways({ podCidrs }: Node): readonly Ip[] {
  return podCidrs.flatMap(({ prefix }) => gatewayIn(prefix, "first") ?? []);
}

function gatewaysOf(ofSegment: readonly Ip[] | undefined, { gateways }: StackedSettings): readonly Ip[] {
  const given = new Set(gateways.map(familyOf));
  return [...gateways, ...(ofSegment ?? []).filter((ip) => !given.has(familyOf(ip)))];
}

/** ipvlan devices and passthru use the MAC address of the lower interface. */
function macFor(pod: Pod, node: Node, settings: StackedSettings, master: Interface): string {
  if (settings.plugin === "ipvlan" || settings.mode === "passthru") return interfaceMac(node.path, master.device);
  return podMac(pod);
}

function stackedPod(
  pod: Pod,
  node: Node,
  settings: StackedSettings,
  master: Interface,
  gateways: readonly Ip[],
): PodParts {
  const mac = macFor(pod, node, settings, master);
  const routed = isRouted(settings);
  const lengthOf = (ip: Ip): number => {
    const near = routed ? node.podCidrs.map(({ prefix }) => prefix) : master.addresses;
    return near.find((one) => familyOf(one.ip) === familyOf(ip))?.len ?? (familyOf(ip) === 4 ? 24 : 64);
  };
  const addresses = pod.addresses.map((ip) => ({ ip, len: lengthOf(ip) }));
  const base = {
    name: "eth0",
    mtu: Math.min(settings.mtu ?? master.mtu, master.mtu),
    mac,
    addresses: routed ? addresses : withLinkLocal(addresses, mac),
    parent: { netns: node.path, device: master.device },
    origin: pod.workload.source,
  };
  const eth0: Device =
    settings.plugin === "macvlan"
      ? { ...base, kind: "macvlan", mode: settings.mode }
      : { ...base, kind: "ipvlan", mode: settings.mode };
  const routes = ([4, 6] as const).flatMap((family): Route[] => {
    if (!pod.addresses.some((ip) => familyOf(ip) === family)) return [];
    const via = gateways.find((ip) => familyOf(ip) === family);
    if (via === undefined) return [];
    return [
      {
        dst: { ip: family === 4 ? 0 : 0n, len: 0 },
        type: "unicast",
        nexthops: [{ via, dev: "eth0" }],
        ...withMetric(family),
        why: routed
          ? t`ipvlan mode ${settings.mode}: node ${node.name} routes for the pod; ${formatIp(via)} is host-local's default gateway, which no machine has`
          : t`default gateway: the segment's gateway ${formatIp(via)}`,
        origin: settings.sources.get("gateway") ?? settings.source,
      },
    ];
  });
  return { devices: [eth0], routes };
}
