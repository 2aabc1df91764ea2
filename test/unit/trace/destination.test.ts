/** The destination of a trace: `PATH:PORT/PROTOCOL`, as in `expect`, together with a requested port and protocol. */
import { describe, expect, it, test } from "vitest";
import { type Ask, ask } from "../../../server/src/trace/trace.ts";
import { traceOf } from "../cases/kernel-trace.ts";
import { check, shown, world } from "../checks/harness.ts";
import { sampleText } from "../cni/samples.ts";

const LAN = `segment lan { cidr 10.0.0.0/24 fd00::/64 }
host a { attach lan 10.0.0.1 fd00::1 }
host b { attach lan 10.0.0.2 fd00::2; listen 53/udp 53/tcp 80 }
`;
const lan = world(LAN);
const ingress = world(sampleText("ingress"));

function traced(to: string, more: Partial<Ask> = {}, from = "a", { topology, network } = lan): string {
  const answer = ask({ topology, network, locate: () => undefined }, { from, to, ...more });
  if (!answer.ok) return answer.error;
  const { proto, port } = answer.trace.query;
  return `${answer.trace.verdict} ${proto}${port === undefined ? "" : ` ${port}`}`;
}

it.each([
  ["b", "delivered udp 53"],
  ["b:53", "delivered udp 53"],
  ["b:53/udp", "delivered udp 53"],
  ["b:53/tcp", "delivered tcp 53"],
  ["b:80", "delivered tcp 80"],
  ["b:80/sctp", "rejected sctp 80"],
  ["10.0.0.2:53/udp", "delivered udp 53"],
  ["[fd00::2]:53/udp", "delivered udp 53"],
  ["b:0", "`b:0`: expected a port from 1 to 65535"],
  ["b:80/icmp", "`b:80/icmp`: expected tcp, udp, or sctp after the port"],
  ["b:80/", "`b:80/`: expected tcp, udp, or sctp after the port"],
  ["b:80/udp/tcp", "`b:80/udp/tcp`: expected tcp, udp, or sctp after the port"],
  ["b:http", "`b:http` does not exist"],
])("the destination %s: %s", (to, outcome) => expect(traced(to)).toBe(outcome));

it("a requested port or protocol can repeat that of the destination, and cannot contradict it", () => {
  expect(traced("b:53", { port: 53, proto: "udp" })).toBe("delivered udp 53");
  expect(traced("b:53/udp", { port: 53, proto: "udp" })).toBe("delivered udp 53");
  expect(traced("b:53", { proto: "tcp" })).toBe("delivered tcp 53");
  expect(traced("b:53", { port: 80 })).toBe("`b:53` has port 53, not the requested port 80");
  expect(traced("b:53/udp", { proto: "tcp" })).toBe("`b:53/udp` has protocol udp, not the requested protocol tcp");
});

it("ICMP has no ports", () => {
  expect(traced("b", { proto: "icmp" })).toBe("delivered icmp");
  expect(traced("b", { proto: "icmp", port: 80 })).toBe("port 80 requires tcp, udp, or sctp: ICMP has no ports");
  expect(traced("b:80", { proto: "icmp" })).toBe("port 80 requires tcp, udp, or sctp: ICMP has no ports");
});

it("a URL has a port and the protocol tcp", () => {
  const url = (to: string, more: Partial<Ask> = {}) => traced(to, more, "laptop", ingress);
  expect(url("http://shop.example.com/api", { port: 80, proto: "tcp" })).toBe("delivered tcp 80");
  expect(url("http://shop.example.com/api", { port: 81 })).toBe(
    "`http://shop.example.com/api` has port 80, not the requested port 81",
  );
  expect(url("http://shop.example.com/api", { proto: "udp" })).toBe(
    "`http://shop.example.com/api` has protocol tcp, not the requested protocol udp",
  );
});

describe("an IPv4-mapped address (recorded on Linux 6.18)", () => {
  test.each(["tcp", "udp"] as const)("is an IPv4 address for %s", (proto) => {
    const trace = traceOf(LAN, "a", "::ffff:10.0.0.2", { proto, port: 53, size: 41 });
    expect(trace.paths[0]?.hops[0]?.packet.headers[0]).toMatchObject({ src: "10.0.0.1", dst: "10.0.0.2" });
    expect([trace.verdict, trace.answered]).toEqual(["delivered", true]);
    expect(trace.notes).toEqual(["::ffff:10.0.0.2 is IPv4-mapped: TCP, UDP, and SCTP send IPv4 packets to 10.0.0.2"]);
  });

  test("has the ports of its machine, and can be loopback", () => {
    expect(traced("::ffff:10.0.0.2")).toBe("delivered udp 53");
    expect(traced("[::ffff:127.0.0.1]:53/udp", {}, "b")).toBe("delivered udp 53");
  });

  test("cannot be pinged", () => {
    const { paths } = traceOf(LAN, "a", "::ffff:10.0.0.2", { proto: "icmp" });
    expect(paths[0]).toMatchObject({ verdict: "dropped", error: { kind: "local", errno: "EINVAL" } });
    expect(paths[0]?.hops.filter(({ direction }) => direction !== null)).toEqual([]);
  });

  test("in an expectation", () => {
    expect(expectation("a", '"[::ffff:10.0.0.2]:80"')).toEqual([]);
    expect(expectation("a", "::ffff:10.0.0.2")[0]).toMatch(
      /^KN701 .* host a does not ping ::ffff:10.0.0.2: ICMPv6 does not support IPv4-mapped addresses/,
    );
  });
});

describe("a source address", () => {
  test("determines the address family of a named destination", () => {
    for (const from of ["10.0.0.1", "fd00::1"]) {
      const { verdict, paths } = traceOf(LAN, from, "b", { proto: "tcp", port: 80 });
      expect([verdict, paths[0]?.receiver?.src]).toEqual(["delivered", from]);
    }
  });

  test("cannot send to an address of the other family", () => {
    const message = (src: string, dst: string): string => `${src} and ${dst} have different address families`;
    expect(traced("10.0.0.2", {}, "fd00::1")).toBe(message("fd00::1", "10.0.0.2"));
    expect(traced("::ffff:10.0.0.2", {}, "fd00::1")).toBe(message("fd00::1", "::ffff:10.0.0.2"));
    expect(traced("fd00::2", {}, "10.0.0.1")).toBe(message("10.0.0.1", "fd00::2"));
    expect(traced("b", { family: 4 }, "fd00::1")).toBe(message("fd00::1", "10.0.0.2"));
    expect(expectation("fd00::1", "10.0.0.2")).toEqual([
      `KN702 error line 4: cannot evaluate this expectation: ${message("fd00::1", "10.0.0.2")}`,
    ]);
  });
});

function expectation(from: string, to: string): readonly string[] {
  return check(`${LAN}expect ${from} -> ${to} reachable\n`).map(shown);
}
