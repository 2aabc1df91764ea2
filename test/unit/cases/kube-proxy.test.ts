/** What kube-proxy does besides translating addresses: its sockets and settings, source ranges, and the rules of each release. */
import { describe, expect, it } from "vitest";
import { buildNetwork } from "../../../server/src/cni/network.ts";
import { kubernetes } from "../../../server/src/kubernetes/contribute.ts";
import { check } from "../checks/harness.ts";
import { ends, rulesOf, traced, world } from "../kubernetes/support.ts";

const MODES = ["iptables", "nftables", "ipvs"] as const;

interface Parts {
  readonly mode: string;
  readonly version?: string;
  readonly nodes?: string;
  readonly settings?: string;
  readonly service: string;
  readonly pod?: string;
}

const cluster = ({ mode, version, nodes, settings, service, pod }: Parts): string => `segment lan {
  cidr 192.168.0.0/24
  gateway router
}
router router { attach lan 192.168.0.1 }
host lb { attach lan 192.168.0.9 }
cluster c {
  ${version === undefined ? "" : `version ${version}`}
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni flannel { backend vxlan }
  kube-proxy ${mode} { ${settings ?? ""} }
  load-balancer l2
  ${nodes ?? "node n1 { attach lan 192.168.0.2 }"}
  pod web${pod ?? ""} { labels app=web; listen 80/tcp }
  service web { select app=web; port 80; ${service} }
}
`;

describe("load balancer source ranges that contain the node's address", () => {
  const text = (mode: string, ranges: string): string =>
    cluster({
      mode,
      nodes: "node n1 { attach lan 192.168.0.2; loopback 1.2.3.4 }",
      service: `load-balancer-ip 1.2.3.4; load-balancer-source-ranges ${ranges}`,
    });

  it.each(["iptables", "nftables"])("admit the load balancer IP on the node itself in mode %s", (mode) => {
    expect(ends(traced(text(mode, "192.168.0.0/24"), "n1", "1.2.3.4", { port: 80 }))).toEqual([
      "100% 10.244.0.2:80 sees 10.244.0.1, reply received",
    ]);
  });

  it.each(["iptables", "nftables"])("are necessary for that in mode %s", (mode) => {
    expect(ends(traced(text(mode, "203.0.113.0/24"), "n1", "1.2.3.4", { port: 80 }))[0]).toMatch(/^100% dropped/);
  });

  it("admit or drop the node's own packets in mode ipvs (verified on Linux 6.1)", () => {
    const own = (ranges: string): string =>
      cluster({ mode: "ipvs", service: `load-balancer-ip 192.168.0.200; load-balancer-source-ranges ${ranges}` });
    expect(ends(traced(own("192.168.0.0/24"), "n1", "192.168.0.200", { port: 80 }))).toEqual([
      "100% 10.244.0.2:80 sees 10.244.0.1, reply received",
    ]);
    expect(ends(traced(own("203.0.113.0/24"), "n1", "192.168.0.200", { port: 80 }))[0]).toMatch(
      /^100% dropped timeout: .*KUBE-IPVS-OUT-FILTER/,
    );
  });

  it("are members of a set in mode ipvs", () => {
    const admitted = rulesOf(text("ipvs", "192.168.0.0/24"), "c/n1");
    expect(admitted).toContain("add KUBE-LOAD-BALANCER-SOURCE-IP 1.2.3.4,tcp:80,1.2.3.4");
    expect(admitted.filter((line) => line.startsWith("-A KUBE-IPVS-OUT-FILTER"))).toEqual([]);
    expect(rulesOf(text("ipvs", "203.0.113.0/24"), "c/n1")).toContain(
      "-A KUBE-IPVS-OUT-FILTER -s 1.2.3.4/32 -m ipvs --vproto 6 --vaddr 1.2.3.4 --vport 80 -j DROP",
    );
  });

  it("allow every source since 1.34 if one has length 0", () => {
    const ranges = (version: string): string =>
      cluster({
        mode: "iptables",
        version,
        service: "load-balancer-ip 192.168.0.200; load-balancer-source-ranges 0.0.0.0/0",
      });
    expect(rulesOf(ranges("1.33"), "c/n1").join("\n")).toContain(":KUBE-FW-");
    expect(rulesOf(ranges("1.34"), "c/n1").join("\n")).not.toContain(":KUBE-FW-");
  });
});

describe.each(MODES)("health check node ports in mode %s", (mode) => {
  const service = "load-balancer-ip 192.168.0.200; external-traffic-policy local; health-check-node-port 30999";

  it("are served by kube-proxy on every node, with or without an endpoint", () => {
    const text = `${cluster({
      mode,
      nodes: "node n1 { attach lan 192.168.0.2 }\n  node n2 { attach lan 192.168.0.3 }",
      pod: " on n2",
      service,
    })}expect lb -> n1:30999 reachable
expect lb -> n2:30999 reachable
`;
    expect(check(text).filter(({ finding }) => finding.severity === "error")).toEqual([]);
    const [path] = traced(text, "lb", "n1", { port: 30999 }).paths;
    expect(path?.hops.at(-1)?.text).toContain("delivered to kube-proxy");
  });

  it("are open on the node port addresses only", () => {
    const settings = "node-port-addresses 10.0.0.0/8";
    const text = cluster({ mode, settings, service });
    expect(ends(traced(text, "lb", "n1", { port: 30999 }))[0]).toMatch(/^100% rejected ECONNREFUSED/);
  });

  it("do not exist for other services", () => {
    const text = cluster({ mode, service: "load-balancer-ip 192.168.0.200; health-check-node-port 30999" });
    expect(ends(traced(text, "lb", "n1", { port: 30999 }))[0]).toMatch(/^100% rejected ECONNREFUSED/);
  });
});

describe("health check node ports of a dual-stack cluster with node port addresses of one family", () => {
  const text = (version: string, addresses: string): string => `segment lan { cidr 192.168.0.0/24 fd00::/64 }
host lb { attach lan 192.168.0.9 fd00::9 }
cluster c {
  version ${version}
  pods 10.244.0.0/16
  pods fd00:244::/56
  services 10.96.0.0/16
  services fd00:96::/112
  cni flannel { backend host-gw }
  kube-proxy iptables { node-port-addresses ${addresses} }
  node n1 { attach lan 192.168.0.2 fd00::2 }
  namespace shop {
    pod web { labels app=web; container c { listen 80/tcp } }
    service s { type load-balancer; select app=web; families ipv4 ipv6; port 80; load-balancer-ip 203.0.113.1 2001:db8::1; external-traffic-policy local; health-check-node-port 30999 }
  }
}
`;
  const reached = (version: string, addresses: string): readonly string[] =>
    ["192.168.0.2", "fd00::2"].map((ip) => {
      const [end = ""] = ends(traced(text(version, addresses), "lb", ip, { port: 30999 }));
      return end.includes("ECONNREFUSED") ? "refused" : end.includes("reply received") ? "open" : end;
    });

  it("are open in the other family from 1.36", () => {
    expect(reached("1.37", "192.168.0.0/24")).toEqual(["open", "open"]);
    expect(reached("1.37", "fd00::/64")).toEqual(["open", "open"]);
  });

  it("are closed in the other family before 1.36 if sockets of IPv4 addresses use the port", () => {
    expect(reached("1.33", "192.168.0.0/24")).toEqual(["open", "refused"]);
  });

  it("share the socket of IPv4 before 1.36 if it accepts every address", () => {
    expect(reached("1.33", "fd00::/64")).toEqual(["open", "open"]);
  });
});

describe("the release of kube-proxy in nftables mode", () => {
  const text = (version: string | undefined): string =>
    cluster({
      mode: "nftables",
      ...(version === undefined ? {} : { version }),
      nodes: "node n1 { attach lan 192.168.0.2 }\n  node n2 { attach lan 192.168.0.3 }",
      pod: " on n2",
      service: "load-balancer-ip 192.168.0.200; external-traffic-policy local",
    });
  const fromNode = (version: string | undefined): string =>
    ends(traced(text(version), "n1", "192.168.0.200", { port: 80 }))[0] ?? "";
  const has = (version: string, line: string): boolean =>
    rulesOf(text(version), "c/n1").some((one) => one.trim() === line);

  it("decides whether a node without an endpoint drops its own packets (kubernetes PR 132456)", () => {
    expect(fromNode("1.33")).toMatch(/^100% dropped timeout: .*service-endpoints-check/);
    for (const version of ["1.34", "1.35", "1.36", "1.37", undefined])
      expect(fromNode(version)).toBe("100% 10.244.1.2:80 sees 10.244.0.0, reply received");
  });

  it("selects the base chains", () => {
    const bases = (version: string): readonly string[] =>
      rulesOf(text(version), "c/n1").flatMap((line, i, all) =>
        line.includes(" hook ") ? [`${all[i - 1]?.trim().split(" ")[1]} ${/priority (\S+);/.exec(line)?.[1]}`] : [],
      );
    expect(bases("1.33")).toEqual([
      "filter-prerouting -110",
      "filter-input -110",
      "filter-forward -110",
      "filter-output -110",
      "filter-output-post-dnat -90",
      "nat-prerouting -100",
      "nat-output -100",
      "nat-postrouting 100",
    ]);
    const later = [
      "filter-prerouting-pre-dnat -110",
      "filter-output-pre-dnat -110",
      "filter-input 0",
      "filter-forward 0",
      "filter-output 0",
      "nat-prerouting -100",
      "nat-output -100",
      "nat-postrouting 100",
    ];
    expect(bases("1.34")).toEqual(later);
    expect(bases("1.37")).toEqual(later);
  });

  it("selects where packets are marked and rewritten", () => {
    expect(has("1.33", "ip daddr 10.96.1.0 tcp dport 80 ip saddr != 10.244.0.0/16 jump mark-for-masquerade")).toBe(
      true,
    );
    expect(has("1.34", "ip daddr 10.96.1.0 ip saddr != 10.244.0.0/16 jump mark-for-masquerade")).toBe(true);
    expect(has("1.35", "meta l4proto tcp dnat to 10.244.1.2:80")).toBe(true);
    expect(has("1.36", "meta l4proto tcp dnat ip addr . port to numgen random mod 1 map { 0 : 10.244.1.2 . 80 }")).toBe(
      true,
    );
    expect(has("1.37", "meta l4proto tcp dnat to 10.244.1.2:80")).toBe(true);
    for (const version of ["1.33", "1.35"]) expect(has(version, "chain mark-for-masquerade {")).toBe(true);
    for (const version of ["1.36", "1.37"]) expect(has(version, "set hairpin-connections {")).toBe(true);
  });

  it("reports an unknown release", () => {
    const [found] = check(text("1.30")).filter(({ code }) => code === "KN006");
    expect(found?.finding.message).toContain("expected `1.33`, `1.34`, `1.35`, `1.36`, or `1.37`");
  });
});

describe("node ports on localhost", () => {
  const settingOf = (settings: string, mode = "iptables"): string | undefined => {
    const { topology } = world(cluster({ mode, settings, service: "type node-port" }));
    const [own] = topology.clusters;
    const [node] = own?.nodes ?? [];
    const found = kubernetes().flatMap((one) =>
      own && node ? (one.sysctl?.(node, own, "net.ipv4.conf.all.route_localnet") ?? []) : [],
    );
    return found[0];
  };
  const firewall = (settings: string, mode = "iptables"): readonly string[] =>
    rulesOf(cluster({ mode, settings, service: "type node-port" }), "c/n1").filter((line) =>
      line.includes("KUBE-FIREWALL"),
    );

  it("make kube-proxy set route_localnet, and block other machines", () => {
    expect(settingOf("")).toBe("1");
    expect(firewall("")).toEqual([
      ":KUBE-FIREWALL - [0:0]",
      "-A INPUT -j KUBE-FIREWALL",
      "-A OUTPUT -j KUBE-FIREWALL",
      '-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP',
    ]);
  });

  it.each(["localhost-node-ports false", "node-port-addresses primary", "node-port-addresses 192.168.0.0/24"])(
    "are off with %s",
    (settings) => {
      expect(settingOf(settings)).toBeUndefined();
      expect(firewall(settings).some((line) => line.startsWith("-A KUBE-FIREWALL"))).toBe(false);
    },
  );

  it("are on if node-port-addresses contains a loopback address", () => {
    const settings = "node-port-addresses 192.168.0.0/24 127.0.0.0/8";
    expect(settingOf(settings)).toBe("1");
    const last = rulesOf(cluster({ mode: "iptables", settings, service: "type node-port" }), "c/n1").filter((line) =>
      line.includes("this must be the last rule"),
    );
    expect(last.map((line) => /-d (\S+)/.exec(line)?.[1])).toEqual(["192.168.0.2/32", "127.0.0.1/32"]);
  });

  it.each(["nftables", "ipvs"])("do not exist in mode %s", (mode) => {
    expect(settingOf("", mode)).toBeUndefined();
  });
});

describe("node port addresses", () => {
  it("include the addresses of the mode's devices, and all addresses of a family without a prefix", () => {
    const text = cluster({ mode: "nftables", settings: "node-port-addresses 10.0.0.0/8", service: "type node-port" });
    expect(rulesOf(text, "c/n1").join("\n")).toMatch(
      /set nodeport-ips \{[^}]*elements = \{ 10.244.0.0,\s+10.244.0.1 \}/,
    );
    const all = cluster({ mode: "nftables", settings: "node-port-addresses 0.0.0.0/0", service: "type node-port" });
    expect(rulesOf(all, "c/n1").map((line) => line.trim())).toContain(
      "fib daddr type local ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @service-nodeports",
    );
    const network = buildNetwork(world(all).topology, kubernetes());
    expect(
      network
        .netns("c/n1")
        ?.netfilter.nft(4)
        .some(({ text: line }) => line.includes("nodeport-ips")),
    ).toBe(false);
  });

  it("with all addresses, accept node ports on any of them in nftables mode", () => {
    const text = (settings: string): string =>
      cluster({
        mode: "nftables",
        settings,
        nodes: "node n1 { attach lan 192.168.0.2; loopback 10.9.9.9 }",
        service: "type node-port; port 81 -> 80 node-port 30081",
      });
    const reach = (settings: string): string =>
      ends(traced(text(settings), "n1", "10.9.9.9", { port: 30081 }))[0] ?? "";
    expect(reach("node-port-addresses 0.0.0.0/0")).toBe("100% 10.244.0.2:80 sees 10.244.0.1, reply received");
    expect(reach("")).toMatch(/^100% rejected ECONNREFUSED/);
  });
});

describe("an address that a node has itself, in ipvs mode", () => {
  it("is not added to kube-ipvs0, and is not a member of KUBE-IPVS-IPS", () => {
    const text = cluster({
      mode: "ipvs",
      nodes: "node n1 { attach lan 192.168.0.2; loopback 1.2.3.4 }\n  node n2 { attach lan 192.168.0.3 }",
      service: "load-balancer-ip 1.2.3.4",
    });
    const { network } = world(text);
    const bound = (node: string): number => network.netns(node)?.devices.get("kube-ipvs0")?.addresses.length ?? 0;
    expect([bound("c/n1"), bound("c/n2")]).toEqual([1, 2]);
    expect(rulesOf(text, "c/n1")).not.toContain("add KUBE-IPVS-IPS 1.2.3.4");
    expect(rulesOf(text, "c/n2")).toContain("add KUBE-IPVS-IPS 1.2.3.4");
  });
});
