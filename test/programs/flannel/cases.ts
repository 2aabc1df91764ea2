/** flannel configurations that are compared with flanneld, and the kernel that has what they need. */
import type { Kernel } from "../../../server/src/cli/box/box.ts";

export interface FlannelCase {
  /** The file, the seed, or a description. */
  readonly name: string;
  readonly kernel: Kernel;
  readonly text: string;
}

interface Variant {
  readonly cni: string;
  readonly kernel?: Kernel;
  readonly ipv6?: boolean;
  /** All nodes on one segment. */
  readonly together?: boolean;
  /** A second interface on each node. */
  readonly twoInterfaces?: boolean;
}

/** Required by flannel: 96 characters or more. */
const PSK = "c1e0b84c2f7a4dd6983f05ab7e62d1903b5c48f1d7e02a69884bc1f35a0e7d92c6b1f48a0d3e5729ab64fc108e3d75b2";

const VARIANTS: Readonly<Record<string, Variant>> = {
  vxlan: { cni: "backend vxlan" },
  "vxlan with VNI, port, and learning": { cni: "backend vxlan { vni 42; port 4789; learning true }" },
  "vxlan with direct routing": { cni: "backend vxlan { direct-routing true }" },
  "vxlan with MTU": { cni: "backend vxlan { mtu 1400 }" },
  "vxlan without masquerading": { cni: "backend vxlan; ip-masq false" },
  "vxlan without forward rules": { cni: "backend vxlan; iptables-forward-rules false" },
  "vxlan with nftables": { cni: "backend vxlan; nftables true" },
  "vxlan on a second interface": { cni: "backend vxlan; iface eth1", twoInterfaces: true },
  "vxlan, dual stack": { cni: "backend vxlan", ipv6: true },
  "vxlan, dual stack, with direct routing": { cni: "backend vxlan { direct-routing true }", ipv6: true },
  "vxlan, dual stack, with nftables": { cni: "backend vxlan; nftables true", ipv6: true },
  "vxlan with etcd": { cni: "backend vxlan; subnet-manager etcd; network 10.5.0.0/16" },
  "host-gw with etcd and long leases": {
    cni: "backend host-gw; subnet-manager etcd; network 10.5.0.0/16; subnet-len 26",
    together: true,
  },
  "host-gw": { cni: "backend host-gw", together: true },
  "host-gw across segments": { cni: "backend host-gw" },
  "host-gw, dual stack": { cni: "backend host-gw", together: true, ipv6: true },
  udp: { cni: "backend udp" },
  "udp with port": { cni: "backend udp { port 9000 }" },
  ipip: { cni: "backend ipip", kernel: "uml" },
  "ipip with direct routing": { cni: "backend ipip { direct-routing true }", kernel: "uml" },
  ipsec: { cni: `backend ipsec { psk "${PSK}" }`, kernel: "uml" },
  "ipsec in UDP": { cni: `backend ipsec { psk "${PSK}"; udp-encap true }`, kernel: "uml" },
  wireguard: { cni: "backend wireguard", kernel: "qemu" },
  "wireguard, dual stack": { cni: "backend wireguard", kernel: "qemu", ipv6: true },
  "wireguard, dual stack, one tunnel": { cni: "backend wireguard { mode ipv4 }", kernel: "qemu", ipv6: true },
};

export const CASES: readonly FlannelCase[] = Object.entries(VARIANTS).map(([name, variant]) => ({
  name,
  kernel: variant.kernel ?? "host",
  text: textOf(variant),
}));

/** Of npm test: every backend of the kernels that boot fast, and both subnet managers. */
const FEW = [
  "vxlan",
  "vxlan with direct routing",
  "vxlan, dual stack",
  "vxlan with nftables",
  "vxlan with etcd",
  "host-gw",
  "udp",
  "ipip",
];
export const FEW_CASES: readonly FlannelCase[] = CASES.filter(({ name }) => FEW.includes(name));

function textOf({ cni, ipv6 = false, together = false, twoInterfaces = false }: Variant): string {
  const at = (segment: string, number: number, last: number): string =>
    `attach ${segment} 192.168.${number}.${last}${ipv6 ? ` fd00:${number}::${last}` : ""}`;
  const segment = (name: string, number: number): string =>
    `segment ${name} { cidr 192.168.${number}.0/24${ipv6 ? ` fd00:${number}::/64` : ""}; gateway router }`;
  const usesKube = !cni.includes("etcd");
  const node = (i: number): string => {
    const [name, number] = i === 3 && !together ? ["lab", 20] : ["office", 10];
    const second = twoInterfaces ? `; ${at("storage", 30, 10 + i)}` : "";
    const range = usesKube ? `; pod-cidr 10.244.${i}.0/24${ipv6 ? ` fd00:244:0:${i}::/64` : ""}` : "";
    return `  node node${i} { ${at(name as string, number as number, 10 + i)}${second}${range} }`;
  };
  return [
    segment("office", 10),
    segment("lab", 20),
    ...(twoInterfaces ? [segment("storage", 30)] : []),
    `router router { ${at("office", 10, 1)}; ${at("lab", 20, 1)}${twoInterfaces ? `; ${at("storage", 30, 1)}` : ""} }`,
    "cluster prod {",
    ...(usesKube ? ["  pods 10.244.0.0/16 per-node /24"] : []),
    ...(ipv6 ? ["  pods fd00:244::/48 per-node /64"] : []),
    `  cni flannel { ${cni} }`,
    ...[1, 2, 3].map(node),
    "  deployment web replicas 3",
    "}",
    "",
  ].join("\n");
}
