/** The `load-balancer` statement as objects of MetalLB (metallb.io/v1beta1, BGPPeer v1beta2). */
import { formatIp, type Ip, prefixContains } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import type { BgpPeerSpec, Cluster, Router } from "../../topology/model.ts";
import type { KubeItem } from "../objects.ts";

const NAMESPACE = "metallb-system";
const POOL = "default";

export function balancerItems(cluster: Cluster, routers: readonly Router[], losses: string[]): readonly KubeItem[] {
  const { loadBalancer, all } = cluster.services;
  if (!loadBalancer) return [];
  if (loadBalancer.kind !== "l2" && loadBalancer.kind !== "bgp") {
    losses.push(t`load balancer ${loadBalancer.kind}: its configuration is not a Kubernetes object`);
    return [];
  }
  const addresses = all.flatMap(({ loadBalancerIps }) => loadBalancerIps.map(({ ip }) => hostText(ip)));
  const kind = loadBalancer.kind === "l2" ? "L2Advertisement" : "BGPAdvertisement";
  return [
    item("IPAddressPool", { addresses: [...new Set(addresses)] }),
    item(kind, { ipAddressPools: [POOL] }),
    ...(loadBalancer.kind === "bgp" ? peerItems(cluster, routers, losses) : []),
  ];
}

function item(kind: string, spec: KubeItem["spec"]): KubeItem {
  return { apiVersion: "metallb.io/v1beta1", kind, metadata: { name: POOL, namespace: NAMESPACE }, spec };
}

function hostText(ip: Ip): string {
  return `${formatIp(ip)}/${typeof ip === "number" ? 32 : 128}`;
}

/** The session of the speakers with the router, with the AS numbers of the router's `bgp` block. */
function peerItems(cluster: Cluster, routers: readonly Router[], losses: string[]): readonly KubeItem[] {
  const router = routers.find(({ path }) => path === cluster.services.loadBalancer?.by);
  const own = cluster.nodes.flatMap(({ interfaces }) => interfaces);
  const segments = new Set(own.map(({ segment }) => segment));
  const [address] =
    router?.interfaces.filter(({ segment }) => segments.has(segment)).flatMap(({ addresses }) => addresses) ?? [];
  const ips = own.flatMap(({ addresses }) => addresses.map(({ ip }) => ip));
  const peer = router?.bgp?.peers.find((one) => isOfNodes(one, cluster, ips));
  if (!router?.bgp || !address || !peer) {
    losses.push(t`load balancer bgp: no router has a \`bgp\` block with the nodes as peers, so no BGPPeer is exported`);
    return [];
  }
  return [
    {
      ...item("BGPPeer", { myASN: peer.as, peerASN: router.bgp.as, peerAddress: formatIp(address.ip) }),
      apiVersion: "metallb.io/v1beta2",
    },
  ];
}

function isOfNodes({ to }: BgpPeerSpec, { nodes }: Cluster, ips: readonly Ip[]): boolean {
  switch (to.kind) {
    case "address":
      return ips.includes(to.ip);
    case "range":
      return ips.some((ip) => prefixContains(to.prefix, ip));
    case "name":
      return nodes.some(({ path, name }) => to.text === path || to.text === name);
  }
}
