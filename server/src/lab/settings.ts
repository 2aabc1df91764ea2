/** Kernel parameters: the sysctls of the model, and parameters with defaults that the simulator assumes. */
import type { Netns } from "../dataplane/model.ts";

/** A path below /proc/sys/net and its value. Paths, because device names can contain dots. */
export interface Setting {
  readonly path: string;
  readonly value: number;
}

/** Settings of the network namespace before devices are created. A new namespace inherits the IPv4 settings of the host (net.core.devconf_inherit_init_net). */
export function hostSettings(netns: Netns): readonly Setting[] {
  const { sysctls } = netns;
  return [
    { path: "ipv4/ip_forward", value: Number(sysctls.ipForward) },
    ...["all", "default"].flatMap((name) => ipv4Device(name, 0, false)),
    { path: "ipv4/ip_default_ttl", value: 64 },
    { path: "ipv4/ip_no_pmtu_disc", value: 0 },
    { path: "ipv4/icmp_errors_use_inbound_ifaddr", value: 0 },
    { path: "ipv4/fib_multipath_hash_policy", value: 0 },
    // Rate limits are not part of a prediction. Not icmp_ratelimit = 0, which would empty the token bucket that ip_error() uses (inetpeer.c).
    { path: "ipv4/icmp_ratemask", value: 0 },
    { path: "ipv6/icmp/ratelimit", value: 0 },
    { path: "ipv6/conf/all/forwarding", value: Number(sysctls.ip6Forward) },
    { path: "ipv6/conf/all/accept_redirects", value: 0 },
    { path: "ipv6/conf/default/accept_redirects", value: 0 },
    { path: "ipv6/conf/default/accept_ra", value: 0 },
    { path: "ipv6/conf/default/router_solicitations", value: 0 },
    // Addresses are usable immediately.
    { path: "ipv6/conf/default/accept_dad", value: 0 },
    { path: "bridge/bridge-nf-call-iptables", value: Number(sysctls.bridgeNfCallIptables) },
    { path: "bridge/bridge-nf-call-ip6tables", value: Number(sysctls.bridgeNfCallIp6tables) },
    // Set by kube-proxy in ipvs mode (pkg/proxy/ipvs/proxier.go); packets of IPVS then have a conntrack entry and pass NAT.
    ...(netns.ipvs ? [{ path: "ipv4/vs/conntrack", value: 1 }] : []),
  ];
}

/** Redirects are off: they change the routes of hosts while packets are compared. */
function ipv4Device(name: string, rpFilter: number, proxyArp: boolean): readonly Setting[] {
  const values = {
    rp_filter: rpFilter,
    proxy_arp: Number(proxyArp),
    send_redirects: 0,
    accept_redirects: 0,
    accept_local: 0,
    arp_ignore: 0,
    arp_filter: 0,
    arp_announce: 0,
    route_localnet: 0,
  };
  return Object.entries(values).map(([key, value]) => ({ path: `ipv4/conf/${name}/${key}`, value }));
}

/** Device settings that differ from the defaults above. */
export function deviceSettings(netns: Netns, devices: readonly string[]): readonly Setting[] {
  return devices.flatMap((name) => {
    const rpFilter = netns.sysctls.rpFilter(name);
    const settings: Setting[] = [];
    if (rpFilter !== 0) settings.push({ path: `ipv4/conf/${name}/rp_filter`, value: rpFilter });
    if (netns.sysctls.proxyArp(name)) settings.push({ path: `ipv4/conf/${name}/proxy_arp`, value: 1 });
    if (netns.sysctls.routeLocalnet(name)) settings.push({ path: `ipv4/conf/${name}/route_localnet`, value: 1 });
    return settings;
  });
}

/** Whether br_netfilter is required; false for network namespaces without a bridge. */
export function needsBridgeNetfilter(netns: Netns): boolean {
  const { bridgeNfCallIptables, bridgeNfCallIp6tables } = netns.sysctls;
  return (
    (bridgeNfCallIptables || bridgeNfCallIp6tables) &&
    [...netns.devices.values()].some((device) => device.kind === "bridge")
  );
}
