/** Kernel parameters of stations and pods: what the file sets, over the defaults and what a role needs. */
import type { Sysctls } from "../dataplane/model.ts";
import type { Station } from "../topology/model.ts";

/**
 * What the file sets, over the kernel's defaults and what a role needs: routers forward; kubelet and the bridge plugin
 * turn on forwarding on nodes, and kubeadm asks for bridge-nf-call-iptables. rp_filter is 0 in the kernel; systemd's
 * 50-default.conf sets 2, Red Hat's and older Debian's defaults 1: write it down where it matters.
 */
export function stationSysctls(
  station: Station,
  given: (name: string) => string | undefined = () => undefined,
): Sysctls {
  const setting = (name: string): string | undefined => station.sysctls.get(name)?.value ?? given(name);
  const flag = (names: readonly string[], otherwise: boolean): boolean => {
    for (const name of names) {
      const found = setting(name);
      if (found !== undefined) return found !== "0";
    }
    return otherwise;
  };
  const forwards = station.kind !== "host";
  const number = (name: string): number | undefined => {
    const found = setting(name);
    return found === undefined ? undefined : Number(found);
  };
  return {
    ipForward: flag(["net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"], forwards),
    ip6Forward: flag(["net.ipv6.conf.all.forwarding"], forwards),
    rpFilter: (device) => {
      const own = number(`net.ipv4.conf.${device}.rp_filter`) ?? number("net.ipv4.conf.default.rp_filter") ?? 0;
      const mode = Math.max(own, number("net.ipv4.conf.all.rp_filter") ?? 0);
      return mode === 1 ? 1 : mode >= 2 ? 2 : 0;
    },
    bridgeNfCallIptables: flag(["net.bridge.bridge-nf-call-iptables"], station.kind === "node"),
    bridgeNfCallIp6tables: flag(["net.bridge.bridge-nf-call-ip6tables"], station.kind === "node"),
    // Either counts: IN_DEV_PROXY_ARP is IN_DEV_ORCONF.
    proxyArp: (device) =>
      flag([`net.ipv4.conf.${device}.proxy_arp`], false) || flag(["net.ipv4.conf.all.proxy_arp"], false),
  };
}

/** A new namespace takes the IPv4 settings of the host and the kernel's own for IPv6 (net.core.devconf_inherit_init_net = 0). */
export function podSysctls(node: Sysctls): Sysctls {
  return { ...node, ip6Forward: false, rpFilter: () => node.rpFilter("default"), proxyArp: () => false };
}
