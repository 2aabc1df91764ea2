/**
 * pkg/backend/ipsec: no device and no route; policies in the kernel, keys negotiated by strongSwan's charon (IKEv2).
 * IPv4 only. The policies apply to packets from one node's pods to another's: packets from a node itself follow its
 * default route.
 */
import { type Ip, prefixContains } from "../../addressing/ip.ts";
import type { EspCipher, Xfrm, XfrmDirection, XfrmPolicy, XfrmState } from "../../dataplane/model.ts";
import { hash32 } from "../hash.ts";
import { type Backend, type FlannelCluster, NO_BACKEND_PARTS, type Participant } from "./cluster.ts";
import type { BackendSettings } from "./settings.ts";

type Settings = Extract<BackendSettings, { type: "ipsec" }>;

/** Computed for AES-CBC with SHA-256, regardless of the proposal (ipsec_network.go). */
const OVERHEAD = 77;
const UDP_OVERHEAD = 8;
const REQID = 11;
/** IKE; IKE and ESP after the non-ESP marker (RFC 3948). */
const IKE_PORT = 500;
const NAT_TRAVERSAL_PORT = 4500;

export const ipsec: Backend = {
  podMtu: (backend, interfaceMtu) =>
    interfaceMtu - OVERHEAD - (backend.type === "ipsec" && backend.udpEncap ? UDP_OVERHEAD : 0),
  compile: (cluster) => (self) => {
    const { backend } = self.settings;
    if (backend.type !== "ipsec" || !self.v4) return NO_BACKEND_PARTS;
    const { publicIp } = self.v4;
    return {
      ...NO_BACKEND_PARTS,
      xfrm: xfrmOf(cluster, self, backend, publicIp),
      sockets: [IKE_PORT, NAT_TRAVERSAL_PORT].map((port) => ({
        proto: "udp",
        port,
        process: "charon",
        origin: backend.source,
      })),
    };
  },
};

function xfrmOf(cluster: FlannelCluster, self: Participant, backend: Settings, publicIp: Ip): Xfrm {
  const peers = cluster.peers("ipsec");
  const own = self.v4?.lease;
  const policyWith = (direction: XfrmDirection, peer: Participant): XfrmPolicy | undefined => {
    if (!own || !peer.v4 || peer === self || (peer.v4.lease.ip === own.ip && peer.v4.lease.len === own.len))
      return undefined;
    const out = direction === "out";
    const there = peer.v4;
    return {
      direction,
      src: out ? own : there.lease,
      dst: out ? there.lease : own,
      template: { src: out ? publicIp : there.publicIp, dst: out ? there.publicIp : publicIp, reqid: REQID },
      origin: peer.node.source,
    };
  };
  const stateWith = (peer: Participant, out: boolean): XfrmState | undefined => {
    const theirs = peer.settings.backend;
    if (!peer.v4 || peer === self || theirs.type !== "ipsec" || !agree(backend, theirs)) return undefined;
    const [src, dst] = out ? [publicIp, peer.v4.publicIp] : [peer.v4.publicIp, publicIp];
    // `encap = yes` on either side simulates NAT between the two nodes.
    const inUdp = backend.udpEncap || theirs.udpEncap;
    return {
      src,
      dst,
      spi: (hash32(`spi ${src} ${dst}`) & 0x0fffffff) + 0xc0000000,
      reqid: REQID,
      cipher: cipherOf(backend.espProposal),
      ...(inUdp ? { udpPort: NAT_TRAVERSAL_PORT } : {}),
      origin: peer.node.source,
    };
  };
  let byAddress: ReadonlyMap<Ip, Participant> | undefined;
  return {
    policy: (direction, src, dst) => {
      const [near, far] = direction === "out" ? [src, dst] : [dst, src];
      if (!own || typeof near !== "number" || !prefixContains(own, near)) return undefined;
      const peer = peers.leases.lookup(far).at(-1);
      return peer && policyWith(direction, peer);
    },
    state: (src, dst) => {
      byAddress ??= new Map(peers.list.flatMap((peer) => (peer.v4 ? [[peer.v4.publicIp, peer] as const] : [])));
      const out = src === publicIp;
      if (!out && dst !== publicIp) return undefined;
      const peer = byAddress.get(out ? dst : src);
      return peer && stateWith(peer, out);
    },
    policies: function* () {
      for (const peer of peers.holders(4)) {
        for (const direction of ["out", "in", "fwd"] as const) {
          const policy = policyWith(direction, peer);
          if (policy) yield policy;
        }
      }
    },
    states: function* () {
      for (const peer of peers.holders(4)) {
        for (const out of [true, false]) {
          const state = stateWith(peer, out);
          if (state) yield state;
        }
      }
    },
  };
}

function agree(a: Settings, b: Settings): boolean {
  return a.psk === b.psk && a.espProposal === b.espProposal;
}

/**
 * Bytes of the common algorithms: RFC 4106 (GCM), RFC 4309 (CCM), RFC 7634 (ChaCha20), RFC 3602 (CBC), RFC 4868 (HMAC).
 */
function cipherOf(proposal: string): EspCipher {
  const [encryption = "", ...rest] = proposal.split("-");
  const tag = /(?:gcm|ccm)(8|12|16|64|96|128)?$/.exec(encryption);
  if (tag) {
    const size = Number(tag[1] ?? 16);
    return { name: encryption, iv: 8, block: 4, icv: size > 16 ? size / 8 : size };
  }
  if (encryption.startsWith("chacha20poly1305")) return { name: encryption, iv: 8, block: 4, icv: 16 };
  const hmac = rest.map((one) => ICV[one]).find((one) => one !== undefined);
  return { name: encryption, iv: 16, block: 16, icv: hmac ?? 16 };
}

const ICV: Readonly<Record<string, number>> = { md5: 12, sha1: 12, sha: 12, sha256: 16, sha384: 24, sha512: 32 };
