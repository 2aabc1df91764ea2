/** The same services in the other modes of kube-proxy: similarities to iptables mode, and differences. */
import { describe, expect, it } from "vitest";
import { ends, rulesOf, traced, translations } from "./support.ts";

type Mode = "iptables" | "nftables" | "ipvs";
const MODES: readonly Mode[] = ["iptables", "nftables", "ipvs"];

const shop = (
  mode: string,
  service = "select app=api; cluster-ip 10.96.0.20; port 80 -> 9090 name http",
  more = "",
): string =>
  `segment lan { cidr 192.168.10.0/24; gateway r }
segment office { cidr 192.168.20.0/24; gateway r }
router r { attach lan 192.168.10.1; attach office 192.168.20.1; route 203.0.113.0/24 via 192.168.10.11 }
host laptop { attach office 192.168.20.99 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  kube-proxy ${mode}
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  node n3 { attach lan 192.168.10.13 }
  namespace shop {
    pod web on n1 { listen 8080 }
    pod api-a on n1 { labels app=api; listen 9090 }
    pod api-b on n2 { labels app=api; listen 9090 }
    service api { ${service} }
    ${more}
  }
}
`;

describe.each(MODES)("in mode %s", (mode) => {
  it("a pod reaches every endpoint, and NAT is reversed for the reply on its node", () => {
    const trace = traced(shop(mode), "web", "api", { port: 80 });
    expect(ends(trace)).toEqual([
      "50% 10.244.0.3:9090 sees 10.244.0.2, reply received",
      "50% 10.244.1.2:9090 sees 10.244.0.2, reply received",
    ]);
    for (const way of translations(trace))
      expect(way.map((one) => one.split(" ").slice(0, 2).join(" "))).toEqual(["prod/n1 dnat", "prod/n1 snat"]);
  });

  it("an endpoint reaches itself with the bridge's address as source", () => {
    expect(ends(traced(shop(mode), "api-a", "api", { port: 80 }))[0]).toBe(
      "50% 10.244.0.3:9090 sees 10.244.0.1, reply received",
    );
  });

  it("a node reaches every endpoint, masqueraded", () => {
    expect(ends(traced(shop(mode), "n1", "api", { port: 80 }))).toEqual([
      "50% 10.244.0.3:9090 sees 10.244.0.1, reply received",
      "50% 10.244.1.2:9090 sees 10.244.0.0, reply received",
    ]);
  });

  it("a service without endpoints rejects packets", () => {
    const text = shop(mode, "select app=nobody; cluster-ip 10.96.0.20; port 80");
    expect(ends(traced(text, "web", "api", { port: 80 }))[0]).toMatch(/^100% rejected ECONNREFUSED: /);
    expect(ends(traced(text, "n3", "api", { port: 80 }))[0]).toMatch(/^100% rejected ECONNREFUSED: /);
  });

  it("a node port forwards from any node to any endpoint", () => {
    const text = shop(mode, "type node-port; select app=api; port 80 -> 9090 node-port 30080");
    expect(ends(traced(text, "laptop", "n3", { port: 30080 }))).toEqual([
      "50% 10.244.0.3:9090 sees 10.244.2.0, reply received",
      "50% 10.244.1.2:9090 sees 10.244.2.0, reply received",
    ]);
  });

  it("policy local keeps the client's address on nodes with an endpoint", () => {
    const text = shop(
      mode,
      "type node-port; select app=api; port 80 -> 9090 node-port 30080; external-traffic-policy local",
    );
    expect(ends(traced(text, "laptop", "n1", { port: 30080 }))).toEqual([
      "100% 10.244.0.3:9090 sees 192.168.20.99, reply received",
    ]);
  });

  it("an external IP is served by the node that it is routed to", () => {
    const text = shop(mode, "select app=api; port 80 -> 9090; external-ip 203.0.113.7");
    expect(ends(traced(text, "laptop", "203.0.113.7", { port: 80 }))).toEqual([
      "50% 10.244.0.3:9090 sees 10.244.0.1, reply received",
      "50% 10.244.1.2:9090 sees 10.244.0.0, reply received",
    ]);
  });

  it("a load balancer's source ranges apply to its IP", () => {
    const service =
      "select app=api; port 80 -> 9090; load-balancer-ip 203.0.113.7; load-balancer-source-ranges 192.168.20.0/25";
    expect(traced(shop(mode, service), "laptop", "203.0.113.7", { port: 80 }).answered).toBe(true);
    const closed = shop(mode, service.replace("192.168.20.0/25", "198.51.100.0/24"));
    expect(ends(traced(closed, "laptop", "203.0.113.7", { port: 80 }))[0]).toMatch(/^100% dropped timeout/);
  });
});

describe("a ping to a ClusterIP, and to another port (facts of the modes)", () => {
  it.each([
    ["iptables", "unreachable", "unreachable"],
    ["nftables", "rejected", "rejected"],
    ["ipvs", "rejected", "rejected"],
  ])("%s: %s, %s", (mode, ping, other) => {
    expect(traced(shop(mode), "web", "api", { proto: "icmp" }).verdict).toBe(ping);
    expect(traced(shop(mode), "web", "api", { port: 81 }).verdict).toBe(other);
  });

  it("to an unallocated address of the range is dropped by nftables", () => {
    expect(traced(shop("nftables"), "web", "10.96.0.99", { port: 80 }).verdict).toBe("dropped");
  });
});

describe("policy local on a node without an endpoint", () => {
  const text = (mode: string): string =>
    shop(mode, "type node-port; select app=api; port 80 -> 9090 node-port 30080; external-traffic-policy local");

  it("drops in iptables and nftables mode", () => {
    for (const mode of ["iptables", "nftables"]) {
      expect(ends(traced(text(mode), "laptop", "n3", { port: 30080 }))[0]).toMatch(/^100% dropped timeout/);
    }
  });

  it("with IPVS is forwarded to another node, whose reply the client drops", () => {
    // flannel masquerades forwarded packets; a plugin without masquerading shows the behavior of IPVS itself.
    const plain = text("ipvs").replace("cni flannel { backend vxlan }", "cni bridge");
    const trace = traced(plain, "laptop", "n3", { port: 30080 });
    expect(ends(trace)).toEqual([
      expect.stringMatching(/^50% 10.244.0.3:9090 sees 192.168.20.99, no reply: the reply is from /),
      expect.stringMatching(/^50% 10.244.1.2:9090 sees 192.168.20.99, no reply: the reply is from /),
    ]);
  });
});

describe("a node", () => {
  it("has the virtual IPs and servers in ipvs mode", () => {
    const text = shop(
      "ipvs { scheduler lc }",
      "type node-port; select app=api; cluster-ip 10.96.0.20; port 80 -> 9090 node-port 30080; session-affinity client-ip",
    );
    const lines = rulesOf(text, "prod/n1");
    expect(lines.filter((line) => /^-[Aa] -t/.test(line))).toEqual([
      "-A -t 10.96.0.20:80 -s lc -p 10800",
      "-a -t 10.96.0.20:80 -r 10.244.0.3:9090 -m -w 1",
      "-a -t 10.96.0.20:80 -r 10.244.1.2:9090 -m -w 1",
      "-A -t 192.168.10.11:30080 -s lc -p 10800",
      "-a -t 192.168.10.11:30080 -r 10.244.0.3:9090 -m -w 1",
      "-a -t 192.168.10.11:30080 -r 10.244.1.2:9090 -m -w 1",
      // Every address of the node, except loopback addresses: those of cni0 and flannel.1, too.
      "-A -t 10.244.0.0:30080 -s lc -p 10800",
      "-a -t 10.244.0.0:30080 -r 10.244.0.3:9090 -m -w 1",
      "-a -t 10.244.0.0:30080 -r 10.244.1.2:9090 -m -w 1",
      "-A -t 10.244.0.1:30080 -s lc -p 10800",
      "-a -t 10.244.0.1:30080 -r 10.244.0.3:9090 -m -w 1",
      "-a -t 10.244.0.1:30080 -r 10.244.1.2:9090 -m -w 1",
    ]);
    expect(lines.filter((line) => /^(-A KUBE|add|create)/.test(line))).toEqual([
      "-A KUBE-SERVICES -s 127.0.0.0/8 -j RETURN",
      '-A KUBE-SERVICES ! -s 10.244.0.0/16 -m comment --comment "Kubernetes service cluster ip + port for masquerade purpose" -m set --match-set KUBE-CLUSTER-IP dst,dst -j KUBE-MARK-MASQ',
      "-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODE-PORT",
      "-A KUBE-SERVICES -m set --match-set KUBE-CLUSTER-IP dst,dst -j ACCEPT",
      "-A KUBE-LOAD-BALANCER -j KUBE-MARK-MASQ",
      '-A KUBE-NODE-PORT -p tcp -m comment --comment "Kubernetes nodeport TCP port for masquerade purpose" -m set --match-set KUBE-NODE-PORT-TCP dst -j KUBE-MARK-MASQ',
      "-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000",
      '-A KUBE-POSTROUTING -m comment --comment "Kubernetes endpoints dst ip:port, source ip for solving hairpin purpose" -m set --match-set KUBE-LOOP-BACK dst,dst,src -j MASQUERADE',
      "-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN",
      "-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0",
      '-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully',
      '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT',
      '-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT',
      '-A KUBE-NODE-PORT -m comment --comment "Kubernetes health check node port" -m set --match-set KUBE-HEALTH-CHECK-NODE-PORT dst -j ACCEPT',
      "-A KUBE-SOURCE-RANGES-FIREWALL -j DROP",
      // These rules exist with empty sets, too.
      "-A KUBE-IPVS-FILTER -m set --match-set KUBE-LOAD-BALANCER dst,dst -j RETURN",
      "-A KUBE-IPVS-FILTER -m set --match-set KUBE-CLUSTER-IP dst,dst -j RETURN",
      "-A KUBE-IPVS-FILTER -m set --match-set KUBE-EXTERNAL-IP dst,dst -j RETURN",
      "-A KUBE-IPVS-FILTER -m set --match-set KUBE-EXTERNAL-IP-LOCAL dst,dst -j RETURN",
      "-A KUBE-IPVS-FILTER -m set --match-set KUBE-HEALTH-CHECK-NODE-PORT dst -j RETURN",
      "-A KUBE-IPVS-FILTER -m set --match-set KUBE-IPVS-IPS dst -m conntrack --ctstate NEW -j REJECT --reject-with icmp-port-unreachable",
      "create KUBE-CLUSTER-IP hash:ip,port family inet",
      "add KUBE-CLUSTER-IP 10.96.0.20,tcp:80",
      "create KUBE-NODE-PORT-TCP bitmap:port range 0-65535",
      "add KUBE-NODE-PORT-TCP 30080",
      "create KUBE-LOOP-BACK hash:ip,port,ip family inet",
      "add KUBE-LOOP-BACK 10.244.0.3,tcp:9090,10.244.0.3",
      "create KUBE-HEALTH-CHECK-NODE-PORT bitmap:port range 0-65535",
      "create KUBE-LOAD-BALANCER hash:ip,port family inet",
      "create KUBE-EXTERNAL-IP hash:ip,port family inet",
      "create KUBE-EXTERNAL-IP-LOCAL hash:ip,port family inet",
      "create KUBE-IPVS-IPS hash:ip family inet",
      "add KUBE-IPVS-IPS 10.96.0.20",
    ]);
  });

  it("has kube-proxy's own table in nftables mode (services of proxier_test.go, TestOverallNFTablesRules)", () => {
    const text = `segment lan { cidr 192.168.0.0/24 }
cluster c {
  pods 10.0.0.0/8
  services 172.30.0.0/16
  cni none
  kube-proxy nftables { cluster-cidr 10.0.0.0/8 }
  node n { attach lan 192.168.0.2 }
  namespace ns1 { service svc1 { cluster-ip 172.30.0.41; port 80 name p80; endpoint 10.180.0.1:80 } }
  namespace ns2 {
    service svc2 {
      type load-balancer
      cluster-ip 172.30.0.42
      external-traffic-policy local
      external-ip 192.168.99.22
      load-balancer-ip 1.2.3.4
      port 80 name p80 node-port 3001
      endpoint 10.180.0.2:80
    }
  }
  namespace ns4 { service svc4 { cluster-ip 172.30.0.44; external-ip 192.168.99.33; port 80 name p80; endpoint 10.180.0.4:80 10.180.0.5:80 } }
  namespace ns5 {
    service svc5 {
      cluster-ip 172.30.0.45
      load-balancer-ip 5.6.7.8
      load-balancer-source-ranges 203.0.113.0/25
      session-affinity client-ip
      port 80 name p80 node-port 3002
      endpoint 10.180.0.3:80
    }
  }
  namespace ns6 { service svc6 { cluster-ip 172.30.0.46; port 80 name p80 } }
}
`;
    const lines = rulesOf(text, "c/n");
    expect(`\n${lines.join("\n")}`).toMatchInlineSnapshot(`
      "
      # nft list ruleset
      table ip kube-proxy {
      	comment "rules for kube-proxy"

      	set cluster-ips {
      		type ipv4_addr
      		comment "Active ClusterIPs"
      		elements = { 172.30.0.41,
      			     172.30.0.42,
      			     172.30.0.44,
      			     172.30.0.45,
      			     172.30.0.46 }
      	}

      	set nodeport-ips {
      		type ipv4_addr
      		comment "IPs that accept NodePort traffic"
      		elements = { 192.168.0.2 }
      	}

      	set hairpin-connections {
      		type ipv4_addr . ipv4_addr . inet_proto . inet_service
      		comment "service hairpin connections"
      	}

      	map no-endpoint-services {
      		type ipv4_addr . inet_proto . inet_service : verdict
      		comment "vmap to drop or reject packets to services with no endpoints"
      		elements = { 192.168.99.22 . tcp . 80 comment "ns2/svc2:p80" : drop,
      			     1.2.3.4 . tcp . 80 comment "ns2/svc2:p80" : drop,
      			     172.30.0.46 . tcp . 80 comment "ns6/svc6:p80" : goto reject-chain }
      	}

      	map no-endpoint-nodeports {
      		type inet_proto . inet_service : verdict
      		comment "vmap to drop or reject packets to service nodeports with no endpoints"
      		elements = { tcp . 3001 comment "ns2/svc2:p80" : drop }
      	}

      	map firewall-ips {
      		type ipv4_addr . inet_proto . inet_service : verdict
      		comment "destinations that are subject to LoadBalancerSourceRanges"
      		elements = { 5.6.7.8 . tcp . 80 : goto firewall-HVFWP5L3-ns5/svc5/tcp/p80 }
      	}

      	map service-ips {
      		type ipv4_addr . inet_proto . inet_service : verdict
      		comment "ClusterIP, ExternalIP and LoadBalancer IP traffic"
      		elements = { 172.30.0.41 . tcp . 80 : goto service-ULMVA6XW-ns1/svc1/tcp/p80,
      			     172.30.0.42 . tcp . 80 : goto service-42NFTM6N-ns2/svc2/tcp/p80,
      			     192.168.99.22 . tcp . 80 : goto external-42NFTM6N-ns2/svc2/tcp/p80,
      			     1.2.3.4 . tcp . 80 : goto external-42NFTM6N-ns2/svc2/tcp/p80,
      			     172.30.0.44 . tcp . 80 : goto service-LAUZTJTB-ns4/svc4/tcp/p80,
      			     192.168.99.33 . tcp . 80 : goto external-LAUZTJTB-ns4/svc4/tcp/p80,
      			     172.30.0.45 . tcp . 80 : goto service-HVFWP5L3-ns5/svc5/tcp/p80,
      			     5.6.7.8 . tcp . 80 : goto external-HVFWP5L3-ns5/svc5/tcp/p80 }
      	}

      	map service-nodeports {
      		type inet_proto . inet_service : verdict
      		comment "NodePort traffic"
      		elements = { tcp . 3001 : goto external-42NFTM6N-ns2/svc2/tcp/p80,
      			     tcp . 3002 : goto external-HVFWP5L3-ns5/svc5/tcp/p80 }
      	}

      	set affinity-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80 {
      		type ipv4_addr
      		size 65535
      		flags dynamic,timeout
      		timeout 10800s
      	}

      	chain filter-prerouting-pre-dnat {
      		type filter hook prerouting priority -110; policy accept;
      		ct state new jump firewall-check
      	}

      	chain filter-output-pre-dnat {
      		type filter hook output priority -110; policy accept;
      		ct state new jump firewall-check
      	}

      	chain filter-input {
      		type filter hook input priority 0; policy accept;
      		ct state new jump nodeport-endpoints-check
      		ct state new jump service-endpoints-check
      	}

      	chain filter-forward {
      		type filter hook forward priority 0; policy accept;
      		ct state new jump service-endpoints-check
      		ct state new jump cluster-ips-check
      	}

      	chain filter-output {
      		type filter hook output priority 0; policy accept;
      		ct state new jump service-endpoints-check
      		ct state new jump cluster-ips-check
      	}

      	chain nat-prerouting {
      		type nat hook prerouting priority -100; policy accept;
      		jump services
      	}

      	chain nat-output {
      		type nat hook output priority -100; policy accept;
      		jump services
      	}

      	chain nat-postrouting {
      		type nat hook postrouting priority 100; policy accept;
      		jump masquerading
      	}

      	chain masquerading {
      		meta mark and 0x00004000 != 0 meta mark set meta mark xor 0x00004000 masquerade fully-random
      		ct status dnat ip saddr . ip daddr . meta l4proto . th dport @hairpin-connections masquerade fully-random
      	}

      	chain reject-chain {
      		comment "helper for @no-endpoint-services / @no-endpoint-nodeports"
      		reject
      	}

      	chain firewall-check {
      		ip daddr . meta l4proto . th dport vmap @firewall-ips
      	}

      	chain service-endpoints-check {
      		ip daddr . meta l4proto . th dport vmap @no-endpoint-services
      	}

      	chain nodeport-endpoints-check {
      		ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports
      	}

      	chain services {
      		ip daddr @cluster-ips ip saddr != 10.0.0.0/8 meta mark set meta mark or 0x00004000 comment "masquerade clusterIP traffic from outside cluster"
      		ip daddr . meta l4proto . th dport vmap @service-ips
      		ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
      	}

      	chain cluster-ips-check {
      		ip daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"
      		ip daddr { 172.30.0.0/16 } drop comment "Drop traffic to unallocated ClusterIPs"
      	}

      	chain service-ULMVA6XW-ns1/svc1/tcp/p80 {
      		meta l4proto tcp dnat to 10.180.0.1:80
      	}

      	chain service-42NFTM6N-ns2/svc2/tcp/p80 {
      		meta l4proto tcp dnat to 10.180.0.2:80
      	}

      	chain external-42NFTM6N-ns2/svc2/tcp/p80 {
      		ip saddr 10.0.0.0/8 goto service-42NFTM6N-ns2/svc2/tcp/p80 comment "short-circuit pod traffic"
      		fib saddr type local meta mark set meta mark or 0x00004000 comment "masquerade local traffic"
      		fib saddr type local goto service-42NFTM6N-ns2/svc2/tcp/p80 comment "short-circuit local traffic"
      	}

      	chain service-LAUZTJTB-ns4/svc4/tcp/p80 {
      		meta l4proto tcp dnat ip addr . port to numgen random mod 2 map { 0 : 10.180.0.4 . 80, 1 : 10.180.0.5 . 80 }
      	}

      	chain external-LAUZTJTB-ns4/svc4/tcp/p80 {
      		meta mark set meta mark or 0x00004000 comment "masquerade"
      		goto service-LAUZTJTB-ns4/svc4/tcp/p80
      	}

      	chain service-HVFWP5L3-ns5/svc5/tcp/p80 {
      		ip saddr @affinity-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80 goto endpoint-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80
      		numgen random mod 1 vmap { 0 : goto endpoint-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80 }
      	}

      	chain external-HVFWP5L3-ns5/svc5/tcp/p80 {
      		meta mark set meta mark or 0x00004000 comment "masquerade"
      		goto service-HVFWP5L3-ns5/svc5/tcp/p80
      	}

      	chain firewall-HVFWP5L3-ns5/svc5/tcp/p80 {
      		ip saddr != { 203.0.113.0/25 } drop
      	}

      	chain endpoint-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80 {
      		update @affinity-GTK6MW7G-ns5/svc5/tcp/p80__10.180.0.3/80 { ip saddr }
      		meta l4proto tcp dnat to 10.180.0.3:80
      	}
      }
      "
    `);
  });
});
