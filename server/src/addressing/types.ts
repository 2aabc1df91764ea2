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
