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

test("what is formatted is read back as the same address", () => {
  fc.assert(
    fc.property(ip, (value) => {
      expect(parseIp(formatIp(value))).toBe(value);
    }),
  );
});

test("octets are read from the left; groups in any case and with their zeros", () => {
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

// RFC 5952 §4.1 to §5, its own examples.
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
  ["", "an address is missing"],
  ["10.0.0.256", "octet 256 is larger than 255"],
  ["010.0.0.1", "octet 010 has a leading zero, which some programs read as octal"],
  ["10.0.0", "an IPv4 address has four octets, 10.0.0 has 3"],
  ["10", "an IPv4 address has four octets, 10 has 1"],
  ["300", "an IPv4 address has four octets, 300 has 1"],
  ["1.2.3.4.5", "an IPv4 address has four octets, 1.2.3.4.5 has 5"],
  ["1.2.3.4.5.6.7", "an IPv4 address has four octets, 1.2.3.4.5.6.7 has more"],
  ["10.0..1", "an octet is missing"],
  ["10.0.0.x", "x is not a number from 0 to 255"],
  ["node1", "node1 is not a number from 0 to 255"],
  ["fe80::1%eth0", "a zone (%eth0) has no meaning here; leave it out"],
  ["10.0.0.1/24", "an address has no length; leave out everything from /"],
  ["1::2::3", "an IPv6 address has :: only once"],
  [":::", "three colons follow each other"],
  ["1:2:3:4:5:6:7", "an IPv6 address has eight groups, or fewer and ::, not 7"],
  ["1:2:3:4:5:6:7:8:9", "an IPv6 address has eight groups, or fewer and ::, not 9"],
  ["1:2:3:4::5:6:7:8", "an IPv6 address with :: has at most seven other groups, not 8"],
  ["1:2:3:4:5:6:7:", "a single colon ends the address"],
  [":1::2", "a single colon begins the address"],
  ["fd00::g", "g is not a hexadecimal number"],
  ["fd00::12345", "group 12345 has more than four hexadecimal digits"],
  ["::ffff:10.0.0.256", "octet 256 is larger than 255"],
  ["::ffff:10.0.0", "the IPv4 part has four octets, 10.0.0 has 3"],
  ["1.2.3.4::", "1.2.3.4 may stand only at the end of an IPv6 address"],
])("%j is refused: %s", (text, reason) => {
  expect(parseIp(text)).toBeUndefined();
  expect(whyNoIp(text)).toBe(reason);
});

test("a reason is short whatever the text", () => {
  fc.assert(
    fc.property(fc.oneof(almostIpv4, almostIpv6, fc.string()), (text) => {
      expect(whyNoIp(text.repeat(50)).length).toBeLessThan(140);
    }),
  );
});
