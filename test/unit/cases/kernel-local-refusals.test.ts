/** Errors that a machine causes for its own sockets, as recorded on Linux 6.18: what crosses lo, and what the socket reports. */
import { describe, expect, test } from "vitest";
import { crossings, textOf, traceOf } from "./kernel-trace.ts";

function cluster(mode: string, more = ""): string {
  return `segment lan { cidr 192.168.0.0/24; gateway router }
router router { attach lan 192.168.0.1 }
cluster c {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni flannel { backend host-gw }
  kube-proxy ${mode}
  node n1 { attach lan 192.168.0.2 ${more} }
  pod web on n1 { listen 80/tcp }
  service none {
    cluster-ip 10.96.0.9
    select app=nothing
    port 80
    port 53/udp
  }
}
`;
}

describe.each(["iptables", "nftables", "ipvs"])("a service without endpoints, from a node, %s", (mode) => {
  // IPVS sends the error from the virtual server's address, which is local.
  const from = mode === "ipvs" ? "10.96.0.9" : "192.168.0.2";

  test("TCP: ICMP 3/3 of 88 bytes crosses lo, ECONNREFUSED", () => {
    const { paths } = traceOf(cluster(mode), "n1", "10.96.0.9", { port: 80 });
    expect(crossings(paths[0])).toEqual(["c/n1 lo out", "c/n1 lo in"]);
    const [error] = paths[0]?.reply?.hops.filter(({ direction }) => direction === "in") ?? [];
    expect(error?.packet.length).toBe(88);
    expect(error?.packet.headers[0]).toMatchObject({ src: from });
    expect(paths[0]?.error).toEqual({ kind: "icmp", type: 3, code: 3, from, errno: "ECONNREFUSED" });
  });

  test("UDP: sendmsg returns EPERM, and the ICMP error crosses lo", () => {
    const { paths } = traceOf(cluster(mode), "n1", "10.96.0.9", { port: 53, proto: "udp" });
    expect(crossings(paths[0])).toEqual(["c/n1 lo out", "c/n1 lo in"]);
    expect(paths[0]).toMatchObject({ verdict: "rejected", error: { kind: "local", errno: "EPERM" } });
  });
});

describe("dropped on the sender's machine", () => {
  const dropping = `segment lan { cidr 192.168.0.0/24 }
host h { attach lan 192.168.0.2; deny out to 192.168.0.3 }
host x { attach lan 192.168.0.3; listen 80/tcp 80/udp }
`;
  test("TCP retransmits and times out", () => {
    const { paths } = traceOf(dropping, "h", "x", { port: 80 });
    expect(paths[0]).toMatchObject({ verdict: "dropped", reason: { code: "filtered" } });
    expect(paths[0]?.error).toBeUndefined();
  });
  test.each(["udp", "icmp"] as const)("%s: EPERM", (proto) => {
    expect(traceOf(dropping, "h", "x", proto === "udp" ? { port: 80, proto } : { proto }).paths[0]?.error).toEqual({
      kind: "local",
      errno: "EPERM",
    });
  });
});

describe("an endpoint without a route, after DNAT in OUTPUT", () => {
  const text = cluster("iptables", "; route unreachable 10.244.0.128/25").replace(
    "select app=nothing",
    "endpoint 10.244.0.200",
  );
  test("TCP times out, UDP reports the error", () => {
    expect(traceOf(text, "n1", "10.96.0.9", { port: 80 }).paths[0]?.error).toBeUndefined();
    const udp = traceOf(text, "n1", "10.96.0.9", { port: 53, proto: "udp" });
    expect(udp.paths[0]?.error).toEqual({ kind: "local", errno: "EHOSTUNREACH" });
  });
});

describe("a UDP socket does not report ICMP errors that are not fatal", () => {
  const text = `segment a { cidr 10.0.1.0/24; gateway r }
router r { attach a 10.0.1.1 }
host x { attach a 10.0.1.2 }
`;
  test("no route: the sender's kernel receives ICMP 3/0, the socket nothing", () => {
    const trace = traceOf(text, "x", "8.8.8.8", { proto: "udp", port: 53 });
    expect(trace.paths[0]?.error).toEqual({ kind: "icmp", type: 3, code: 0, from: "10.0.1.1" });
    expect(textOf(trace)).toContain(
      "the sender's kernel receives ICMP network unreachable (3/0) from 10.0.1.1, which the UDP socket does not report (timeout)",
    );
  });
  test("no neighbor: no error", () => {
    const trace = traceOf(text, "x", "10.0.1.77", { proto: "udp", port: 53 });
    expect(trace.paths[0]?.error).toBeUndefined();
    expect(textOf(trace)).toContain("the sender receives no error (timeout)");
  });
  test("SCTP: only the kernel receives it", () => {
    const trace = traceOf(text, "x", "8.8.8.8", { proto: "sctp", port: 80 });
    expect(trace.paths[0]?.error).toEqual({ kind: "icmp", type: 3, code: 0, from: "10.0.1.1" });
    expect(textOf(trace)).toContain("which the SCTP socket does not report (timeout)");
  });
  test("SCTP waits for a route on the sender's machine", () => {
    expect(traceOf(text, "r", "8.8.8.8", { proto: "sctp", port: 80 }).paths[0]?.error).toBeUndefined();
    expect(traceOf(text, "r", "8.8.8.8", { proto: "udp" }).paths[0]?.error?.errno).toBe("ENETUNREACH");
  });
  test("TCP and ping report it", () => {
    for (const proto of ["tcp", "icmp"] as const)
      expect(traceOf(text, "x", "8.8.8.8", { proto }).paths[0]?.error?.errno).toBe("ENETUNREACH");
  });
});
