/** The kernel settings that a file may set. */

export interface SysctlSpec {
  /** Where `<device>` stands: `all`, `default` or the name of a device. */
  readonly name: string;
  readonly summary: string;
  readonly default: string;
}

export const sysctls: readonly SysctlSpec[] = [
  {
    name: "net.ipv4.ip_forward",
    summary: "Forwards IPv4 packets between interfaces",
    default: "1 on routers and nodes, 0 on hosts",
  },
  {
    name: "net.ipv6.conf.all.forwarding",
    summary: "Forwards IPv6 packets between interfaces",
    default: "1 on routers and nodes, 0 on hosts",
  },
  {
    name: "net.ipv4.conf.<device>.rp_filter",
    summary: "Drops packets whose source is not reached by the device they came by: 1 strict, 2 loose",
    default: "0; the larger of all and the device counts",
  },
  {
    name: "net.ipv4.conf.<device>.proxy_arp",
    summary: "Answers ARP for addresses that it reaches by another device",
    default: "0",
  },
  {
    name: "net.bridge.bridge-nf-call-iptables",
    summary: "Bridged IPv4 frames pass the iptables chains (module br_netfilter)",
    default: "1 on nodes",
  },
  {
    name: "net.bridge.bridge-nf-call-ip6tables",
    summary: "Bridged IPv6 frames pass the ip6tables chains (module br_netfilter)",
    default: "1 on nodes",
  },
];

const exact: ReadonlySet<string> = new Set(sysctls.map(({ name }) => name).filter((name) => !name.includes("<")));
const perDevice = /^net\.ipv4\.conf\.[^\s/]{1,15}\.(?:rp_filter|proxy_arp)$/;

export function isSysctl(name: string): boolean {
  return exact.has(name) || perDevice.test(name);
}
