/**
 * Regression tests for disagreements between knet and the kernel, found by test/kernel. Each expected sequence is from a capture; test/kernel
 * builds the same topologies.
 */
import { describe, expect, it } from "vitest";
import { crossings, trace } from "./run.ts";

const FIXTURES = "test/kernel/fixtures";

function both(args: readonly string[]): { request: string[]; reply: string[]; lengths: number[] } {
  const path = trace(args).trace.paths[0];
  const hops = path?.hops ?? [];
  return {
    request: crossings(hops),
    reply: crossings(path?.reply?.hops ?? []),
    lengths: hops.filter((hop) => hop.direction !== null).map((hop) => hop.packet.length),
  };
}

describe("kernel behavior", () => {
  it("MASQUERADE applies to packets to a local address, because they leave through lo, not the bridge", () => {
    const file = `${FIXTURES}/masquerade-own-address.knet`;
    const found = trace([file, "host1", "172.17.0.1", "--proto", "icmp"]).trace.paths[0];
    expect(found?.receiver?.src).toBe("10.100.0.2");
    expect(crossings(found?.hops ?? [])).toEqual(["host1 lo out 64", "host1 lo in 64"]);
    expect(found?.reply?.verdict).toBe("delivered");
  });

  it("an FDB entry has no interface: the outer packet follows the route to the remote VTEP", () => {
    const { request } = both([`${FIXTURES}/vxlan-other-interface.knet`, "web", "api", "--port", "9090"]);
    expect(request.slice(3, 6)).toEqual([
      "n1 flannel.1 out 63",
      "n1 eth1 out 63 [outer 192.168.10.11 > 192.168.10.12 ttl 64]",
      "n2 eth1 in 63 [outer 192.168.10.11 > 192.168.10.12 ttl 64]",
    ]);
  });

  it("a remote VTEP that is the node's own address receives the frame without encapsulation, in a loop until the TTL expires", () => {
    const { request } = both(["samples/broken/vagrant-public-ip.knet", "web", "10.244.1.2", "--proto", "icmp"]);
    expect(request.slice(3, 6)).toEqual(["n1 flannel.1 out 63", "n1 flannel.1 in 63", "n1 flannel.1 out 62"]);
    expect(request.at(-1)).toBe("n1 flannel.1 in 1");
  });

  it("fragments of a packet from a node keep the tunnel's size on the following links", () => {
    const file = "samples/flannel-vxlan.knet";
    const { request, lengths } = both([file, "node1", "10.244.3.2", "--proto", "icmp", "--size", "1480"]);
    expect(request.at(-1)).toBe("db eth0 in 63");
    expect([lengths[0], lengths[1], lengths.at(-1)]).toEqual([1444, 1494, 1444]);
  });

  it("flanneld's datagram with an inner fragment keeps its DF bit", () => {
    const args = ["samples/flannel-udp.knet", "node1", "10.244.3.2", "--proto", "icmp", "--size", "1480"];
    const outer = trace(args).trace.paths[0]?.hops.find((hop) => hop.device === "eth0" && hop.direction === "out");
    expect(outer?.packet.headers[0]).toMatchObject({ kind: "ip", proto: "udp", df: true });
  });
});
