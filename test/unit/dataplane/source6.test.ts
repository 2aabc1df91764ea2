/** Results of `ip -6 route get` on Linux 6.18 with these addresses, added in this order. */
import { describe, expect, it } from "vitest";
import { formatIp, parseIp } from "../../../server/src/addressing/ip.ts";
import type { Device, Netns } from "../../../server/src/dataplane/model.ts";
import { sourceFor } from "../../../server/src/dataplane/source6.ts";

function device(name: string, ...addresses: string[]): Device {
  return {
    kind: "physical",
    segment: "lan",
    name,
    mtu: 1500,
    mac: undefined,
    origin: undefined,
    addresses: addresses.map((text) => ({ ip: parseIp(text) ?? 0n, len: 64 })),
  };
}
const e0 = device("e0", "fd00:1::2", "fd00:1::22", "2001:db8:1::2", "fe80::2");
const e1 = device("e1", "fd00:2::2", "fe80::3");
const e2 = device("e2", "fe80::4");
const netns: Pick<Netns, "devices"> = { devices: new Map([e0, e1, e2].map((one) => [one.name, one])) };

function source(egress: Device | undefined, dst: string): string | undefined {
  const found = sourceFor(netns, egress, parseIp(dst) as bigint);
  return found === undefined ? undefined : formatIp(found);
}

describe("source of an IPv6 packet", () => {
  it.each([
    ["the newest of equals", e0, "fd00:2::9", "fd00:1::22"],
    ["the same kind of address as the destination", e0, "2001:db8:9::9", "2001:db8:1::2"],
    ["a local destination is used as source", e0, "fd00:1::2", "fd00:1::2"],
    ["of the outgoing device, though another has the longer match", e0, "fd00:2::2:1", "fd00:1::22"],
    ["link-local to link-local", e1, "fe80::9", "fe80::3"],
    ["address of another device if the egress device has only a link-local address", e2, "fd00:2::9", "fd00:2::2"],
  ] as const)("%s", (_, egress, dst, expected) => {
    expect(source(egress, dst)).toBe(expected);
  });

  it("is undefined without a suitable address", () => {
    expect(sourceFor({ devices: new Map() }, undefined, 1n << 125n)).toBeUndefined();
  });
});
