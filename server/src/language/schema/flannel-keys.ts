/** flannel's backends with keys: wireguard and ipsec. */
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

/** The policies take packets on their way along the default route, so there must be one. */
const ipsecExample = `segment lan {
  cidr 192.168.10.0/24
  gateway gw
}
router gw { attach lan 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16
  cni flannel {  # knet-ignore KN209 what the nodes themselves send has no policy
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
  { value: "wireguard", summary: "WireGuard, device flannel-wg, UDP port 51820, 80 bytes reckoned; encrypted" },
  { value: "ipsec", summary: "IPsec without a device, ESP and IKE, 77 bytes reckoned; encrypted, IPv4 only" },
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
          { value: "separate", summary: "flannel-wg carries IPv4 over IPv4, flannel-wg-v6 IPv6 over IPv6" },
          { value: "auto", summary: "One device for both; of a peer's two addresses the one that is public" },
          { value: "ipv4", summary: "One device for both families, over IPv4" },
          { value: "ipv6", summary: "One device for both families, over IPv6" },
        ],
      },
      "Devices and addresses",
      "separate",
    ),
    repeat: "once",
    default: "separate",
    summary: "Which addresses the nodes use for their tunnels (Mode)",
    documentation: `Of interest in dual-stack clusters. With \`ipv4\` the pods' IPv6 packets travel over the nodes' IPv4 addresses
(pkg/backend/wireguard).`,
    example: wireguardExample,
  },
  {
    keyword: "listen-port",
    in: ["backend wireguard"],
    args: value(port, "UDP port", "51820"),
    repeat: "once",
    default: "51820",
    summary: "UDP port of flannel-wg (ListenPort)",
    documentation: `Each node takes its own setting for the peers' port too, so all nodes must have the same; firewalls between them must let it
pass.`,
    example: wireguardExample,
  },
  {
    keyword: "listen-port-v6",
    in: ["backend wireguard"],
    args: value(port, "UDP port", "51821"),
    repeat: "once",
    default: "51821",
    summary: "UDP port of flannel-wg-v6 in mode separate (ListenPortV6)",
    documentation: `A WireGuard device listens on one port in both families, so the second device needs another one.`,
    example: wireguardExample,
  },
  {
    keyword: "psk",
    in: ["backend wireguard"],
    args: value({ kind: "string" }, "32 bytes in base64, as `wg genpsk` prints them", "none"),
    repeat: "once",
    default: "none",
    summary: "Key that all nodes share, beside their own (PSK)",
    documentation: `Optional with WireGuard: each node's flanneld makes a key pair and announces the public key in its lease. Where one is given all nodes must
have the same. What is not 32 bytes of base64 keeps flanneld from starting.`,
    example: wireguardExample,
  },
  {
    keyword: "persistent-keepalive",
    in: ["backend wireguard"],
    args: value({ kind: "number", min: 0, max: 65535, unit: "seconds" }, "Seconds between empty packets", "0, off"),
    repeat: "once",
    default: "0",
    summary: "Keeps NAT and firewalls on the way open (PersistentKeepaliveInterval)",
    documentation: `For nodes behind NAT: a peer answers to the address from which it last heard something.`,
    example: wireguardExample,
  },
  {
    keyword: "mtu",
    in: ["backend wireguard"],
    args: value(mtu, "MTU before the 80 bytes are taken off", "MTU of the outgoing interface"),
    repeat: "once",
    default: "MTU of the outgoing interface",
    summary: "MTU from which flannel takes its 80 bytes (MTU)",
    documentation: `80 is what WireGuard needs over IPv6; over IPv4 60 would do, and flannel takes 80 all the same.`,
    example: wireguardExample,
  },
  {
    keyword: "psk",
    in: ["backend ipsec"],
    args: value({ kind: "string" }, "At least 96 characters"),
    repeat: "once",
    summary: "Key by which the nodes know each other (PSK)",
    documentation: `Required, and the same on all nodes. flanneld does not start with fewer than 96 characters ("config error, password is too short"). Make one with
\`dd if=/dev/urandom count=48 bs=1 status=none | xxd -p -c 48\`.`,
    example: ipsecExample,
  },
  {
    keyword: "udp-encap",
    in: ["backend ipsec"],
    args: value(yesNo, "ESP in UDP", "false"),
    repeat: "once",
    default: "false",
    summary: "Sends ESP in UDP port 4500 (UDPEncap)",
    documentation: `For networks that let no IP protocol 50 pass, and for NAT (RFC 3948). Costs 8 bytes more. One node that has it is enough for its
tunnels.`,
    example: ipsecExample,
  },
  {
    keyword: "esp-proposal",
    in: ["backend ipsec"],
    args: value({ kind: "string" }, "A proposal in strongSwan's words", "aes128gcm16-sha256-prfsha256-ecp256"),
    repeat: "once",
    default: "aes128gcm16-sha256-prfsha256-ecp256",
    summary: "Algorithms that protect the packets (ESPProposal)",
    documentation: `All nodes must have the same. The algorithms say how many bytes ESP really adds; flannel takes off 77 whatever they are.`,
    example: ipsecExample,
  },
];
