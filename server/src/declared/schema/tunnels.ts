/** Tunnels between machines. */
import type { KeywordSpec } from "./types.ts";

const example = `segment wan { cidr 203.0.113.0/24 }
segment office { cidr 10.1.0.0/24 }
segment lab { cidr 10.2.0.0/24 }
router hq {
  attach office 10.1.0.1
  attach wan 203.0.113.1
}
router branch {
  attach lab 10.2.0.1
  attach wan 203.0.113.2
}
host laptop {
  attach office 10.1.0.10
  route default via 10.1.0.1
}
host server {
  attach lab 10.2.0.10
  route default via 10.2.0.1
}
tunnel vpn wireguard {
  between hq branch
  carries 10.1.0.0/24 to hq
  carries 10.2.0.0/24 to branch
  mtu 1420
}
expect laptop -> server reachable
`;

const machines = ["router", "host", "node"] as const;

export const tunnels: readonly KeywordSpec[] = [
  {
    keyword: "tunnel",
    in: ["file"],
    args: [
      {
        name: "name",
        type: { kind: "device", creates: true },
        summary: "Name of the tunnel, and of its device on both machines",
      },
      {
        name: "kind",
        type: {
          kind: "enum",
          values: [
            { value: "wireguard", summary: "WireGuard over UDP, +60 bytes (IPv6: +80)" },
            { value: "ipsec", summary: "IPsec policies with ESP in tunnel mode (AES-GCM), without a device" },
            { value: "ipip", summary: "IP-in-IP, protocol 4, +20 bytes; IPv4 only" },
            { value: "vxlan", summary: "VXLAN over UDP, +50 bytes (IPv6: +70)" },
          ],
        },
        summary: "Encapsulation",
      },
    ],
    block: "tunnel",
    blockRequired: true,
    repeat: "many",
    summary: "A tunnel between two machines that carries prefixes: a site-to-site VPN",
    documentation: `A device on each of the two machines, and on each machine routes to the prefixes on the other side. The encapsulated packets
follow the routes between the two addresses like any packet, over any path, and access lists apply to them. \`ipsec\` has
no device: policies encrypt packets from the prefixes on one side to the prefixes on the other, and the path to the other side
needs a route. Keys are agreed; a machine that forwards packets needs \`net.ipv4.ip_forward\`, which routers have.`,
    example,
  },
  {
    keyword: "between",
    in: ["tunnel"],
    args: [
      { name: "first", type: { kind: "ref", to: machines, withKind: true }, summary: "One machine" },
      { name: "second", type: { kind: "ref", to: machines, withKind: true }, summary: "The other machine" },
    ],
    repeat: "once",
    required: true,
    summary: "The two machines",
    documentation: `Routers, hosts, or nodes. Without \`endpoints\`, each uses its address on a segment that both are attached to, otherwise the address of
the interface of its default route, otherwise its first address that is not in a prefix that the tunnel carries.`,
    example,
  },
  {
    keyword: "carries",
    in: ["tunnel"],
    args: [
      { name: "prefixes", type: { kind: "prefix", orAddress: true }, many: true, summary: "Prefixes" },
      {
        name: "to",
        type: { kind: "ref", to: machines, withKind: true },
        after: "to",
        summary: "The machine that has the routes to them",
      },
    ],
    repeat: "many",
    required: true,
    summary: "Prefixes on one side, to which the other machine gets routes through the tunnel",
    documentation: `The other machine has a route to each prefix through the tunnel. In WireGuard they are the peer's allowed IPs, so packets from other
sources are dropped; in IPsec they are the traffic selectors.`,
    example,
  },
  {
    keyword: "endpoints",
    in: ["tunnel"],
    args: [
      { name: "first", type: { kind: "address" }, summary: "Outer address of the first machine" },
      { name: "second", type: { kind: "address" }, summary: "Outer address of the second machine" },
    ],
    repeat: "once",
    summary: "The outer addresses, in the order of `between`",
    documentation: "For machines with several addresses. Both have the same address family.",
    example: example.replace("  mtu 1420\n", "  endpoints 203.0.113.1 203.0.113.2\n"),
  },
  {
    keyword: "addresses",
    in: ["tunnel"],
    args: [
      { name: "first", type: { kind: "interface-address", lengthRequired: true }, summary: "Of the first machine" },
      { name: "second", type: { kind: "interface-address", lengthRequired: true }, summary: "Of the second machine" },
    ],
    repeat: "once",
    summary: "Addresses of the tunnel devices, in the order of `between`",
    documentation: `Optional: without them, the source of packets that a router or host itself sends through the tunnel is the address of another interface. IPsec has no device and no such address.`,
    example: example.replace("  mtu 1420\n", "  addresses 10.99.0.1/30 10.99.0.2/30\n"),
  },
  {
    keyword: "mtu",
    in: ["tunnel"],
    args: [
      {
        name: "value",
        type: { kind: "number", min: 68, max: 65535, unit: "bytes" },
        summary: "Largest IP packet in bytes",
        default: "WireGuard: 1420 (wg-quick); IPIP and VXLAN: the MTU of the interface minus the overhead",
      },
    ],
    repeat: "once",
    summary: "MTU of the tunnel devices",
    documentation: `The largest packet that fits without fragmentation of the outer packet is the path MTU between the two machines minus the
overhead; KN271 compares the two values.`,
    example,
  },
  {
    keyword: "port",
    in: ["tunnel"],
    args: [
      {
        name: "port",
        type: { kind: "number", min: 1, max: 65535 },
        summary: "UDP port of both machines",
        default: "WireGuard: 51820 for the first tunnel, 51821 for the second, …; VXLAN: 4789",
      },
    ],
    repeat: "once",
    summary: "UDP port (WireGuard, VXLAN)",
    documentation: "The destination port of the outer packets. Two WireGuard devices of a machine cannot share a port.",
    example: example.replace("  mtu 1420\n", "  port 51000\n"),
  },
];
