/** Packets to load balancer IPs: how they reach nodes, and which nodes. */
import { describe, expect, it } from "vitest";
import { printRoutes } from "../../../server/src/dataplane/print.ts";
import { ends, rulesOf, traced, world } from "./support.ts";

const shop = (
  cluster: string,
  service = "",
  address = "192.168.10.200",
): string => `segment lan { cidr 192.168.10.0/24; gateway r }
segment office { cidr 192.168.20.0/24; gateway r }
router r { attach lan 192.168.10.1; attach office 192.168.20.1 }
host laptop { attach office 192.168.20.99 }
host near { attach lan 192.168.10.50 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  ${cluster}
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  node n3 { attach lan 192.168.10.13 }
  pod a on n2 { labels app=api; listen 9090 }
  pod b on n3 { labels app=api; listen 9090 }
  service api { select app=api; port 80 -> 9090 node-port 30080; load-balancer-ip ${address}; ${service} }
}
`;

describe("layer 2", () => {
  it("delivers to the first node, which forwards with policy cluster", () => {
    expect(ends(traced(shop("load-balancer l2"), "laptop", "api"))).toEqual([
      "50% 10.244.1.2:9090 sees 10.244.0.0, reply received",
      "50% 10.244.2.2:9090 sees 10.244.0.0, reply received",
    ]);
  });

  it("delivers to the first node with an endpoint with policy local, and the pod sees the client's address", () => {
    const text = shop("load-balancer l2", "external-traffic-policy local");
    expect(ends(traced(text, "laptop", "api"))).toEqual(["100% 10.244.1.2:9090 sees 192.168.20.99, reply received"]);
    expect(ends(traced(text, "near", "api"))).toEqual(["100% 10.244.1.2:9090 sees 192.168.10.50, reply received"]);
  });

  it("gets no ARP reply without an endpoint, or without a load balancer", () => {
    const withoutEndpoint = shop("load-balancer l2", "external-traffic-policy local").replaceAll(
      "labels app=api",
      "labels app=x",
    );
    for (const text of [withoutEndpoint, shop("")]) {
      expect(ends(traced(text, "near", "api"))[0]).toMatch(
        /^100% unreachable EHOSTUNREACH: no ARP reply for 192.168.10.200/,
      );
    }
  });

  it("gets replies from every node with IPVS, unless strict ARP is set", () => {
    const text = (settings: string): string =>
      shop(`load-balancer l2; kube-proxy ipvs${settings}`, "external-traffic-policy local");
    const via = (settings: string): string | undefined =>
      traced(text(settings), "near", "api").paths[0]?.hops.find(({ netns }) => netns.startsWith("prod/n"))?.netns;
    expect(via(" { strict-arp }")).toBe("prod/n2");
    expect(via("")).toBe("prod/n1");
  });
});

describe("a router", () => {
  it("has a route via every healthy node (BGP)", () => {
    const text = (policy: string): string =>
      shop("load-balancer bgp by r", `external-traffic-policy ${policy}`, "203.0.113.9");
    const routes = (policy: string): readonly string[] => {
      const netns = world(text(policy)).network.netns("r");
      return netns ? printRoutes(netns, 4).filter((line) => /203|nexthop/.test(line)) : [];
    };
    expect(
      routes("cluster")
        .join(" ")
        .match(/192\.168\.10\.1[1-3]/g),
    ).toHaveLength(3);
    expect(
      routes("local")
        .join(" ")
        .match(/192\.168\.10\.1[1-3]/g),
    ).toEqual(["192.168.10.12", "192.168.10.13"]);
    expect(ends(traced(text("local"), "laptop", "api"))).toEqual([
      "50% 10.244.1.2:9090 sees 192.168.20.99, reply received",
      "50% 10.244.2.2:9090 sees 192.168.20.99, reply received",
    ]);
  });

  it("passes packets through to nodes, which reply directly", () => {
    const text = shop("load-balancer pass-through by r", "external-traffic-policy local");
    const trace = traced(text, "near", "api");
    expect(ends(trace)).toEqual([
      "50% 10.244.1.2:9090 sees 192.168.10.50, reply received",
      "50% 10.244.2.2:9090 sees 192.168.10.50, reply received",
    ]);
    expect(trace.paths[0]?.hops.some(({ netns }) => netns === "r")).toBe(true);
    expect(trace.paths[0]?.reply?.hops.some(({ netns }) => netns === "r")).toBe(false);
  });

  it("rewrites packets to node ports, with its own address as source", () => {
    const text = shop("load-balancer proxy by r", "external-traffic-policy local");
    expect(ends(traced(text, "laptop", "api"))).toEqual([
      "50% 10.244.1.2:9090 sees 192.168.10.1, reply received",
      "50% 10.244.2.2:9090 sees 192.168.10.1, reply received",
    ]);
    expect(rulesOf(text, "r").filter((line) => line.includes("DNAT"))).toEqual([
      '-A PREROUTING -d 192.168.10.200/32 -p tcp -m tcp --dport 80 -m statistic --mode random --probability 0.50000000000 -m comment --comment "load balancer of default/api" -j DNAT --to-destination 192.168.10.12:30080',
      '-A PREROUTING -d 192.168.10.200/32 -p tcp -m tcp --dport 80 -m comment --comment "load balancer of default/api" -j DNAT --to-destination 192.168.10.13:30080',
    ]);
    expect(traced(text, "laptop", "api", { port: 81 }).verdict).toBe("rejected");
  });
});

it("pods of the cluster reach the service without leaving the cluster", () => {
  const trace = traced(shop("load-balancer l2"), "a", "192.168.10.200", { port: 80 });
  expect(ends(trace)).toEqual([
    "50% 10.244.1.2:9090 sees 10.244.1.1, reply received",
    "50% 10.244.2.2:9090 sees 10.244.1.0, reply received",
  ]);
});
