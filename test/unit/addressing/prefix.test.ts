import fc from "fast-check";
import { expect, test } from "vitest";
import {
  addIp,
  bits,
  broadcast,
  compareIp,
  formatIp,
  formatPrefix,
  formatRange,
  type Ip,
  isLinkLocal,
  isLoopback,
  isMulticast,
  lastAddress,
  network,
  nthAddress,
  nthSubnet,
  type Prefix,
  parseInterfaceAddress,
  parseIp,
  parsePrefix,
  prefixContains,
  prefixCovers,
  prefixRange,
  prefixSize,
  rangeSize,
  rangesOverlap,
  rangeToPrefixes,
  readInterfaceAddress,
  readPrefix,
  subnetCount,
  subnetIndex,
} from "../../../server/src/addressing/ip.ts";
import { ip, nearIp, nearPrefix, nearRange, prefix } from "./arbitraries.ts";

function at(text: string): Ip {
  const value = parseIp(text);
  if (value === undefined) throw new Error(text);
  return value;
}
function net(text: string): Prefix {
  const value = parsePrefix(text);
  if (value === undefined) throw new Error(text);
  return value.prefix;
}
/** The bits of an address as text, to verify the arithmetic. */
const binary = (value: Ip): string => value.toString(2).padStart(bits(value), "0");

test("network and last address clear and set the host bits", () => {
  fc.assert(
    fc.property(ip, fc.nat(128), (value, length) => {
      const len = Math.min(length, bits(value));
      const kept = binary(value).slice(0, len);
      const first = network(value, len);
      expect(typeof first).toBe(typeof value);
      expect(binary(first)).toBe(kept.padEnd(bits(value), "0"));
      expect(binary(lastAddress({ ip: first, len }))).toBe(kept.padEnd(bits(value), "1"));
    }),
  );
});

test("a prefix contains the addresses of its family with the same leading bits", () => {
  fc.assert(
    fc.property(nearPrefix, nearIp, nearPrefix, (p, value, q) => {
      const shares = (other: Ip) =>
        typeof p.ip === typeof other && binary(p.ip).slice(0, p.len) === binary(other).slice(0, p.len);
      expect(prefixContains(p, value)).toBe(shares(value));
      expect(prefixCovers(p, q)).toBe(shares(q.ip) && p.len <= q.len);
      expect(rangesOverlap(prefixRange(p), prefixRange(q))).toBe(prefixCovers(p, q) || prefixCovers(q, p));
    }),
    { numRuns: 1000 },
  );
});

test("a range is split into the minimal number of prefixes", () => {
  fc.assert(
    fc.property(nearRange, (range) => {
      const prefixes = rangeToPrefixes(range);
      let next: Ip | undefined = range.first;
      for (const p of prefixes) {
        expect(p.ip).toBe(next);
        expect(network(p.ip, p.len)).toBe(p.ip);
        next = addIp(lastAddress(p), 1);
      }
      expect(next).toBe(addIp(range.last, 1));
      // Minimal: no two consecutive prefixes are halves of one prefix.
      for (const [i, p] of prefixes.entries()) {
        const q = prefixes[i + 1];
        if (q?.len === p.len) expect(network(q.ip, q.len - 1)).not.toBe(p.ip);
      }
    }),
  );
  fc.assert(
    fc.property(prefix, (p) => {
      expect(rangeToPrefixes(prefixRange(p))).toEqual([p]);
      expect(rangeSize(prefixRange(p))).toBe(prefixSize(p));
    }),
  );
  expect(rangeToPrefixes({ first: 1, last: 0xfffffffe })).toHaveLength(62);
  expect(rangeToPrefixes({ first: 1n, last: (1n << 128n) - 2n })).toHaveLength(254);
});

test("nthSubnet and subnetIndex are inverse", () => {
  fc.assert(
    fc.property(prefix, fc.nat(128), fc.bigInt({ min: 0n, max: 1n << 128n }), (p, longer, seed) => {
      const len = Math.min(p.len + longer, bits(p.ip));
      const n = seed % BigInt(subnetCount(p, len));
      const subnet = nthSubnet(p, len, n);
      expect(subnet !== undefined && prefixCovers(p, subnet)).toBe(true);
      if (subnet === undefined) return;
      expect(BigInt(subnetIndex(p, len, subnet.ip) ?? -1)).toBe(n);
      expect(BigInt(subnetIndex(p, len, lastAddress(subnet)) ?? -1)).toBe(n);
      expect(nthAddress(subnet, 0)).toBe(subnet.ip);
      expect(nthAddress(subnet, BigInt(prefixSize(subnet)) - 1n)).toBe(lastAddress(subnet));
      expect(nthAddress(subnet, prefixSize(subnet))).toBeUndefined();
      expect(nthSubnet(p, len, subnetCount(p, len))).toBeUndefined();
    }),
  );
  expect(nthSubnet(net("10.244.0.0/16"), 15, 0)).toBeUndefined();
  expect(nthSubnet(net("10.244.0.0/16"), 33, 0)).toBeUndefined();
  expect(nthSubnet(net("10.244.0.0/16"), 24, 0.5)).toBeUndefined();
  expect(nthAddress(net("10.244.0.0/16"), -1)).toBeUndefined();
  expect(subnetIndex(net("10.244.0.0/16"), 24, at("10.245.0.1"))).toBeUndefined();
});

test("the address space ends", () => {
  expect(addIp(at("10.0.0.255"), 1)).toBe(at("10.0.1.0"));
  expect(addIp(at("10.0.0.0"), -1)).toBe(at("9.255.255.255"));
  expect(addIp(at("255.255.255.255"), 1)).toBeUndefined();
  expect(addIp(at("0.0.0.0"), -1)).toBeUndefined();
  expect(addIp(at("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), 1n)).toBeUndefined();
  expect(addIp(at("::"), -1)).toBeUndefined();
  expect(addIp(at("10.0.0.0"), Number.NaN)).toBeUndefined();
});

test("kinds of addresses", () => {
  const kinds = (test: (ip: Ip) => boolean, texts: string) => texts.split(" ").map((text) => test(at(text)));
  expect(kinds(isLoopback, "127.0.0.1 127.255.255.255 128.0.0.0 ::1 ::2 0.0.0.1")).toEqual([
    true,
    true,
    false,
    true,
    false,
    false,
  ]);
  expect(kinds(isLinkLocal, "169.254.169.254 169.255.0.0 fe80::1 febf:: fec0::")).toEqual([
    true,
    false,
    true,
    true,
    false,
  ]);
  expect(kinds(isMulticast, "224.0.0.1 239.255.255.255 240.0.0.0 ff02::1 fe00::")).toEqual([
    true,
    true,
    false,
    true,
    false,
  ]);
});

test("IPv4 sorts before IPv6, each by value", () => {
  const texts = "::1 10.0.0.2 :: 200.0.0.1 9.0.0.0 fd00::".split(" ");
  expect(texts.map(at).sort(compareIp).map(formatIp)).toEqual("9.0.0.0 10.0.0.2 200.0.0.1 :: ::1 fd00::".split(" "));
});

test("prefixes, interface addresses, and ranges are parsed and formatted", () => {
  expect(parsePrefix("10.0.0.1/24")).toEqual({ prefix: net("10.0.0.0/24"), ip: at("10.0.0.1"), hostBits: true });
  expect(parsePrefix("0.0.0.0/0")).toEqual({ prefix: { ip: 0, len: 0 }, ip: 0, hostBits: false });
  expect(parsePrefix("fd00::/8")?.hostBits).toBe(false);
  expect(parseInterfaceAddress("10.0.0.1/24")).toEqual({ ip: at("10.0.0.1"), len: 24 });
  expect(parseInterfaceAddress("fd00::1")).toEqual({ ip: at("fd00::1"), len: undefined });
  expect(formatRange({ first: at("10.0.0.1"), last: at("10.0.0.9") })).toBe("10.0.0.1-10.0.0.9");
  expect(formatRange({ first: at("::1"), last: at("::1") })).toBe("::1");
  fc.assert(
    fc.property(prefix, (p) => {
      expect(parsePrefix(formatPrefix(p))).toEqual({ prefix: p, ip: p.ip, hostBits: false });
    }),
  );
  expect(broadcast(net("10.0.0.0/24"))).toBe(at("10.0.0.255"));
  expect(broadcast(net("10.0.0.0/31"))).toBeUndefined();
  expect(broadcast(net("fd00::/64"))).toBeUndefined();
});

test.each([
  ["10.0.0.0/33", "an IPv4 prefix length must be 0 to 32, not 33"],
  ["fd00::/129", "an IPv6 prefix length must be 0 to 128, not 129"],
  ["10.0.0.0/99999", "an IPv4 prefix length must be 0 to 32, not 99999"],
  ["10.0.0.256/24", "octet 256 is greater than 255"],
  ["10.0.0.0", "the prefix length is missing (example: 10.0.0.0/24)"],
  ["fd00::", "the prefix length is missing (example: fd00::/64)"],
  ["10.0.0.0/", "the prefix length after `/` is missing"],
  ["/24", "the address is missing"],
  ["10.0.0.0/024", "the prefix length 024 has a leading zero"],
  ["10.0.0.0/+8", "the prefix length +8 is not a number"],
  ["10.0.0.0/8/9", "the prefix length 8/9 is not a number"],
  ["10.0.0.0/255.255.255.0", "write the netmask 255.255.255.0 as the prefix length /24"],
  ["10.0.0.0/0.0.0.0", "write the netmask 0.0.0.0 as the prefix length /0"],
  ["10.0.0.0/255.255.255.255", "write the netmask 255.255.255.255 as the prefix length /32"],
  ["10.0.0.0/255.0.255.0", "255.0.255.0 is neither a prefix length nor a valid netmask"],
  ["10/8", "an IPv4 address has 4 octets, not 1"],
])("%s is not a prefix: %s", (text, reason) => {
  expect(parsePrefix(text)).toBeUndefined();
  expect(readPrefix(text)).toEqual({ ok: false, reason });
});

test("an invalid interface address is rejected with a reason", () => {
  expect(readInterfaceAddress("10.0.0.1/33")).toEqual({
    ok: false,
    reason: "an IPv4 prefix length must be 0 to 32, not 33",
  });
  expect(readInterfaceAddress("10.0.0.300")).toEqual({ ok: false, reason: "octet 300 is greater than 255" });
});

// kube-controller-manager: 2^(node mask − cluster mask) node pod CIDRs (pkg/controller/nodeipam/ipam/cidrset).
test.each([
  ["10.244.0.0/16", 24, 256],
  ["10.128.0.0/14", 23, 512],
  ["10.0.0.0/8", 24, 65_536],
  ["10.0.0.0/20", 24, 16],
  // Calico: 2^(block size − pool length).
  ["192.168.0.0/16", 26, 1024],
  // GKE.
  ["10.0.0.0/14", 24, 1024],
  // 1000 nodes require a /14 (see above), or with IPv6 and /64 a /54.
  ["fd00::/54", 64, 1024n],
  ["fd00::/48", 64, 65_536n],
  // The node mask must not be shorter than the cluster mask.
  ["10.244.0.0/16", 15, 0],
])("%s has blocks of /%i: %s", (text, len, count) => {
  expect(subnetCount(net(text), len)).toBe(count);
});

// Services: 2^(32 − length) − 2; pods of a host-local bridge: 2^(32 − length) − 3.
test.each([
  ["10.96.0.0/12", 1_048_576],
  ["10.96.0.0/16", 65_536],
  ["10.96.0.0/20", 4096],
  ["10.244.1.0/24", 256],
  ["10.244.1.0/26", 64],
  ["0.0.0.0/0", 2 ** 32],
])("%s has %i addresses", (text, size) => {
  expect(prefixSize(net(text))).toBe(size);
});

test("the kubeadm service CIDR contains the EKS one, and the OpenShift pod CIDR has the expected range", () => {
  expect(formatRange(prefixRange(net("10.96.0.0/12")))).toBe("10.96.0.0-10.111.255.255");
  expect(prefixCovers(net("10.96.0.0/12"), net("10.100.0.0/16"))).toBe(true);
  expect(formatRange(prefixRange(net("10.128.0.0/14")))).toBe("10.128.0.0-10.131.255.255");
});
