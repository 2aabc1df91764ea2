/**
 * A `cni flannel` block as flanneld reads it: net-conf.json and its flags. The defaults match the released manifest.
 */
import type { Ip, Prefix } from "../../addressing/ip.ts";
import type { Origin } from "../../declared/origin.ts";
import {
  addressIn,
  booleanIn,
  lengthIn,
  numberIn,
  prefixesIn,
  type Settings,
  statement,
  statements,
  wordIn,
} from "../../declared/settings.ts";
import type { CniSettings, PodCidr } from "../../topology/model.ts";
import { familyOf } from "../host.ts";
import { settingsOf } from "../settings.ts";

export interface FlannelSettings {
  /** Per family; undefined = the family is not enabled. */
  readonly network4: Prefix | undefined;
  readonly network6: Prefix | undefined;
  readonly manager: "kube" | "etcd";
  readonly subnetLen: number | undefined;
  readonly subnetMin: Ip | undefined;
  readonly subnetMax: Ip | undefined;
  readonly backend: BackendSettings;
  readonly ipMasq: boolean;
  readonly forwardRules: boolean;
  readonly nftables: boolean;
  /** --iface: a device name or an address of the device. */
  readonly iface: string | Ip | undefined;
  readonly publicIp: Ip | undefined;
  /** Announce the nodes' external addresses (k3s). */
  readonly externalIp: boolean;
  /** The effective statement of each keyword in the file. */
  readonly sources: ReadonlyMap<string, Origin>;
  /** The `cni` statement. */
  readonly source: Origin;
}

export type BackendSettings =
  | {
      readonly type: "vxlan";
      readonly vni: number;
      readonly port: number;
      readonly learning: boolean;
      readonly directRouting: boolean;
      readonly mtu: number | undefined;
      readonly source: Origin;
    }
  | { readonly type: "host-gw"; readonly source: Origin }
  | { readonly type: "udp"; readonly port: number; readonly source: Origin }
  | {
      readonly type: "wireguard";
      readonly mode: WireguardMode;
      readonly port: number;
      /** For the IPv6 device in mode `separate`. */
      readonly portV6: number;
      readonly psk: string | undefined;
      readonly keepalive: number | undefined;
      readonly mtu: number | undefined;
      readonly source: Origin;
    }
  | {
      readonly type: "ipsec";
      readonly psk: string;
      readonly udpEncap: boolean;
      readonly espProposal: string;
      readonly source: Origin;
    }
  | { readonly type: "ipip"; readonly directRouting: boolean; readonly source: Origin };

export type BackendType = BackendSettings["type"];

/**
 * separate: one device per family; auto, ipv4, ipv6: one device, and the family of the peer's address that it sends to.
 */
export type WireguardMode = "separate" | "auto" | "ipv4" | "ipv6";

/** The kernel's default port, which flannel keeps (its `Port` 0); IANA's is 4789. */
export const VXLAN_PORT = 8472;
export const UDP_PORT = 8285;
/** pkg/backend/wireguard/wireguard.go, RegisterNetwork. */
const WIREGUARD_PORT = 51820;
const WIREGUARD_PORT_V6 = 51821;
/** pkg/backend/ipsec/ipsec.go, defaultESPProposal. */
const ESP_PROPOSAL = "aes128gcm16-sha256-prfsha256-ecp256";

const KEYWORDS = [
  "network",
  "subnet-len",
  "subnet-min",
  "subnet-max",
  "subnet-manager",
  "backend",
  "ip-masq",
  "iptables-forward-rules",
  "nftables",
  "iface",
  "external-ip",
  "public-ip",
];

export function flannelSettings(
  cluster: CniSettings,
  node: CniSettings | undefined,
  podCidrs: readonly PodCidr[],
): FlannelSettings {
  const settings = settingsOf(cluster, node);
  const source = node?.plugin === "flannel" ? node.source : cluster.source;
  const networks = statements(settings, "network").flatMap(prefixesIn);
  const ofFamily = (family: 4 | 6): Prefix | undefined => {
    const given = networks.find((prefix) => familyOf(prefix.ip) === family);
    return (
      given ?? (networks.length > 0 ? undefined : podCidrs.find(({ prefix }) => familyOf(prefix.ip) === family)?.prefix)
    );
  };
  const sources = new Map<string, Origin>();
  for (const keyword of KEYWORDS) {
    const found = statement(settings, keyword);
    if (found) sources.set(keyword, found);
  }
  const iface = statement(settings, "iface");
  return {
    network4: ofFamily(4),
    network6: ofFamily(6),
    manager: wordIn(statement(settings, "subnet-manager")) === "etcd" ? "etcd" : "kube",
    subnetLen: lengthIn(statement(settings, "subnet-len")),
    subnetMin: addressIn(statement(settings, "subnet-min")),
    subnetMax: addressIn(statement(settings, "subnet-max")),
    backend: backendSettings(settings, source),
    ipMasq: booleanIn(statement(settings, "ip-masq"), true),
    forwardRules: booleanIn(statement(settings, "iptables-forward-rules"), true),
    nftables: booleanIn(statement(settings, "nftables"), false),
    iface: addressIn(iface) ?? wordIn(iface),
    publicIp: addressIn(statement(settings, "public-ip")),
    externalIp: booleanIn(statement(settings, "external-ip"), false),
    sources,
    source,
  };
}

function backendSettings(settings: Settings, otherwise: Origin): BackendSettings {
  const found = statement(settings, "backend");
  const inside: Settings = found ? [found] : [];
  const source = found ?? otherwise;
  const type = wordIn(found);
  const number = (keyword: string) => numberIn(statement(inside, keyword));
  const yes = (keyword: string) => booleanIn(statement(inside, keyword), false);
  switch (type) {
    case "host-gw":
      return { type, source };
    case "ipip":
      return { type, directRouting: yes("direct-routing"), source };
    case "vxlan":
      return {
        type,
        vni: number("vni") ?? 1,
        port: number("port") || VXLAN_PORT,
        learning: yes("learning"),
        directRouting: yes("direct-routing"),
        mtu: number("mtu") || undefined,
        source,
      };
    case "wireguard": {
      const mode = wordIn(statement(inside, "mode"));
      return {
        type,
        mode: mode === "auto" || mode === "ipv4" || mode === "ipv6" ? mode : "separate",
        port: number("listen-port") ?? WIREGUARD_PORT,
        portV6: number("listen-port-v6") ?? WIREGUARD_PORT_V6,
        psk: wordIn(statement(inside, "psk")),
        keepalive: number("persistent-keepalive") || undefined,
        mtu: number("mtu") || undefined,
        source,
      };
    }
    case "ipsec":
      return {
        type,
        psk: wordIn(statement(inside, "psk")) ?? "",
        udpEncap: yes("udp-encap"),
        espProposal: wordIn(statement(inside, "esp-proposal")) ?? ESP_PROPOSAL,
        source,
      };
    // net-conf.json without a backend (pkg/subnet/config.go parseBackendType); the documentation differs.
    default:
      return { type: "udp", port: number("port") || UDP_PORT, source };
  }
}
