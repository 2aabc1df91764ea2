/**
 * Source address of an IPv6 packet: ipv6_dev_get_saddr (net/ipv6/addrconf.c), the rules of RFC 6724 §5 as implemented by
 * Linux. Unlike IPv4, the selection depends on the destination, not on the next hop.
 */
import { isLinkLocal } from "../addressing/ip.ts";
import type { Device, Netns } from "./model.ts";

/** The source address for packets to `dst` through `egress`; undefined if no address is suitable. */
export function sourceFor(netns: Pick<Netns, "devices">, egress: Device | undefined, dst: bigint): bigint | undefined {
  const local = isLinkLocal(dst);
  let best: { readonly ip: bigint; readonly score: readonly number[] } | undefined;
  for (const device of netns.devices.values()) {
    // A link-local destination is only valid on its link.
    if (device.name === "lo" ? local : local && device !== egress) continue;
    // The kernel inserts a new address before older addresses of the same scope.
    for (const { ip } of [...device.addresses].reverse()) {
      if (typeof ip !== "bigint" || ip === 1n) continue;
      const score = scoreOf(ip, dst, device === egress);
      if (!best || isBetter(score, best.score)) best = { ip, score };
    }
  }
  return best?.ip;
}

/** Rules 1, 2, 5, 6, and 8; the remaining rules concern mobility, privacy, and deprecated addresses. */
function scoreOf(ip: bigint, dst: bigint, outgoing: boolean): readonly number[] {
  const scope = isLinkLocal(ip) === isLinkLocal(dst) || isLinkLocal(dst) ? 1 : 0;
  return [
    Number(ip === dst),
    scope,
    Number(outgoing),
    Number(labelOf(ip) === labelOf(dst)),
    Math.min(commonLength(ip, dst), 64),
  ];
}

function isBetter(a: readonly number[], b: readonly number[]): boolean {
  for (const [i, value] of a.entries()) if (value !== (b[i] ?? 0)) return value > (b[i] ?? 0);
  return false;
}

/** The kernel's table (net/ipv6/addrlabel.c), most specific first. */
const LABELS: readonly (readonly [prefix: bigint, len: bigint, label: number])[] = [
  [1n, 128n, 0],
  [0xffffn << 32n, 96n, 4],
  [0n, 96n, 3],
  [0x20010000n << 96n, 32n, 6],
  [0x20010010n << 96n, 28n, 7],
  [0x2002n << 112n, 16n, 2],
  [0xfc00n << 112n, 7n, 5],
];

function labelOf(ip: bigint): number {
  return LABELS.find(([prefix, len]) => ip >> (128n - len) === prefix >> (128n - len))?.[2] ?? 1;
}

function commonLength(a: bigint, b: bigint): number {
  const differing = a ^ b;
  return differing === 0n ? 128 : 128 - differing.toString(2).length;
}
