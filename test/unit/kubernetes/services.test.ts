/** Packets to services, as the kernel treats them under kube-proxy's rules. */
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

/** web and api-0 on n1, api-1 on n2; nothing of them on n3. */
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
  it("leads to each endpoint, translated at the client's node and back there", () => {
    const trace = traced(shop(), "web", "shop/api", { port: 80 });
    expect(ends(trace)).toEqual([
      "50% 10.244.0.3:9090 sees 10.244.0.2, answered",
      "50% 10.244.1.2:9090 sees 10.244.0.2, answered",
    ]);
    expect(translations(trace)).toEqual([
      ["prod/n1 dnat nat/KUBE-SEP-*", "prod/n1 snat nat/conntrack"],
      ["prod/n1 dnat nat/KUBE-SEP-*", "prod/n1 snat nat/conntrack"],
    ]);
    expect(trace.notes).toEqual(["inside prod, prod/shop/api is its ClusterIP 10.96.0.20"]);
  });

  it("is bridged on, without a route, to an endpoint of the same node", () => {
    expect(crossings(traced(shop(), "web", "api", { port: 80 }))).toEqual([
      "web:eth0 out",
      "n1:veth in",
      "n1:cni0 out",
      "n1:veth out",
      "api-a:eth0 in",
    ]);
  });

  it("leads an endpoint to itself with the bridge's address as source, and needs hairpin mode", () => {
    const own = { service: "select app=api; port 80 -> 9090; internal-traffic-policy local" };
    const trace = traced(shop(own), "api-a", "api", { port: 80 });
    expect(ends(trace)).toEqual(["100% 10.244.0.3:9090 sees 10.244.0.1, answered"]);
    expect(crossings(trace)).toEqual(["api-a:eth0 out", "n1:veth in", "n1:cni0 out", "n1:veth out", "api-a:eth0 in"]);
    const without = traced(shop({ ...own, cni: "cni bridge { routes true }" }), "api-a", "api", { port: 80 });
    expect(without.paths[0]?.reason?.code).toBe("hairpin-off");
  });

  it("is answered past the translation where bridged frames skip iptables", () => {
    const trace = traced(shop({ node: "sysctl net.bridge.bridge-nf-call-iptables 0" }), "web", "api", { port: 80 });
    expect(ends(trace)).toEqual([
      "50% 10.244.0.3:9090 sees 10.244.0.2, no answer: the answer comes from 10.244.0.3, the request went to 10.96.0.20: no socket takes it",
      "50% 10.244.1.2:9090 sees 10.244.0.2, answered",
    ]);
  });

  it("is asked by a node with the address of the device towards the endpoint", () => {
    expect(ends(traced(shop(), "n1", "api", { port: 80 }))).toEqual([
      "50% 10.244.0.3:9090 sees 10.244.0.1, answered",
      "50% 10.244.1.2:9090 sees 10.244.0.0, answered",
    ]);
  });

  it("needs a route that covers it on the node that asks", () => {
    const text = shop()
      .replace("cidr 192.168.10.0/24; gateway r", "cidr 192.168.10.0/24")
      .replace("attach lan 192.168.10.1; ", "")
      .replace("cni flannel { backend vxlan }", "cni flannel { backend vxlan; iface eth0 }");
    expect(ends(traced(text, "n1", "api", { port: 80 }))).toEqual([
      "100% unreachable ENETUNREACH: prod/n1 has no route to 10.96.0.20",
    ]);
  });

  it("answers on its ports only, and no ping", () => {
    expect(traced(shop(), "web", "api", { port: 81 }).verdict).toBe("unreachable");
    expect(traced(shop(), "web", "api", { proto: "icmp" }).verdict).toBe("unreachable");
  });

  it("refuses where no endpoint is ready", () => {
    const trace = traced(shop({ service: "select app=nobody; cluster-ip 10.96.0.20; port 80" }), "web", "api", {
      port: 80,
    });
    expect(ends(trace)).toEqual(["100% rejected ECONNREFUSED: prod/n1 rejects it in filter KUBE-SERVICES"]);
  });

  it("is dropped on nodes without an endpoint under internal policy local", () => {
    const text = shop({
      service: "select app=api; port 80 -> 9090; internal-traffic-policy local",
      more: "pod far on n3",
    });
    expect(ends(traced(text, "far", "api", { port: 80 }))).toEqual([
      "100% dropped silence: prod/n3 drops it in filter KUBE-SERVICES",
    ]);
    expect(ends(traced(text, "web", "api", { port: 80 }))).toEqual(["100% 10.244.0.3:9090 sees 10.244.0.2, answered"]);
  });

  it("masquerades pods where they are taken for others", () => {
    expect(ends(traced(shop({ proxy: "kube-proxy iptables { masquerade-all }" }), "web", "api", { port: 80 }))).toEqual(
      ["50% 10.244.0.3:9090 sees 10.244.0.1, answered", "50% 10.244.1.2:9090 sees 10.244.0.0, answered"],
    );
    const wrong = shop({ proxy: "kube-proxy iptables { cluster-cidr 10.0.0.0/16 }" });
    expect(ends(traced(wrong, "web", "api", { port: 80 }))[1]).toBe("50% 10.244.1.2:9090 sees 10.244.0.0, answered");
  });

  it("works for IPv6 as well", () => {
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
      "100% fd00:10:244:1::2:9090 sees fd00:10:244::2, answered",
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

  it("may be written by hand, outside the cluster", () => {
    const text = shop({
      service: "port 5432; endpoint 192.168.20.50",
      outside: "host db { attach office 192.168.20.50; listen 5432 }",
    });
    expect(ends(traced(text, "web", "api"))).toEqual(["100% 192.168.20.50:5432 sees 192.168.10.11, answered"]);
  });

  it("are taken from the zone, where that is preferred", () => {
    const text = shop({ service: "select app=api; port 80 -> 9090; traffic-distribution prefer-same-zone" })
      .replace("n1 { attach", "n1 { labels topology.kubernetes.io/zone=a; attach")
      .replace("n2 { attach", "n2 { labels topology.kubernetes.io/zone=b; attach");
    expect(ends(traced(text, "web", "api"))).toEqual(["100% 10.244.0.3:9090 sees 10.244.0.2, answered"]);
    expect(ends(traced(text, "n3", "api")).length).toBe(2);
  });
});

describe("a node port", () => {
  const nodePort = (policy: string): string =>
    shop({
      service: `type node-port; select app=api; port 80 -> 9090 node-port 30080; external-traffic-policy ${policy}`,
    });

  it("leads from any node to any endpoint, with the node's address as source", () => {
    expect(ends(traced(nodePort("cluster"), "laptop", "n3", { port: 30080 }))).toEqual([
      "50% 10.244.0.3:9090 sees 10.244.2.0, answered",
      "50% 10.244.1.2:9090 sees 10.244.2.0, answered",
    ]);
    expect(ends(traced(nodePort("cluster"), "laptop", "n1", { port: 30080 }))[0]).toBe(
      "50% 10.244.0.3:9090 sees 10.244.0.1, answered",
    );
  });

  it("keeps the client's address under policy local, and drops where there is no endpoint", () => {
    expect(ends(traced(nodePort("local"), "laptop", "n1", { port: 30080 }))).toEqual([
      "100% 10.244.0.3:9090 sees 192.168.20.99, answered",
    ]);
    expect(ends(traced(nodePort("local"), "laptop", "n3", { port: 30080 }))).toEqual([
      "100% dropped silence: prod/n3 drops it in filter KUBE-EXTERNAL-SERVICES",
    ]);
  });

  it("serves pods by all endpoints under policy local", () => {
    expect(ends(traced(nodePort("local"), "web", "192.168.10.11", { port: 30080 }))).toEqual([
      "50% 10.244.0.3:9090 sees 10.244.0.2, answered",
      "50% 10.244.1.2:9090 sees 10.244.0.2, answered",
    ]);
  });

  it("is what the service's name means outside", () => {
    const trace = traced(nodePort("local"), "laptop", "shop/api", { port: 80 });
    expect(trace.notes).toEqual(["outside prod, prod/shop/api is port 30080 of any node (here n1, n2, n3)"]);
    expect(ends(trace)).toEqual([
      "33% 10.244.0.3:9090 sees 192.168.20.99, answered",
      "33% 10.244.1.2:9090 sees 192.168.20.99, answered",
      "33% dropped silence: prod/n3 drops it in filter KUBE-EXTERNAL-SERVICES",
    ]);
  });
});

describe("names", () => {
  it("of a service without an outer address lead nowhere from outside", () => {
    const trace = traced(shop(), "laptop", "api", { port: 80 });
    expect(trace.verdict).toBe("unreachable");
    expect(trace.notes?.[0]).toContain("means something on the cluster's nodes only");
  });

  it("of a headless service are its endpoints, and ports stay", () => {
    const text = shop({ service: "type headless; select app=api; port 80 -> 9090" });
    expect(ends(traced(text, "web", "api", { port: 9090 }))).toEqual([
      "50% 10.244.0.3:9090 sees 10.244.0.2, answered",
      "50% 10.244.1.2:9090 sees 10.244.0.2, answered",
    ]);
    expect(traced(text, "web", "api", { port: 80 }).verdict).toBe("rejected");
  });

  it("follow aliases", () => {
    const alias = (name: string): string => shop({ more: `service old { external-name ${name} }` });
    expect(ends(traced(alias("api.shop.svc.cluster.local"), "web", "old", { port: 80 })).length).toBe(2);
    expect(refusal(alias("old.shop.svc.cluster.local"), "web", "old")).toContain("aliases that lead to each other");
    expect(refusal(alias("nowhere.example"), "web", "old")).toContain("no host is called so");
    const host = shop({
      more: "service old { external-name db.example }",
      outside: "host db.example { attach office; listen 80 }",
    });
    expect(traced(host, "web", "old", { port: 80 }).answered).toBe(true);
  });

  it("mean the service before a workload, except of a sender", () => {
    const text = shop({
      more: "deployment twice replicas 2 { labels app=twice; listen 81 }; service twice { select app=twice; port 80 -> 81 }",
    });
    expect(traced(text, "twice", "twice").notes).toEqual([
      expect.stringMatching(/^inside prod, prod\/shop\/twice is its ClusterIP/),
    ]);
    expect(refusal(shop(), "shop/api", "web")).toBe("prod/shop/api is a service: it sends nothing and runs nowhere");
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

  it("are handed out from the upper band on (ipallocator, portallocator)", () => {
    expect(
      services(
        "10.96.0.0/24",
        "service a { port 80 }\nservice b { port 80; type node-port }\nservice c { cluster-ip 10.96.0.17; port 80 }\nservice d { port 80 }",
      ),
    ).toEqual(["a 10.96.0.16 -", "b 10.96.0.18 30086", "c 10.96.0.17 -", "d 10.96.0.19 -"]);
    expect(services("10.96.0.0/12", "service a { port 80 }")).toEqual(["a 10.96.1.0 -"]);
    expect(services("10.96.0.0/20", "service a { port 80 }")).toEqual(["a 10.96.1.0 -"]);
  });

  it("come from the lower band when nothing else is left; .1 is the API server's", () => {
    const many = (count: number) => Array.from({ length: count }, (_, i) => `service s${i} { port 80 }`).join("\n");
    const small = services("10.96.0.0/28", many(14));
    expect(small[0]).toBe("s0 10.96.0.2 -");
    expect(small.at(-1)).toBe("s13 -");
    const wide = services("10.96.0.0/27", many(17));
    expect([wide[0], wide[14], wide[15]]).toEqual(["s0 10.96.0.16 -", "s14 10.96.0.30 -", "s15 10.96.0.2 -"]);
  });

  it("are none for headless services and aliases; a health check takes a port", () => {
    expect(
      services(
        "10.96.0.0/24",
        "service a { type headless; port 80 }\nservice b { external-name x }\nservice l { port 80; load-balancer-ip 1.2.3.4; external-traffic-policy local }",
      ),
    ).toEqual(["a -", "b", "l 10.96.0.16 30086 30087"]);
  });
});
