/** Everything about addresses and prefixes; the files of this folder import each other directly. */

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
  unmapped,
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
export type { Count, Family, InterfaceAddress, Ip, IpRange, Prefix } from "./types.ts";
