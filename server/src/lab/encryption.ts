/**
 * Encrypted tunnels of a lab: IPsec states and policies as lines for `ip -batch`, WireGuard peers, and the keys. Keys are derived
 * from names, so the two sides of a tunnel agree, and captures can be decrypted.
 */
import { formatIp, formatPrefix, type Ip } from "../addressing/ip.ts";
import type { Device, EspCipher, Netns, Network, XfrmState } from "../dataplane/model.ts";
import { keysAgreed } from "../dataplane/simulator/simulate.ts";

/** A WireGuard device and its peers. Keys are names: the script derives the private key of a device from its public key in the model. */
export interface WireguardPlan {
  readonly device: string;
  readonly port: number;
  readonly key: string;
  readonly peers: readonly {
    readonly key: string;
    readonly presharedKey: string | undefined;
    readonly endpoint: string;
    readonly allowedIps: string;
    readonly keepalive: number | undefined;
  }[];
}

export function wireguardPlan(device: Device & { kind: "wireguard" }): WireguardPlan {
  return {
    device: device.name,
    port: device.port,
    key: device.publicKey,
    peers: [...device.peers.entries()].map((peer) => ({
      key: peer.publicKey,
      presharedKey: peer.presharedKey,
      endpoint: endpointText(peer.endpoint),
      allowedIps: peer.allowedIps.map(formatPrefix).join(","),
      keepalive: peer.keepalive,
    })),
  };
}

function endpointText({ ip, port }: { readonly ip: Ip; readonly port: number }): string {
  return typeof ip === "bigint" ? `[${formatIp(ip)}]:${port}` : `${formatIp(ip)}:${port}`;
}

/** `ip xfrm` lines without `ip`. States exist only if the simulated key exchange succeeds, because a lab runs no IKE daemon. */
export function xfrmLines(network: Network, { id, xfrm }: Netns): readonly string[] {
  if (!xfrm) return [];
  const states = [...xfrm.states()].filter(({ src, dst, udpPort }) =>
    keysAgreed(network, id, { src, dst, inUdp: udpPort !== undefined }),
  );
  return [
    ...states.map((state) => `xfrm state add ${stateWords(state)}`),
    ...[...xfrm.policies()].map(({ direction, src, dst, template }) =>
      [
        ...["xfrm policy add", "src", formatPrefix(src), "dst", formatPrefix(dst), "dir", direction],
        ...["tmpl", "src", formatIp(template.src), "dst", formatIp(template.dst)],
        ...["proto esp reqid", String(template.reqid), "mode tunnel"],
      ].join(" "),
    ),
  ];
}

function stateWords({ src, dst, spi, reqid, cipher, udpPort }: XfrmState): string {
  return [
    ...["src", formatIp(src), "dst", formatIp(dst), "proto esp spi", `0x${spi.toString(16)}`],
    ...["reqid", String(reqid), "mode tunnel", algorithmWords(cipher)],
    // Without af-unspec the kernel derives the family of the inner packets from the tunnel addresses, which is right for IPv4.
    ...(udpPort === undefined ? [] : [`encap espinudp ${udpPort} ${udpPort} 0.0.0.0`]),
  ].join(" ");
}

export interface EspAlgorithm {
  readonly kind: "aead" | "cbc";
  /** Name in the kernel's crypto API. */
  readonly name: string;
  /** Bytes of the cipher key, without the salt. */
  readonly key: number;
  readonly salt: number;
}

/** The algorithm of a strongSwan proposal keyword such as `aes128gcm16` (RFC 4106, RFC 4309, RFC 7634, RFC 3602). */
export function algorithmOf({ name }: EspCipher): EspAlgorithm {
  if (name.startsWith("chacha20poly1305"))
    return { kind: "aead", name: "rfc7539esp(chacha20,poly1305)", key: 32, salt: 4 };
  const [, bits = "128", mode] = /^aes(128|192|256)?(gcm|ccm)?/.exec(name) ?? [];
  const key = Number(bits) / 8;
  if (mode === "gcm") return { kind: "aead", name: "rfc4106(gcm(aes))", key, salt: 4 };
  if (mode === "ccm") return { kind: "aead", name: "rfc4309(ccm(aes))", key, salt: 3 };
  return { kind: "cbc", name: "cbc(aes)", key, salt: 0 };
}

/** RFC 4868: the truncated lengths in bytes, and the key length of each hash. */
const HASHES: Readonly<Record<number, { readonly name: string; readonly key: number }>> = {
  12: { name: "hmac(sha1)", key: 20 },
  16: { name: "hmac(sha256)", key: 32 },
  24: { name: "hmac(sha384)", key: 48 },
  32: { name: "hmac(sha512)", key: 64 },
};

function algorithmWords(cipher: EspCipher): string {
  const { kind, name, key, salt } = algorithmOf(cipher);
  if (kind === "aead") return `aead ${name} 0x${fixedKey(key + salt)} ${cipher.icv * 8}`;
  const hash = HASHES[cipher.icv] ?? { name: "hmac(sha256)", key: 32 };
  return `auth-trunc ${hash.name} 0x${fixedKey(hash.key)} ${cipher.icv * 8} enc ${name} 0x${fixedKey(key)}`;
}

/** The key of every association, as hexadecimal digits: 01 02 03 …. */
export function fixedKey(bytes: number): string {
  return Array.from({ length: bytes }, (_, i) => ((i + 1) & 0xff).toString(16).padStart(2, "0")).join("");
}
