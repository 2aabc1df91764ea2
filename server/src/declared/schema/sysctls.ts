/** The sysctls that a file can set. */

export interface SysctlSpec {
  /** `<device>` is a placeholder for `all`, `default`, or a device name. */
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
    name: "net.ipv4.conf.all.forwarding",
    summary: "A second name of `net.ipv4.ip_forward`; the last of the two in the file applies",
    default: "the value of `net.ipv4.ip_forward`",
  },
  {
    name: "net.ipv6.conf.all.forwarding",
    summary: "Forwards IPv6 packets between interfaces",
    default: "1 on routers and nodes, 0 on hosts",
  },
  {
    name: "net.ipv4.conf.<device>.rp_filter",
    summary:
      "Reverse path filter: drops packets whose source is not reachable through the device they arrived on (1 strict, 2 loose)",
    default: "0; the maximum of `all` and the device's value applies",
  },
  {
    name: "net.ipv4.conf.<device>.proxy_arp",
    summary: "Proxy ARP: replies to ARP requests for addresses that the machine reaches through another device",
    default: "0",
  },
  {
    name: "net.ipv4.conf.<device>.route_localnet",
    summary: "Accepts and sends packets from and to 127.0.0.0/8 on the device, for node ports on localhost",
    default: "0; 1 for `all` on nodes with kube-proxy in iptables mode, unless `localhost-node-ports` is false",
  },
  {
    name: "net.bridge.bridge-nf-call-iptables",
    summary: "Bridged IPv4 frames traverse the iptables chains (module br_netfilter)",
    default: "1 on nodes",
  },
  {
    name: "net.bridge.bridge-nf-call-ip6tables",
    summary: "Bridged IPv6 frames traverse the ip6tables chains (module br_netfilter)",
    default: "1 on nodes",
  },
];

const exact: ReadonlySet<string> = new Set(sysctls.map(({ name }) => name).filter((name) => !name.includes("<")));
const perDevice = /^net\.ipv4\.conf\.[^\s/]{1,15}\.(?:rp_filter|proxy_arp|route_localnet)$/;

export function isSysctl(name: string): boolean {
  return exact.has(name) || perDevice.test(name);
}
