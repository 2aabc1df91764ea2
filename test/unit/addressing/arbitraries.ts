/** Random addresses, prefixes, and ranges. The `near` ones are close together, so they often overlap. */
import fc from "fast-check";
import { plus } from "../../../server/src/addressing/arith.ts";
import { type Ip, type IpRange, type Prefix, prefixOf } from "../../../server/src/addressing/ip.ts";

export const ipv4 = fc.nat(0xffffffff);
/** Uniformly random addresses, and sparse addresses as in practice. */
export const ipv6 = fc.oneof(
  fc.bigInt({ min: 0n, max: (1n << 128n) - 1n }),
  fc
    .array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(0xffff) }), {
      minLength: 8,
      maxLength: 8,
    })
    .map((groups) => groups.reduce((sum, group) => (sum << 16n) | BigInt(group), 0n)),
);
export const ip: fc.Arbitrary<Ip> = fc.oneof(ipv4, ipv6);

export const prefix4 = fc.tuple(ipv4, fc.integer({ min: 0, max: 32 })).map(([at, len]) => prefixOf(at, len));
export const prefix6 = fc.tuple(ipv6, fc.integer({ min: 0, max: 128 })).map(([at, len]) => prefixOf(at, len));
export const prefix: fc.Arbitrary<Prefix> = fc.oneof(prefix4, prefix6);

/** Bases of 64 consecutive addresses at the start, in the middle, and at the end of an address space. */
const base: fc.Arbitrary<Ip> = fc.constantFrom<Ip>(0, 0x0af40000, 0xffffffc0, 0n, 0xfd00n << 112n, (1n << 128n) - 64n);
const step = fc.nat(63);
const near = (from: Ip, n: number): Ip => plus(from, typeof from === "number" ? n : BigInt(n));

export const nearIp: fc.Arbitrary<Ip> = fc.tuple(base, step).map(([from, n]) => near(from, n));
export const nearRange: fc.Arbitrary<IpRange> = fc
  .tuple(base, step, step)
  .map(([from, a, b]) => ({ first: near(from, Math.min(a, b)), last: near(from, Math.max(a, b)) }));
/** Small blocks of these addresses, and prefixes that contain all of the addresses. */
export const nearPrefix: fc.Arbitrary<Prefix> = fc
  .tuple(nearIp, fc.constantFrom(0, 8, 25, 26, 27, 28, 29, 30, 31, 32))
  .map(([at, len]) => prefixOf(at, typeof at === "number" || len === 0 ? len : len + 96));
