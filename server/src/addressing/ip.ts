/**
 * Addresses as numbers. An IPv4 address is a `number` (unsigned, 32 bits), an IPv6 address is a `bigint`: `typeof`
 * determines the family, and `<` orders addresses of the same family.
 */

export type Ip = number | bigint;
export type Family = 4 | 6;

/** A network: `ip` has no host bits set. */
export interface Prefix {
  readonly ip: Ip;
  readonly len: number;
}

/** An address on an interface with the length of its on-link prefix: 10.0.0.1/24. */
export interface InterfaceAddress {
  readonly ip: Ip;
  readonly len: number;
}

/** Inclusive interval of addresses of one family. */
export interface IpRange {
  readonly first: Ip;
  readonly last: Ip;
}

/**
 * A number of addresses or blocks, or the index of one. Like addresses, `number` for IPv4 and `bigint` for IPv6; `<`
 * compares it with a number of either type, and `Number(count)` is exact for powers of two.
 */
export type Count = number | bigint;

export {
  addIp,
  bits,
  compareIp,
  family,
  ipEquals,
  ipKey,
  isLinkLocal,
  isLoopback,
  isMulticast,
} from "./address.ts";
export { formatIp, parseIp, whyNoIp } from "./ip-text.ts";
export {
  broadcast,
  comparePrefix,
  hostPrefix,
  isNear,
  lastAddress,
  network,
  nthAddress,
  nthSubnet,
  prefixContains,
  prefixCovers,
  prefixEquals,
  prefixOf,
  prefixRange,
  prefixSize,
  samePrefixes,
  subnetCount,
  subnetIndex,
} from "./prefix.ts";
export {
  formatPrefix,
  formatRange,
  type InterfaceAddressText,
  type Parsed,
  type PrefixText,
  parseInterfaceAddress,
  parsePrefix,
  readInterfaceAddress,
  readPrefix,
} from "./prefix-text.ts";
export { rangeContains, rangeSize, rangesOverlap, rangeToPrefixes } from "./range.ts";
