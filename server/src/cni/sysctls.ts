/**
 * Kernel parameters of machines and pods: values in the file override the kernel's defaults and the values of a role.
 */
import type { Sysctls } from "../dataplane/model.ts";
import type { Origin } from "../declared/origin.ts";
import type { Station } from "../topology/model.ts";

interface SysctlSetting {
  readonly value: string;
  readonly source: Origin;
}

/**
 * Values in the file override the kernel's defaults and the values of a role: routers forward; kubelet and the bridge
 * plugin enable forwarding on nodes, and kubeadm requires bridge-nf-call-iptables. rp_filter is 0 in the kernel;
 * systemd's 50-default.conf sets 2, Red Hat's and older Debian's defaults set 1: set it in the file if it matters.
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
  const forwarding = (family: 4 | 6): boolean => {
    const found =
      forwardingOf(station, family)?.value ?? FORWARDING[family].map(given).find((one) => one !== undefined);
    return found === undefined ? forwards : found !== "0";
  };
  return {
    ipForward: forwarding(4),
    ip6Forward: forwarding(6),
    rpFilter: (device) => {
      const own = number(`net.ipv4.conf.${device}.rp_filter`) ?? number("net.ipv4.conf.default.rp_filter") ?? 0;
      const mode = Math.max(own, number("net.ipv4.conf.all.rp_filter") ?? 0);
      return mode === 1 ? 1 : mode >= 2 ? 2 : 0;
    },
    bridgeNfCallIptables: flag(["net.bridge.bridge-nf-call-iptables"], station.kind === "node"),
    bridgeNfCallIp6tables: flag(["net.bridge.bridge-nf-call-ip6tables"], station.kind === "node"),
    // Either setting is sufficient: IN_DEV_PROXY_ARP is IN_DEV_ORCONF.
    proxyArp: (device) =>
      flag([`net.ipv4.conf.${device}.proxy_arp`], false) || flag(["net.ipv4.conf.all.proxy_arp"], false),
    // IN_DEV_ROUTE_LOCALNET is also IN_DEV_ORCONF.
    routeLocalnet: (device) =>
      flag([`net.ipv4.conf.${device}.route_localnet`], false) || flag(["net.ipv4.conf.all.route_localnet"], false),
  };
}

const FORWARDING = {
  4: ["net.ipv4.ip_forward", "net.ipv4.conf.all.forwarding"],
  6: ["net.ipv6.conf.all.forwarding"],
} as const;

/**
 * The setting in the file that decides whether a machine forwards packets. IPv4 has two names for one variable, and the last write
 * counts (net/ipv4/devinet.c, devinet_sysctl_forward).
 */
export function forwardingOf({ sysctls }: Station, family: 4 | 6): SysctlSetting | undefined {
  const names: readonly string[] = FORWARDING[family];
  let last: SysctlSetting | undefined;
  for (const [name, setting] of sysctls) if (names.includes(name)) last = setting;
  return last;
}

/**
 * A new network namespace inherits the host's IPv4 settings and has the kernel's defaults for IPv6
 * (net.core.devconf_inherit_init_net = 0).
 */
export function podSysctls(node: Sysctls): Sysctls {
  return {
    ...node,
    ip6Forward: false,
    rpFilter: () => node.rpFilter("default"),
    proxyArp: () => false,
    routeLocalnet: () => node.routeLocalnet("all"),
  };
}
