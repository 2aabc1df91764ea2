/** Packets that netfilter handles on a bridge, as observed on Linux 6.18 (random topologies 109, 170, and 321 of the kernel suite). */
import { describe, expect, it } from "vitest";
import { simulate } from "../../../server/src/dataplane/simulator/simulate.ts";
import { world } from "../checks/harness.ts";
import { crossings, traceOf } from "./kernel-trace.ts";

const cluster = (cni: string, more: string): string => `segment lan { cidr 192.168.0.0/24; mtu 1280; gateway r }
router r { attach lan 192.168.0.1 }
cluster c {
  ${cni}
  services 10.96.0.0/16
  kube-proxy iptables
  node n1 { attach lan 192.168.0.11; ${more} }
  node n2 { attach lan 192.168.0.12 }
  pod a on n1 { labels app=a; listen 8080/tcp }
  pod b on n2 { labels app=b; listen 8080/tcp }
  service a { select app=a; cluster-ip 10.96.0.20; port 80 -> 8080 }
  service b { select app=b; cluster-ip 10.96.0.21; port 80 -> 8080 }
}
`;

describe("a reply that the bridge of Weave Net receives from its tunnel", () => {
  it("is translated back, although the request waited for ARP through the tunnel", () => {
    const { verdict, answered, paths } = traceOf(cluster("cni weave", ""), "a", "10.96.0.21", { port: 80 });
    expect([verdict, answered]).toEqual(["delivered", true]);
    expect(crossings(paths[0]).slice(-2)).toEqual([
      expect.stringMatching(/^c\/n1 veth\w+ out$/),
      "c/default/a eth0 in",
    ]);
  });

  it("has the TTL of the packet if it is an ICMP error of the tunnel device", () => {
    const { network } = world(cluster("cni weave", ""));
    const [from, to] = ["c/default/a", "c/default/b"];
    const dst = network.netns(to)?.devices.get("eth0")?.addresses[0]?.ip;
    if (dst === undefined) throw new Error("no address");
    const [journey] = simulate(network, { from, dst, proto: "icmp", sport: 1, dport: 0, size: 1376, df: true, ttl: 4 });
    expect(journey?.error).toMatchObject({ kind: "icmp", error: "packet-too-big" });
    expect(new Set(journey?.reply?.steps.map(({ packet }) => packet.ttl))).toEqual(new Set([4]));
  });
});

describe("a service with an endpoint on the same bridge", () => {
  const bridge = "pods 10.244.0.0/16 per-node /24\n  cni bridge { routes true }";

  it("is bridged to the endpoint if the node forwards", () => {
    const { paths } = traceOf(cluster(bridge, ""), "a", "10.96.0.20", { port: 80 });
    expect(crossings(paths[0]).at(-1)).toBe("c/n1 cni0 out");
  });

  it("is passed up and dropped if the node does not forward", () => {
    const { verdict, paths } = traceOf(cluster(bridge, "sysctl net.ipv4.ip_forward 0"), "a", "10.96.0.20", {
      port: 80,
    });
    expect(verdict).toBe("dropped");
    expect(crossings(paths[0]).at(-1)).toBe("c/n1 cni0 in");
  });
});
