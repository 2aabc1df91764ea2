import fc from "fast-check";
import { expect, test } from "vitest";
import { formatIp, parseIp, whyNoIp } from "../../../server/src/addressing/ip.ts";
import { parseIpWithLibrary } from "../../../server/src/addressing/ip-text.ts";
import { ip, ipv4, ipv6 } from "./arbitraries.ts";

const almostIpv4 = fc
  .array(
    fc.oneof(fc.integer({ min: 0, max: 300 }).map(String), fc.constantFrom("", "00", "01", "010", "x", "-1", "+1")),
    {
      minLength: 1,
      maxLength: 6,
    },
  )
  .map((octets) => octets.join("."));
const almostIpv6 = fc
  .array(fc.constantFrom(":", "::", "0", "1", "f", "FfFf", "00ab", "12345", "g", "1.2.3.4", "1.2.3.256", "%eth0"), {
    maxLength: 18,
  })
  .map((parts) => parts.join(""));
const groups = fc.array(
  fc.nat(0xffff).map((group) => group.toString(16)),
  { maxLength: 9 },
);
const gappedIpv6 = fc.tuple(groups, groups).map(([head, tail]) => `${head.join(":")}::${tail.join(":")}`);

test("the scanner and ip-num agree on every text", () => {
  fc.assert(
    fc.property(fc.oneof(almostIpv4, almostIpv6, gappedIpv6, fc.string()), (text) => {
      expect(parseIp(text)).toBe(parseIpWithLibrary(text));
    }),
    { numRuns: 5000 },
  );
  fc.assert(
    fc.property(ip, (value) => {
      expect(parseIpWithLibrary(formatIp(value))).toBe(value);
    }),
  );
});

test("a formatted address parses to the same address", () => {
  fc.assert(
    fc.property(ip, (value) => {
      expect(parseIp(formatIp(value))).toBe(value);
    }),
  );
});

test("octets are in network order; groups can have upper case and leading zeros", () => {
  fc.assert(
    fc.property(ipv4, (value) => {
      expect(
        formatIp(value)
          .split(".")
          .reduce((sum, octet) => 256 * sum + Number(octet), 0),
      ).toBe(value);
    }),
  );
  fc.assert(
    fc.property(ipv6, (value) => {
      const long = value.toString(16).padStart(32, "0").match(/..../g)?.join(":") ?? "";
      expect(parseIp(long)).toBe(value);
      expect(parseIp(long.toUpperCase())).toBe(value);
    }),
  );
});

test.each([
  ["0.0.0.0", 0],
  ["10.244.1.2", 0x0af40102],
  ["255.255.255.255", 0xffffffff],
  ["::", 0n],
  ["::1", 1n],
  ["1::", 1n << 112n],
  ["fd00:10:244::", 0xfd0000100244n << 80n],
  ["1:2:3:4:5:6:7::", 0x0001000200030004000500060007n << 16n],
  ["::2:3:4:5:6:7:8", 0x0002000300040005000600070008n],
  ["::ffff:10.0.0.1", 0xffff0a000001n],
  ["64:ff9b::10.0.0.1", (0x64ff9bn << 96n) | 0x0a000001n],
])("%s is read", (text, value) => {
  expect(parseIp(text)).toBe(value);
});

// The examples of RFC 5952 §4.1 to §5.
test.each([
  ["2001:0db8::0001", "2001:db8::1"],
  ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:DB8::AAAA", "2001:db8::aaaa"],
  ["0:0:0:0:0:ffff:c000:0201", "::ffff:192.0.2.1"],
  ["0:0:0:0:0:0:0:0", "::"],
  ["1:0:0:0:0:0:0:0", "1::"],
])("%s is written as %s", (text, canonical) => {
  const value = parseIp(text);
  expect(value).toBeDefined();
  expect(formatIp(value ?? 0)).toBe(canonical);
});

test.each([
  ["", "the address is missing"],
  ["10.0.0.256", "octet 256 is greater than 255"],
  ["010.0.0.1", "octet 010 has a leading zero, which some programs read as octal"],
  ["10.0.0", "an IPv4 address has 4 octets, not 3"],
  ["10", "an IPv4 address has 4 octets, not 1"],
  ["300", "an IPv4 address has 4 octets, not 1"],
  ["1.2.3.4.5", "an IPv4 address has 4 octets, not 5"],
  ["1.2.3.4.5.6.7", "an IPv4 address has 4 octets, not 6 or more"],
  ["10.0..1", "an octet is missing"],
  ["10.0.0.x", "x is not a number from 0 to 255"],
  ["node1", "node1 is a name, not an address"],
  ["10.0.0.1:80", "an address cannot have a port (:80)"],
  ["10.0.0.1:80/tcp", "an address cannot have a port (:80/tcp)"],
  ["10.0.0.1:http", "an address cannot have a port (:http)"],
  ["[fd00::1]:80", "an address cannot have a port (:80)"],
  ["10.0.0.256:80", "octet 256 is greater than 255"],
  ["web:80", "web is a name, not an address"],
  ["fe80::1%eth0", "an address cannot have a zone (%eth0)"],
  ["10.0.0.1/24", "an address cannot have a prefix length"],
  ["1::2::3", "an IPv6 address can contain `::` only once"],
  [":::", "an IPv6 address cannot contain `:::`"],
  ["1:2:3:4:5:6:7", "an IPv6 address has 8 groups, or fewer with `::`, not 7"],
  ["1:2:3:4:5:6:7:8:9", "an IPv6 address has 8 groups, or fewer with `::`, not 9"],
  ["1:2:3:4::5:6:7:8", "an IPv6 address with `::` has at most 7 groups, not 8"],
  ["1:2:3:4:5:6:7:", "an IPv6 address cannot end with a single colon"],
  [":1::2", "an IPv6 address cannot start with a single colon"],
  ["fd00::g", "g is not a hexadecimal number"],
  ["fd00::12345", "group 12345 has more than 4 hexadecimal digits"],
  ["::ffff:10.0.0.256", "octet 256 is greater than 255"],
  ["::ffff:10.0.0", "the IPv4 part of an IPv6 address has 4 octets, not 3"],
  ["1.2.3.4::", "1.2.3.4 is allowed only at the end of an IPv6 address"],
])("%j is rejected: %s", (text, reason) => {
  expect(parseIp(text)).toBeUndefined();
  expect(whyNoIp(text)).toBe(reason);
});

test("a reason is short for any text", () => {
  fc.assert(
    fc.property(fc.oneof(almostIpv4, almostIpv6, fc.string()), (text) => {
      expect(whyNoIp(text.repeat(50)).length).toBeLessThan(140);
    }),
  );
});
