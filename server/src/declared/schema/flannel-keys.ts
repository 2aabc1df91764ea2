/** flannel's encrypted backends: wireguard and ipsec. */
import { mtu, port, value, withSettings, yesNo } from "./cni-parts.ts";
import type { EnumValue, KeywordSpec } from "./types.ts";

const wireguardExample = withSettings(`cni flannel {
    backend wireguard {
      mode separate
      listen-port 51820
      listen-port-v6 51821
      psk "c2VjcmV0IHRvIGFsbCBidXQgdGhlIG5vZGVzIGhlcmU="
      persistent-keepalive 25
      mtu 1500
    }
  }`);

/** The IPsec policies apply to packets that follow the default route, so the example needs one. */
const ipsecExample = `segment lan {
  cidr 192.168.10.0/24
  gateway gw
}
router gw { attach lan 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16
  cni flannel {  # knet-ignore KN209 packets sent by the nodes themselves match no IPsec policy
    backend ipsec {
      psk "${"0123456789abcdef".repeat(6)}"
      udp-encap false
      esp-proposal aes128gcm16-sha256-prfsha256-ecp256
    }
  }
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  pod a on n1
  pod b on n2
}
expect a -> b reachable
`;

export const keyBackends: readonly EnumValue[] = [
  {
    value: "wireguard",
    summary: "WireGuard, device `flannel-wg`, UDP port 51820, 80 bytes overhead assumed; encrypted",
  },
  { value: "ipsec", summary: "IPsec without a device, ESP and IKE, 77 bytes overhead assumed; encrypted, IPv4 only" },
];
export const keyContexts = { wireguard: "backend wireguard", ipsec: "backend ipsec" };

export const keySettings: readonly KeywordSpec[] = [
  {
    keyword: "mode",
    in: ["backend wireguard"],
    args: value(
      {
        kind: "enum",
        values: [
          { value: "separate", summary: "`flannel-wg` carries IPv4 over IPv4, `flannel-wg-v6` IPv6 over IPv6" },
          { value: "auto", summary: "One device for both families; prefers a peer's public address, IPv4 first" },
          { value: "ipv4", summary: "One device for both families, over IPv4" },
          { value: "ipv6", summary: "One device for both families, over IPv6" },
        ],
      },
      "Devices and addresses",
      "separate",
    ),
    repeat: "once",
    default: "separate",
    summary: "Addresses that nodes use for tunnels (Mode)",
    documentation: `Relevant in dual-stack clusters. With \`ipv4\`, the pods' IPv6 packets are sent over the nodes' IPv4 addresses
(pkg/backend/wireguard).`,
    example: wireguardExample,
  },
  {
    keyword: "listen-port",
    in: ["backend wireguard"],
    args: value(port, "UDP port", "51820"),
    repeat: "once",
    default: "51820",
    summary: "UDP port of `flannel-wg` (ListenPort)",
    documentation: `A node also uses its own setting as the port of its peers, so it must be the same on all nodes. Firewalls between the
nodes must allow it.`,
    example: wireguardExample,
  },
  {
    keyword: "listen-port-v6",
    in: ["backend wireguard"],
    args: value(port, "UDP port", "51821"),
    repeat: "once",
    default: "51821",
    summary: "UDP port of `flannel-wg-v6` with `mode separate` (ListenPortV6)",
    documentation: "A WireGuard device listens on one port for both families, so the second device needs another port.",
    example: wireguardExample,
  },
  {
    keyword: "psk",
    in: ["backend wireguard"],
    args: value({ kind: "string" }, "32 bytes in base64, as printed by `wg genpsk`", "none"),
    repeat: "once",
    default: "none",
    summary: "Preshared key of all nodes, in addition to each node's own key (PSK)",
    documentation: `Optional with WireGuard: each flanneld generates a key pair and publishes the public key in its lease. If set, it must
be the same on all nodes. flanneld fails to start if the value is not 32 bytes in base64.`,
    example: wireguardExample,
  },
  {
    keyword: "persistent-keepalive",
    in: ["backend wireguard"],
    args: value(
      { kind: "number", min: 0, max: 65535, unit: "seconds" },
      "Seconds between keepalive packets",
      "0 (off)",
    ),
    repeat: "once",
    default: "0",
    summary: "Keeps NAT and firewall state along the path alive (PersistentKeepaliveInterval)",
    documentation: "For nodes behind NAT: a peer replies to the address that it last received packets from.",
    example: wireguardExample,
  },
  {
    keyword: "mtu",
    in: ["backend wireguard"],
    args: value(mtu, "MTU before the 80 bytes are subtracted", "MTU of the outgoing interface"),
    repeat: "once",
    default: "MTU of the outgoing interface",
    summary: "MTU from which flannel subtracts 80 bytes (MTU)",
    documentation: "WireGuard needs 80 bytes over IPv6 and 60 over IPv4; flannel always subtracts 80.",
    example: wireguardExample,
  },
  {
    keyword: "psk",
    in: ["backend ipsec"],
    args: value({ kind: "string" }, "At least 96 characters"),
    repeat: "once",
    summary: "Preshared key that authenticates the nodes (PSK)",
    documentation: `Required, and must be the same on all nodes. flanneld fails to start with fewer than 96 characters ("config error,
password is too short"). Generate a key with \`dd if=/dev/urandom count=48 bs=1 status=none | xxd -p -c 48\`.`,
    example: ipsecExample,
  },
  {
    keyword: "udp-encap",
    in: ["backend ipsec"],
    args: value(yesNo, "ESP over UDP", "false"),
    repeat: "once",
    default: "false",
    summary: "Sends ESP over UDP port 4500 (UDPEncap)",
    documentation: `For networks that do not allow IP protocol 50, and for NAT (RFC 3948). Adds 8 bytes. Setting it on one node is enough
for all tunnels of that node.`,
    example: ipsecExample,
  },
  {
    keyword: "esp-proposal",
    in: ["backend ipsec"],
    args: value({ kind: "string" }, "A proposal in strongSwan syntax", "aes128gcm16-sha256-prfsha256-ecp256"),
    repeat: "once",
    default: "aes128gcm16-sha256-prfsha256-ecp256",
    summary: "Algorithms that protect the packets (ESPProposal)",
    documentation:
      "Must be the same on all nodes. The actual ESP overhead depends on the algorithms; flannel always subtracts 77 bytes.",
    example: ipsecExample,
  },
];
