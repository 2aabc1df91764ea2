/**
 * IPIP tunnels and DF (ip_tunnel_xmit and tnl_update_pmtu in net/ipv4/ip_tunnel.c): the outer header inherits DF and the TTL of the
 * inner header, and an inner packet with DF that exceeds the tunnel's path MTU is rejected on the encapsulating node.
 */
import { describe, expect, it } from "vitest";
import { check, shown } from "../checks/harness.ts";
import { crossings, traceOf } from "./kernel-trace.ts";

/** Two segments, connected by two routers through a segment with a small MTU. */
const middle = (cni: string): string => `segment s1 { cidr 10.1.1.0/24; gateway r1 }
segment mid { cidr 10.1.9.0/30; mtu 1400 }
segment s2 { cidr 10.1.2.0/24; gateway r2 }
router r1 { attach s1 10.1.1.1; attach mid 10.1.9.1; route 10.1.2.0/24 via 10.1.9.2 }
router r2 { attach s2 10.1.2.1; attach mid 10.1.9.2; route 10.1.1.0/24 via 10.1.9.1 }
cluster k {
  services 10.96.0.0/12
  pods 192.168.0.0/16
  cni ${cni}
  node n1 { attach s1 10.1.1.11 }
  node n2 { attach s2 10.1.2.11 }
  pod q on n1
  pod p on n2 { listen 80 }
}
`;
/** The pods' MTU exceeds what fits into the tunnel. */
const local = `segment wg0 { cidr 10.20.0.0/24; mtu 1420; gateway gw }
router gw { attach wg0 10.20.0.1 }
cluster k {
  pods 192.168.0.0/16
  cni calico { pool p 192.168.0.0/16 { ipip always }; mtu 1440 }
  node n1 { attach wg0 10.20.0.11 }
  node n2 { attach wg0 10.20.0.12 }
  pod q on n1
  pod p on n2 { listen 80 }
}
`;
const kn304 = (text: string): readonly string[] =>
  check(text)
    .filter(({ code }) => /^KN3/.test(code))
    .map(shown);

describe("a packet with DF that exceeds the MTU of the tunnel", () => {
  it("is rejected before it is encapsulated", () => {
    const { verdict, paths } = traceOf(local, "q", "p", { port: 80, size: 1440, df: true });
    expect(verdict).toBe("dropped");
    expect(crossings(paths[0]).filter((one) => one.includes("eth0 out"))).toEqual(["k/default/q eth0 out"]);
    expect(paths[0]?.error).toMatchObject({ kind: "icmp", type: 3, code: 4, mtu: 1400 });
    expect(kn304(local)).toEqual([
      expect.stringMatching(/^KN304 warning line 5: packets of 1440 bytes .* rejected with ICMP \(MTU 1400\)/),
    ]);
  });

  it("fits if it is not larger than the path MTU minus 20 bytes", () => {
    expect(traceOf(local, "q", "p", { port: 80, size: 1400, df: true }).verdict).toBe("delivered");
    const { verdict } = traceOf(middle("flannel { backend ipip }"), "q", "p", { port: 80, size: 1380, df: true });
    expect(verdict).toBe("delivered");
  });
});

describe.each([["calico { pool p 192.168.0.0/16 { ipip always } }"], ["flannel { backend ipip }"]])(
  "a path with a smaller MTU after the tunnel: %s",
  (cni) => {
    it("rejects the next packets with DF on the encapsulating node", () => {
      const { verdict, paths } = traceOf(middle(cni), "q", "p", { port: 80, size: 1440, df: true });
      expect(verdict).toBe("dropped");
      expect(paths[0]?.error).toMatchObject({ kind: "icmp", type: 3, code: 4, mtu: 1380 });
      expect(paths[0]?.reason?.message).toMatch(
        /^node k\/n1 cannot send 1440 bytes .* path MTU to 10\.1\.2\.11 learned with the first packet/,
      );
      expect(kn304(middle(cni))).toEqual([
        expect.stringMatching(/^KN304 warning line 9: packets of 1480 bytes .* rejected with ICMP \(MTU 1380\)/),
      ]);
    });

    it("has outer headers with the inner TTL and DF", () => {
      // A packet without a given size has DF, fragments do not.
      for (const [size, df] of [
        [undefined, true],
        [1600, false],
      ] as const) {
        const { paths } = traceOf(middle(cni), "q", "p", { proto: "icmp", ...(size === undefined ? {} : { size }) });
        const hop = paths[0]?.hops.find(({ netns, direction, packet }) => {
          return (
            netns === "k/n1" && direction === "out" && packet.headers.filter((one) => one.kind === "ip").length === 2
          );
        });
        const [outer, inner] = hop?.packet.headers.filter((one) => one.kind === "ip") ?? [];
        expect(inner).toMatchObject({ ttl: 63, df });
        expect(outer).toMatchObject({ ttl: 63, df });
      }
    });
  },
);
