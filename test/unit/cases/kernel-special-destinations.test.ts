/** 0.0.0.0, broadcast, and multicast destinations, as recorded on Linux 6.18. */
import { describe, expect, test } from "vitest";
import { crossings, textOf, traceOf } from "./kernel-trace.ts";

const LAN = `segment lan { cidr 192.168.10.0/24; gateway r }
router r { attach lan 192.168.10.1 }
host h { attach lan 192.168.10.11; listen 8080/tcp 8080/udp }
host x { attach lan 192.168.10.12; listen 8080/tcp 8080/udp }
`;
const SIX = LAN.replace("192.168.10.0/24", "192.168.10.0/24 fd00:10::/64")
  .replace("192.168.10.1 ", "192.168.10.1 fd00:10::1 ")
  .replace("192.168.10.11;", "192.168.10.11 fd00:10::11;");

type Proto = "tcp" | "udp" | "icmp";

describe("0.0.0.0 is the sender itself", () => {
  test.each(["tcp", "udp"] as const)("%s: the receiver sees 127.0.0.1", (proto) => {
    const trace = traceOf(LAN, "h", "0.0.0.0", { port: 8080, proto });
    expect(trace).toMatchObject({ verdict: "delivered", answered: true });
    expect(trace.paths[0]?.receiver?.src).toBe("127.0.0.1");
    expect(crossings(trace.paths[0])).toEqual(["h lo out", "h lo in", "h lo out", "h lo in"]);
    expect(trace.notes?.join()).toContain("0.0.0.0 is the sender itself");
  });

  test("without a listener: ECONNREFUSED", () => {
    const { paths } = traceOf(LAN, "h", "0.0.0.0", { port: 9, proto: "tcp" });
    expect(paths[0]).toMatchObject({ verdict: "rejected", error: { kind: "rst", errno: "ECONNREFUSED" } });
  });

  test("a sender with a source address sends to that address", () => {
    const { paths } = traceOf(LAN, "192.168.10.11", "0.0.0.0", { port: 8080, proto: "tcp" });
    expect(paths[0]?.receiver?.src).toBe("192.168.10.11");
  });

  test("IPv6: ::", () => {
    const { paths } = traceOf(SIX, "h", "::", { port: 8080, proto: "tcp" });
    expect(paths[0]?.receiver?.src).toBe("::1");
  });
});

test.each(["tcp", "udp", "icmp"] as const)(
  "a link-local IPv6 address without an interface over %s: EINVAL",
  (proto) => {
    const { verdict, paths } = traceOf(SIX, "h", "fe80::1", { port: 8080, proto });
    expect([verdict, paths[0]?.error?.errno]).toEqual(["dropped", "EINVAL"]);
    expect(crossings(paths[0])).toEqual([]);
  },
);

describe("broadcast and multicast", () => {
  const NOT_SENT: readonly (readonly [string, Proto, string])[] = [
    ["192.168.10.255", "tcp", "ENETUNREACH"],
    ["192.168.10.255", "udp", "EACCES"],
    ["192.168.10.255", "icmp", "EACCES"],
    ["255.255.255.255", "tcp", "ENETUNREACH"],
    ["255.255.255.255", "udp", "EACCES"],
    ["255.255.255.255", "icmp", "EACCES"],
    ["127.255.255.255", "tcp", "ENETUNREACH"],
    ["127.255.255.255", "udp", "EACCES"],
    ["224.0.0.5", "tcp", "ENETUNREACH"],
    ["239.1.2.3", "tcp", "ENETUNREACH"],
  ];
  test.each(NOT_SENT)("%s over %s: %s, nothing is sent", (to, proto, errno) => {
    const { paths } = traceOf(LAN, "h", to, { port: 8080, proto });
    expect(paths[0]?.error).toEqual({ kind: "local", errno });
    expect(crossings(paths[0])).toEqual([]);
  });

  test.each(["udp", "icmp"] as const)("224.0.0.5 over %s: sent with TTL 1, no error", (proto) => {
    const trace = traceOf(LAN, "h", "224.0.0.5", { port: 8080, proto });
    expect(crossings(trace.paths[0])).toEqual(["h eth0 out"]);
    expect(trace.paths[0]).toMatchObject({ verdict: "dropped", reason: { code: "multicast" } });
    expect(trace.paths[0]?.error).toBeUndefined();
    const out = trace.paths[0]?.hops.find(({ direction }) => direction === "out");
    expect(out?.packet.headers[0]).toMatchObject({ src: "192.168.10.11", dst: "224.0.0.5", ttl: 1 });
    expect(textOf(trace)).toContain("the sender receives no error (timeout)");
  });

  test("without a route: ENETUNREACH, except with a source address", () => {
    const isolated = LAN.replace("; gateway r", "").replace(/^router.*\n/m, "");
    for (const to of ["255.255.255.255", "224.0.0.5"])
      expect(traceOf(isolated, "h", to, { proto: "udp", port: 8080 }).paths[0]?.error?.errno).toBe("ENETUNREACH");
    const bound = traceOf(isolated, "192.168.10.11", "224.0.0.5", { proto: "udp", port: 8080 });
    expect(crossings(bound.paths[0])).toEqual(["h eth0 out"]);
  });

  test.each([
    ["ff05::5", "tcp", "ENETUNREACH"],
    ["ff02::5", "udp", "EINVAL"],
    ["ff02::5", "icmp", "EINVAL"],
  ] as const)("IPv6: %s over %s: %s", (to, proto, errno) => {
    expect(traceOf(SIX, "h", to, { port: 8080, proto }).paths[0]?.error).toEqual({ kind: "local", errno });
  });

  test("IPv6: ff05::5 is sent through the ff00::/8 route of a device", () => {
    const { paths } = traceOf(SIX, "h", "ff05::5", { port: 8080, proto: "udp" });
    expect(crossings(paths[0])).toEqual(["h eth0 out"]);
    const out = paths[0]?.hops.find(({ direction }) => direction === "out");
    expect(out?.packet.headers[0]).toMatchObject({ src: "fd00:10::11", ttl: 1 });
  });
});
