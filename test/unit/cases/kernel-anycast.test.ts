/** The subnet-router anycast address of IPv6 prefixes (RFC 4291 §2.6.1), as recorded on Linux 6.18. */
import { describe, expect, test } from "vitest";
import { crossings, textOf, traceOf } from "./kernel-trace.ts";

const NET = `segment lan { cidr fd01::/64; gateway fd01::1 }
segment far { cidr fd02::/64; gateway fd02::1 }
host r {
  attach lan fd01::1
  attach far fd02::1
  sysctl net.ipv6.conf.all.forwarding 1
  listen 53/udp 80/tcp
}
host a { attach lan fd01::a; listen 53/udp }
host b { attach far fd02::b }
`;

describe("a router replies", () => {
  test.each([
    ["a", "fd01::1"],
    ["b", "fd02::1"],
    ["r", "fd01::1"],
  ])("to a ping from %s, with its address %s", (from, source) => {
    const trace = traceOf(NET, from, "fd01::", { proto: "icmp" });
    expect([trace.verdict, trace.answered, trace.paths[0]?.reply?.receiver?.src]).toEqual(["delivered", true, source]);
    expect(textOf(trace)).toContain("[anycast fd01::");
  });

  test("to a datagram, from the anycast address; a closed port is reported", () => {
    const trace = traceOf(NET, "b", "fd01::", { proto: "udp", port: 53 });
    expect([trace.answered, trace.paths[0]?.reply?.receiver?.src]).toEqual([true, "fd01::"]);
    expect(traceOf(NET, "a", "fd01::", { proto: "udp", port: 54 }).paths[0]?.error?.errno).toBe("ECONNREFUSED");
  });

  test.each([80, 81])("not over TCP: port %i", (port) => {
    for (const from of ["a", "b", "r"]) {
      const trace = traceOf(NET, from, "fd01::", { proto: "tcp", port });
      expect([trace.verdict, trace.paths[0]?.error]).toEqual(["dropped", undefined]);
    }
  });

  test("and the sender of a local packet uses lo", () => {
    const { paths } = traceOf(NET, "r", "fd01::", { proto: "udp", port: 53 });
    expect(crossings(paths[0])).toEqual(["r lo out", "r lo in", "r lo out", "r lo in"]);
    expect(paths[0]?.receiver?.src).toBe("fd01::1");
  });
});

test("a host that does not forward has no anycast address", () => {
  const alone = traceOf(NET.replace("forwarding 1", "forwarding 0"), "b", "fd02::", { proto: "icmp" });
  expect(alone.verdict).toBe("unreachable");
});

test("a /127 has no anycast address", () => {
  const small = "segment link { cidr fd03::/127 }\nrouter r { attach link fd03::1 }\n";
  expect(traceOf(small, "r", "fd03::", { proto: "icmp" }).verdict).toBe("unreachable");
});

test("several routers: any of them replies", () => {
  const two = `${NET}router s { attach lan fd01::2 }\n`;
  const trace = traceOf(two, "a", "fd01::", { proto: "icmp" });
  expect(trace.verdict).toBe("delivered");
  expect(trace.notes).toEqual([
    "several routers have the anycast address, and the packet can reach any of them: the first one is shown",
  ]);
  // A router delivers to itself.
  expect(traceOf(two, "s", "fd01::", { proto: "icmp" })).toMatchObject({ answered: true });
  expect(traceOf(two, "s", "fd01::", { proto: "icmp" }).notes ?? []).toEqual([]);
});

test("pods on a bridge reach their node", () => {
  const cluster = `segment lan { cidr fd01::/64 }
cluster c {
  pods fd00:10:244::/56 per-node /64
  cni bridge
  node n1 { attach lan fd01::11 }
  pod p on n1 { listen 80 }
}
`;
  const trace = traceOf(cluster, "p", "fd00:10:244::", { proto: "icmp" });
  expect([trace.verdict, trace.answered]).toEqual(["delivered", true]);
});
