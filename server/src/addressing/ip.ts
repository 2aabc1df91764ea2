/**
 * Addresses as numbers. An IPv4 address is a `number` (unsigned 32 bit), an IPv6 address a `bigint`; `typeof` tells the
 * family, `<` orders addresses of one family. ip-num turns text into these; everything else computes with them.
 */
export type Ip = number | bigint;
export type Family = 4 | 6;

/** A network: `ip` has no bits below `len`. */
export interface Prefix {
  readonly ip: Ip;
  readonly len: number;
}

/** An address on an interface together with the length of its on-link prefix, e.g. 10.0.0.1/24. */
export interface InterfaceAddress {
  readonly ip: Ip;
  readonly len: number;
}

/** Inclusive interval of addresses of one family. */
export interface IpRange {
  readonly first: Ip;
  readonly last: Ip;
}
