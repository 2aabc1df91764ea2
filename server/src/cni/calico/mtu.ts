/**
 * felix/dataplane/linux/int_dataplane.go, ConfigureDefaultMTUs: the smallest interface MTU minus the largest overhead.
 */
import type { Node } from "../../topology/model.ts";
import type { CalicoCluster } from "./cluster.ts";
import { isUsable } from "./settings.ts";

/** Outer IP header and encapsulation: 20 for IPIP, 20 + 8 + 8 + 14 for VXLAN, 20 more for an IPv6 header. */
const OVERHEAD = { ipip: 20, vxlan: 50, vxlan6: 70 } as const;
/** mtuIfacePattern. */
const COUNTED = /^((en|wl|ww|sl|ib)[Pcopsvx].*|(eth|wlan|wwan).*)/;

export interface Mtus {
  readonly pod: number;
  readonly ipip: number;
  readonly vxlan: number;
  readonly vxlan6: number;
}

export function mtusOf({ settings }: CalicoCluster, node: Node): Mtus {
  const counted = node.interfaces.filter(({ device }) => COUNTED.test(device)).map(({ mtu }) => mtu);
  const host = counted.length === 0 ? 1500 : Math.min(...counted);
  const { mtu } = settings;
  // calico.yaml also uses veth_mtu for the tunnels; the kernel limits a tunnel to the MTU of its lower device.
  if (mtu !== undefined) {
    return {
      pod: mtu,
      ipip: mtu,
      vxlan: Math.min(mtu, host - OVERHEAD.vxlan),
      vxlan6: Math.min(mtu, host - OVERHEAD.vxlan6),
    };
  }
  // Every enabled encapsulation is included, also cross-subnet, even if no packet is ever encapsulated.
  const enabled = settings.pools
    .filter(isUsable)
    .flatMap(({ cidr, ipip, vxlan }) => [
      ...(ipip === "never" ? [] : [OVERHEAD.ipip]),
      ...(vxlan === "never" ? [] : [typeof cidr.ip === "bigint" ? OVERHEAD.vxlan6 : OVERHEAD.vxlan]),
    ]);
  return {
    pod: host - Math.max(0, ...enabled),
    ipip: host - OVERHEAD.ipip,
    vxlan: host - OVERHEAD.vxlan,
    vxlan6: host - OVERHEAD.vxlan6,
  };
}
