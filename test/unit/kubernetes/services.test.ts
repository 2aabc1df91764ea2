/** Packets to services through kube-proxy's rules. */
import { describe, expect, it } from "vitest";
import { crossings, ends, refusal, traced, translations, world } from "./support.ts";

interface Plan {
  readonly proxy?: string;
  readonly service?: string;
  readonly more?: string;
  readonly node?: string;
  readonly cni?: string;
  readonly outside?: string;
}

/** web and api-0 on n1, api-1 on n2; none of these pods on n3. */
const shop = ({
  proxy = "kube-proxy iptables",
  service = "select app=api; cluster-ip 10.96.0.20; port 80 -> 9090",
  more = "",
  node = "",
  cni = "cni flannel { backend vxlan }",
  outside = "",
}: Plan = {}): string => `segment lan { cidr 192.168.10.0/24; gateway r }
segment office { cidr 192.168.20.0/24; gateway r }
router r { attach lan 192.168.10.1; attach office 192.168.20.1 }
host laptop { attach office 192.168.20.99 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  ${cni}
  ${proxy}
  node n1 { attach lan 192.168.10.11; ${node} }
  node n2 { attach lan 192.168.10.12; ${node} }
  node n3 { attach lan 192.168.10.13; ${node} }
  namespace shop {
    pod web on n1 { listen 8080 }
    pod api-a on n1 { labels app=api; listen 9090 as http }
    pod api-b on n2 { labels app=api; listen 9090 as http }
    service api { ${service} }
    ${more}
  }
}
${outside}
`;

describe("a ClusterIP", () => {
  it("forwards to each endpoint, with NAT and its reversal on the client's node", () => {
    const trace = traced(shop(), "web", "shop/api", { port: 80 });
    expect(ends(trace)).toEqual([
      "50% 10.244.0.3:9090 sees 10.244.0.2, reply received",
      "50% 10.244.1.2:9090 sees 10.244.0.2, reply received",
    ]);
    expect(translations(trace)).toEqual([
      ["prod/n1 dnat nat/KUBE-SEP-*", "prod/n1 snat nat/conntrack"],
      ["prod/n1 dnat nat/KUBE-SEP-*", "prod/n1 snat nat/conntrack"],
    ]);
    expect(trace.notes).toEqual(["inside cluster prod, prod/shop/api is reached at ClusterIP 10.96.0.20"]);
  });

  it("is bridged, without a route, to an endpoint on the same node", () => {
    expect(crossings(traced(shop(), "web", "api", { port: 80 }))).toEqual([
      "web:eth0 out",
      "n1:veth in",
      "n1:cni0 out",
      "n1:veth out",
      "api-a:eth0 in",
    ]);
  });

  it("connects an endpoint to itself with the bridge's address as source, and requires hairpin mode", () => {
    const own = { service: "select app=api; port 80 -> 9090; internal-traffic-policy local" };
    const trace = traced(shop(own), "api-a", "api", { port: 80 });
    expect(ends(trace)).toEqual(["100% 10.244.0.3:9090 sees 10.244.0.1, reply received"]);
    expect(crossings(trace)).toEqual(["api-a:eth0 out", "n1:veth in", "n1:cni0 out", "n1:veth out", "api-a:eth0 in"]);
    const without = traced(shop({ ...own, cni: "cni bridge { routes true }" }), "api-a", "api", { port: 80 });
    expect(without.paths[0]?.reason?.code).toBe("hairpin-off");
  });

  it("receives replies without reverse NAT if bridged frames skip iptables", () => {
    const trace = traced(shop({ node: "sysctl net.bridge.bridge-nf-call-iptables 0" }), "web", "api", { port: 80 });
    expect(ends(trace)).toEqual([
      "50% 10.244.0.3:9090 sees 10.244.0.2, no reply: the reply is from 10.244.0.3, but the request was sent to 10.96.0.20: no socket accepts the reply",
      "50% 10.244.1.2:9090 sees 10.244.0.2, reply received",
    ]);
  });

  it("receives packets from a node with the address of the device toward the endpoint", () => {
    expect(ends(traced(shop(), "n1", "api", { port: 80 }))).toEqual([
      "50% 10.244.0.3:9090 sees 10.244.0.1, reply received",
      "50% 10.244.1.2:9090 sees 10.244.0.0, reply received",
    ]);
  });

  it("requires a matching route on the sending node", () => {
    const text = shop()
      .replace("cidr 192.168.10.0/24; gateway r", "cidr 192.168.10.0/24")
      .replace("attach lan 192.168.10.1; ", "")
      .replace("cni flannel { backend vxlan }", "cni flannel { backend vxlan; iface eth0 }");
    expect(ends(traced(text, "n1", "api", { port: 80 }))).toEqual([
      "100% unreachable ENETUNREACH: node prod/n1 has no route to 10.96.0.20",
    ]);
  });

  it("accepts only its ports, and no ping", () => {
    expect(traced(shop(), "web", "api", { port: 81 }).verdict).toBe("unreachable");
    expect(traced(shop(), "web", "api", { proto: "icmp" }).verdict).toBe("unreachable");
  });

  it("rejects packets if no endpoint is ready", () => {
    const trace = traced(shop({ service: "select app=nobody; cluster-ip 10.96.0.20; port 80" }), "web", "api", {
      port: 80,
    });
    expect(ends(trace)).toEqual(["100% rejected ECONNREFUSED: node prod/n1 rejects the packet (filter/KUBE-SERVICES)"]);
  });

  it("is dropped on nodes without an endpoint under internal policy local", () => {
    const text = shop({
      service: "select app=api; port 80 -> 9090; internal-traffic-policy local",
      more: "pod far on n3",
    });
    expect(ends(traced(text, "far", "api", { port: 80 }))).toEqual([
      "100% dropped timeout: node prod/n3 drops the packet (filter/KUBE-SERVICES)",
    ]);
    expect(ends(traced(text, "web", "api", { port: 80 }))).toEqual([
      "100% 10.244.0.3:9090 sees 10.244.0.2, reply received",
    ]);
  });

  it("masquerades pods that are not detected as local", () => {
    expect(ends(traced(shop({ proxy: "kube-proxy iptables { masquerade-all }" }), "web", "api", { port: 80 }))).toEqual(
      ["50% 10.244.0.3:9090 sees 10.244.0.1, reply received", "50% 10.244.1.2:9090 sees 10.244.0.0, reply received"],
    );
    const wrong = shop({ proxy: "kube-proxy iptables { cluster-cidr 10.0.0.0/16 }" });
    expect(ends(traced(wrong, "web", "api", { port: 80 }))[1]).toBe(
      "50% 10.244.1.2:9090 sees 10.244.0.0, reply received",
    );
  });

  it("also works for IPv6", () => {
    const text = `segment lan { cidr fd00:10::/64; gateway r }
router r { attach lan fd00:10::1 }
cluster six {
  pods fd00:10:244::/56
  services fd00:10:96::/112
  cni flannel { backend vxlan; ipv6-network fd00:10:244::/56 }
  node n1 { attach lan }
  node n2 { attach lan }
  pod web on n1
  pod api on n2 { labels app=api; listen 9090 }
  service api { select app=api; cluster-ip fd00:10:96::20; port 80 -> 9090 }
}
`;
    expect(ends(traced(text, "web", "api", { port: 80 }))).toEqual([
      "100% fd00:10:244:1::2:9090 sees fd00:10:244::2, reply received",
    ]);
  });
});

describe("endpoints", () => {
  it("are ready pods with all labels of the selector, by number or name of the port", () => {
    const text = shop({
      service: "select app=api tier=x; port 80 -> http name web; port 81 -> admin name admin",
      more: `deployment more replicas 2 { labels app=api tier=x; listen 9091 as http }
    pod late { labels app=api tier=x; listen 9092 as http; not-ready }
    pod other { labels app=api tier=y; listen 9093 as http }
    pod half on n2 { labels app=api tier=x; listen 9094 as admin }`,
    });
    const { services } = world(text).topology.clusters[0]!;
    const [service] = services.all;
    const shown = service!.ports.map((port) =>
      services.endpoints(service!, port, 4).map((one) => `${one.pod?.name}:${one.port}`),
    );
    expect(shown).toEqual([["more-0:9091", "more-1:9091"], ["half:9094"]]);
  });

  it("can be configured manually, outside the cluster", () => {
    const text = shop({
      service: "port 5432; endpoint 192.168.20.50",
      outside: "host db { attach office 192.168.20.50; listen 5432 }",
    });
    expect(ends(traced(text, "web", "api"))).toEqual(["100% 192.168.20.50:5432 sees 192.168.10.11, reply received"]);
  });

  it("are selected from the zone, if that is preferred", () => {
    const text = shop({ service: "select app=api; port 80 -> 9090; traffic-distribution prefer-same-zone" })
      .replace("n1 { attach", "n1 { labels topology.kubernetes.io/zone=a; attach")
      .replace("n2 { attach", "n2 { labels topology.kubernetes.io/zone=b; attach");
    expect(ends(traced(text, "web", "api"))).toEqual(["100% 10.244.0.3:9090 sees 10.244.0.2, reply received"]);
    expect(ends(traced(text, "n3", "api")).length).toBe(2);
  });
});

describe("a node port", () => {
  const nodePort = (policy: string): string =>
    shop({
      service: `type node-port; select app=api; port 80 -> 9090 node-port 30080; external-traffic-policy ${policy}`,
    });

  it("forwards from any node to any endpoint, with the node's address as source", () => {
    expect(ends(traced(nodePort("cluster"), "laptop", "n3", { port: 30080 }))).toEqual([
      "50% 10.244.0.3:9090 sees 10.244.2.0, reply received",
      "50% 10.244.1.2:9090 sees 10.244.2.0, reply received",
    ]);
    expect(ends(traced(nodePort("cluster"), "laptop", "n1", { port: 30080 }))[0]).toBe(
      "50% 10.244.0.3:9090 sees 10.244.0.1, reply received",
    );
  });

  it("keeps the client's address with policy local, and drops packets on nodes without an endpoint", () => {
    expect(ends(traced(nodePort("local"), "laptop", "n1", { port: 30080 }))).toEqual([
      "100% 10.244.0.3:9090 sees 192.168.20.99, reply received",
    ]);
    expect(ends(traced(nodePort("local"), "laptop", "n3", { port: 30080 }))).toEqual([
      "100% dropped timeout: node prod/n3 drops the packet (filter/KUBE-EXTERNAL-SERVICES)",
    ]);
  });

  it("forwards packets from pods to all endpoints with policy local", () => {
    expect(ends(traced(nodePort("local"), "web", "192.168.10.11", { port: 30080 }))).toEqual([
      "50% 10.244.0.3:9090 sees 10.244.0.2, reply received",
      "50% 10.244.1.2:9090 sees 10.244.0.2, reply received",
    ]);
  });

  it("is the destination of the service's name outside the cluster", () => {
    const trace = traced(nodePort("local"), "laptop", "shop/api", { port: 80 });
    expect(trace.notes).toEqual([
      "outside cluster prod, prod/shop/api is reached at port 30080 of any node (here n1, n2, and n3)",
    ]);
    expect(ends(trace)).toEqual([
      "33% 10.244.0.3:9090 sees 192.168.20.99, reply received",
      "33% 10.244.1.2:9090 sees 192.168.20.99, reply received",
      "33% dropped timeout: node prod/n3 drops the packet (filter/KUBE-EXTERNAL-SERVICES)",
    ]);
  });
});

describe("names", () => {
  it("of a service without an external IP are unreachable from outside", () => {
    const trace = traced(shop(), "laptop", "api", { port: 80 });
    expect(trace.verdict).toBe("unreachable");
    expect(trace.notes?.[0]).toContain("is valid only on the cluster's nodes");
  });

  it("of a headless service resolve to its endpoints, and ports are unchanged", () => {
    const text = shop({ service: "type headless; select app=api; port 80 -> 9090" });
    expect(ends(traced(text, "web", "api", { port: 9090 }))).toEqual([
      "50% 10.244.0.3:9090 sees 10.244.0.2, reply received",
      "50% 10.244.1.2:9090 sees 10.244.0.2, reply received",
    ]);
    expect(traced(text, "web", "api", { port: 80 }).verdict).toBe("rejected");
  });

  it("follow aliases", () => {
    const alias = (name: string): string => shop({ more: `service old { external-name ${name} }` });
    expect(ends(traced(alias("api.shop.svc.cluster.local"), "web", "old", { port: 80 })).length).toBe(2);
    expect(refusal(alias("old.shop.svc.cluster.local"), "web", "old")).toContain("the aliases form a loop");
    expect(refusal(alias("nowhere.example"), "web", "old")).toContain("which is not a declared host");
    const host = shop({
      more: "service old { external-name db.example }",
      outside: "host db.example { attach office; listen 80 }",
    });
    expect(traced(host, "web", "old", { port: 80 }).answered).toBe(true);
  });

  it("refer to the service before a workload, except for a sender", () => {
    const text = shop({
      more: "deployment twice replicas 2 { labels app=twice; listen 81 }; service twice { select app=twice; port 80 -> 81 }",
    });
    expect(traced(text, "twice", "twice").notes).toEqual([
      "inside cluster prod, prod/shop/twice is reached at ClusterIP 10.96.1.0; `twice` refers to service prod/shop/twice (other matches: `pod/twice`)",
    ]);
    expect(refusal(shop(), "shop/api", "web")).toBe("`prod/shop/api` is a service; a service cannot send packets");
  });
});

describe("addresses and node ports", () => {
  const services = (range: string, lines: string): readonly string[] =>
    world(`cluster c {\n  services ${range}\n  node n\n${lines}\n}`).topology.clusters[0]!.services.all.map(
      ({ name, clusterIps, ports, healthCheckNodePort }) =>
        [
          name,
          ...clusterIps.map((ip) =>
            typeof ip === "number" ? [24, 16, 8, 0].map((by) => (ip >>> by) & 255).join(".") : ip.toString(16),
          ),
          ...ports.map(({ nodePort }) => nodePort ?? "-"),
          healthCheckNodePort ?? "",
        ]
          .join(" ")
          .trim(),
    );

  it("are allocated from the upper band first (ipallocator, portallocator)", () => {
    expect(
      services(
        "10.96.0.0/24",
        "service a { port 80 }\nservice b { port 80; type node-port }\nservice c { cluster-ip 10.96.0.17; port 80 }\nservice d { port 80 }",
      ),
    ).toEqual(["a 10.96.0.16 -", "b 10.96.0.18 30086", "c 10.96.0.17 -", "d 10.96.0.19 -"]);
    expect(services("10.96.0.0/12", "service a { port 80 }")).toEqual(["a 10.96.1.0 -"]);
    expect(services("10.96.0.0/20", "service a { port 80 }")).toEqual(["a 10.96.1.0 -"]);
  });

  it("are allocated from the lower band if nothing else is left; .1 is the API server's", () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => `service s${i} { port 80 }`).join("\n");
    const small = services("10.96.0.0/28", many(14));
    expect(small[0]).toBe("s0 10.96.0.2 -");
    expect(small.at(-1)).toBe("s13 -");
    const wide = services("10.96.0.0/27", many(17));
    expect([wide[0], wide[14], wide[15]]).toEqual(["s0 10.96.0.16 -", "s14 10.96.0.30 -", "s15 10.96.0.2 -"]);
  });

  it("do not exist for headless services and aliases; a health check uses a port", () => {
    expect(
      services(
        "10.96.0.0/24",
        "service a { type headless; port 80 }\nservice b { external-name x }\nservice l { port 80; load-balancer-ip 1.2.3.4; external-traffic-policy local }",
      ),
    ).toEqual(["a -", "b", "l 10.96.0.16 30086 30087"]);
  });
});
