import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { describeType, isName, readValue } from "../../../server/src/declared/reading.ts";
import { isFlag, schema } from "../../../server/src/declared/schema/index.ts";
import type { ArgType } from "../../../server/src/declared/schema/types.ts";
import { nearest, nearestFew } from "../../../server/src/text/nearest.ts";
import { printValue } from "./support.ts";

const types: readonly ArgType[] = schema.flatMap(({ args }) => args.flatMap((arg) => (isFlag(arg) ? [] : [arg.type])));

function read(type: ArgType, text: string): string {
  const value = readValue(type, text);
  return value.kind === "unread"
    ? `${value.code} ${"reason" in value.data ? value.data.reason : ""}`.trim()
    : `${value.kind} ${printValue(value)}`;
}

describe("reading", () => {
  it("returns a value or a reason for any text and type", () => {
    const parts = fc.constantFrom(
      "10.0.0.1",
      "fd00::1",
      "/",
      ":",
      "..",
      "=",
      "-",
      "80",
      "tcp",
      "a",
      ".",
      "[",
      "]",
      "default",
      "0",
      "é",
    );
    const texts = fc.oneof(
      fc.string({ maxLength: 30 }),
      fc.array(parts, { maxLength: 8 }).map((list) => list.join("")),
    );
    fc.assert(
      fc.property(fc.constantFrom(...types), texts, (type, text) => {
        const value = readValue(type, text);
        if (value.kind !== "unread") return;
        expect(["KN006", "KN007", "KN014"]).toContain(value.code);
        if (value.code === "KN006") expect(value.data.reason).not.toBe("");
        expect(describeType(type)).not.toBe("");
      }),
      { numRuns: 3000 },
    );
  });

  it.each<[ArgType, string, string]>([
    [{ kind: "name" }, "rack-a", "name rack-a"],
    [{ kind: "name" }, "c1.1", "name c1.1"],
    [{ kind: "name" }, "Büro_2", "name Büro_2"],
    [{ kind: "name" }, "1e2", "name 1e2"],
    [{ kind: "name" }, "a/b", "KN006 a name cannot contain `/`"],
    [{ kind: "name" }, "", "KN006 the name is empty"],
    [{ kind: "name" }, "x".repeat(254), "KN006 a name can have at most 253 characters"],
    [{ kind: "device" }, "flannel.1", "name flannel.1"],
    [{ kind: "device" }, "10.0.0.1", "name 10.0.0.1"],
    [{ kind: "device", orAddress: true }, "10.0.0.1", "address 10.0.0.1"],
    [{ kind: "device" }, "a/b", "KN006 a device name cannot contain spaces, `/`, or `:`"],
    [{ kind: "ref", to: ["node"] }, "prod/n1", "ref prod/n1"],
    [{ kind: "ref", to: ["node"] }, "10.0.0.1", "KN006 an address is not allowed here"],
    [{ kind: "ref", to: ["router"], orAddress: true }, "10.0.0.1", "ref address 10.0.0.1"],
    [{ kind: "ref", to: ["node"] }, "a//b", "KN006 the path has an empty component"],
    [{ kind: "prefix" }, "fd00::/64", "prefix fd00::/64"],
    [{ kind: "prefix" }, "fd00::1/64", "KN014"],
    [{ kind: "prefix" }, "10.0.0.1", "KN006 the prefix length is missing (example: 10.0.0.1/24)"],
    [{ kind: "prefix", orAddress: true }, "10.0.0.1", "prefix 10.0.0.1/32"],
    [{ kind: "prefix" }, "default", "KN006 default is a name, not an address"],
    [{ kind: "prefix", orDefault: true }, "default", "default-route default"],
    [{ kind: "prefix-length" }, "/64", "length /64"],
    [{ kind: "prefix-length" }, "/129", "KN007"],
    [{ kind: "number", min: 0, max: 10 }, "010", "number 10"],
    [{ kind: "number", min: 0, max: 10 }, "9".repeat(400), "KN007"],
    [{ kind: "number", min: 0, max: 10 }, "1.5", "KN006 `1.5` is not a whole number"],
    [{ kind: "ports", protocol: true, range: true }, "30000-32767/udp", "ports 30000-32767/udp"],
    [{ kind: "ports", protocol: true, range: true }, "65536", "KN007"],
    [{ kind: "index-range", max: 100 }, "1..100", "index-range 1..100 width 0"],
    [{ kind: "index-range", max: 100 }, "001..100", "index-range 1..100 width 3"],
    [{ kind: "index-range", max: 100 }, "0..0", "index-range 0..0 width 0"],
    [{ kind: "index-range", max: 100 }, "1..101", "KN007"],
    [{ kind: "index-range", max: 100 }, `1..${"9".repeat(30)}`, "KN007"],
    [{ kind: "label" }, "app.kubernetes.io/name=web", "label app.kubernetes.io/name=web"],
    [{ kind: "label" }, "gpu=", "label gpu="],
    [{ kind: "label" }, "a=b=c", "KN006 `b=c` is not a valid label value"],
    [{ kind: "endpoint", port: true }, "shop/api:80", "endpoint shop/api port 80/tcp"],
    [{ kind: "endpoint", port: true }, "fd00::1:80", "endpoint address fd00::1:80"],
    [{ kind: "endpoint", port: true }, "[fd00::1]:80/udp", "endpoint address fd00::1 port 80/udp"],
    [{ kind: "endpoint", port: true }, ":80", "KN006 the path has an empty component"],
    [{ kind: "sysctl" }, "net.ipv4.conf.eth0.rp_filter", "word net.ipv4.conf.eth0.rp_filter"],
  ])("%j %s", (type, text, expected) => {
    expect(read(type, text)).toBe(expected);
  });

  it("accepts only names that are safe in a path", () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 12 }), (text) => {
        if (isName(text)) expect(text).toMatch(/^[\p{L}\p{N}_][\p{L}\p{M}\p{N}._-]*$/u);
      }),
    );
  });
});

describe("did you mean", () => {
  it.each([
    ["segmnet", ["segment", "services"], "segment"],
    ["vxlna", ["vxlan", "udp"], "vxlan"],
    ["tcp", ["udp", "icmp"], undefined],
    ["host-g", ["host-gw", "udp"], "host-gw"],
    ["deploy", ["daemonset", "deployment"], "deployment"],
    ["", ["a"], undefined],
    ["x".repeat(1000), ["x"], undefined],
    ["VXLAN", ["vxlan"], "vxlan"],
  ])("%s", (word, candidates, expected) => {
    expect(nearest(word, candidates)).toBe(expected);
  });

  it("lists the nearest first", () => {
    expect(nearestFew("worker-1", ["worker-22", "worker-2", "worker-1", "db"], 3)).toEqual([
      "worker-1",
      "worker-2",
      "worker-22",
    ]);
  });
});
