/**
 * The chains of kube-proxy's iptables mode compared with its unit tests (kubernetes pkg/proxy/iptables/proxier_test.go,
 * TestOverallIPTablesRules and the following tests), in the format of iptables-save.
 */
import { describe, expect, it } from "vitest";
import { chainHash } from "../../../server/src/kubernetes/proxy/ports.ts";
import { base32, sha256 } from "../../../server/src/kubernetes/proxy/sha256.ts";
import { rulesOf } from "./support.ts";

describe("names of chains", () => {
  it("are the same hashes as in kube-proxy", () => {
    expect(chainHash("ns1/svc1:p80tcp")).toBe("XPGD46QRK7WJZT7O");
    expect(chainHash("ns2/svc2:p80tcp")).toBe("GNZBNJ2PO5MGZ6GT");
    expect(chainHash("ns1/svc1:p80tcp10.180.0.1:80")).toBe("SXIVWICOYRO3J4NJ");
    expect(chainHash("ns4/svc4:p80tcp10.180.0.5:80")).toBe("C6EBXVWJJZMIWKLZ");
  });

  it("use SHA-256 and base32 (FIPS 180-4 examples, RFC 4648 §10)", () => {
    const hex = (text: string) => [...sha256(text)].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    expect(hex("abc")).toBe("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    expect(hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")).toBe(
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
    );
    expect(base32(new TextEncoder().encode("foobar"))).toBe("MZXW6YTBOI");
  });
});

/** The six services of TestOverallIPTablesRules; endpoint 10.180.0.5 of svc4 has no node here. */
const OVERALL = `segment lan { cidr 192.168.0.0/24 }
cluster c {
  pods 10.0.0.0/8
  services 172.30.0.0/16
  cni none
  kube-proxy iptables { cluster-cidr 10.0.0.0/8 }
  node n { attach lan }
  namespace ns1 {
    service svc1 { cluster-ip 172.30.0.41; port 80 name p80; endpoint 10.180.0.1:80 }
  }
  namespace ns2 {
    service svc2 {
      type load-balancer
      cluster-ip 172.30.0.42
      external-traffic-policy local
      external-ip 192.168.99.22
      load-balancer-ip 1.2.3.4
      health-check-node-port 30000
      port 80 name p80 node-port 3001
      endpoint 10.180.0.2:80
    }
  }
  namespace ns3 {
    service svc3 { type node-port; cluster-ip 172.30.0.43; port 80 name p80 node-port 3003; endpoint 10.180.0.3:80 }
  }
  namespace ns4 {
    service svc4 {
      cluster-ip 172.30.0.44
      external-ip 192.168.99.33
      port 80 name p80
      endpoint 10.180.0.4:80 10.180.0.5:80
    }
  }
  namespace ns5 {
    service svc5 {
      type load-balancer
      cluster-ip 172.30.0.45
      load-balancer-ip 5.6.7.8
      load-balancer-source-ranges 203.0.113.0/25
      port 80 name p80 node-port 3002
      endpoint 10.180.0.3:80
    }
  }
  namespace ns6 {
    service svc6 { cluster-ip 172.30.0.46; port 80 name p80 -> 80 }
  }
}
`;

describe("the rules of a node", () => {
  it("are the same as in kube-proxy's own test", () => {
    const rules = rulesOf(OVERALL, "c/n").filter((line) => line.startsWith("-A KUBE-"));
    expect(`\n${rules.join("\n")}\n`).toBe(`
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-NODEPORTS -p tcp -m comment --comment ns2/svc2:p80 -m tcp --dport 3001 -j KUBE-EXT-GNZBNJ2PO5MGZ6GT
-A KUBE-NODEPORTS -p tcp -m comment --comment ns3/svc3:p80 -m tcp --dport 3003 -j KUBE-EXT-X27LE4BHSL4DOUIK
-A KUBE-NODEPORTS -p tcp -m comment --comment ns5/svc5:p80 -m tcp --dport 3002 -j KUBE-EXT-NUKIZ6OKUXPJNT4C
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-SERVICES -d 172.30.0.41/32 -p tcp -m comment --comment "ns1/svc1:p80 cluster IP" -m tcp --dport 80 -j KUBE-SVC-XPGD46QRK7WJZT7O
-A KUBE-SERVICES -d 172.30.0.42/32 -p tcp -m comment --comment "ns2/svc2:p80 cluster IP" -m tcp --dport 80 -j KUBE-SVC-GNZBNJ2PO5MGZ6GT
-A KUBE-SERVICES -d 192.168.99.22/32 -p tcp -m comment --comment "ns2/svc2:p80 external IP" -m tcp --dport 80 -j KUBE-EXT-GNZBNJ2PO5MGZ6GT
-A KUBE-SERVICES -d 1.2.3.4/32 -p tcp -m comment --comment "ns2/svc2:p80 loadbalancer IP" -m tcp --dport 80 -j KUBE-EXT-GNZBNJ2PO5MGZ6GT
-A KUBE-SERVICES -d 172.30.0.43/32 -p tcp -m comment --comment "ns3/svc3:p80 cluster IP" -m tcp --dport 80 -j KUBE-SVC-X27LE4BHSL4DOUIK
-A KUBE-SERVICES -d 172.30.0.44/32 -p tcp -m comment --comment "ns4/svc4:p80 cluster IP" -m tcp --dport 80 -j KUBE-SVC-4SW47YFZTEDKD3PK
-A KUBE-SERVICES -d 192.168.99.33/32 -p tcp -m comment --comment "ns4/svc4:p80 external IP" -m tcp --dport 80 -j KUBE-EXT-4SW47YFZTEDKD3PK
-A KUBE-SERVICES -d 172.30.0.45/32 -p tcp -m comment --comment "ns5/svc5:p80 cluster IP" -m tcp --dport 80 -j KUBE-SVC-NUKIZ6OKUXPJNT4C
-A KUBE-SERVICES -d 5.6.7.8/32 -p tcp -m comment --comment "ns5/svc5:p80 loadbalancer IP" -m tcp --dport 80 -j KUBE-FW-NUKIZ6OKUXPJNT4C
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-A KUBE-EXT-4SW47YFZTEDKD3PK -m comment --comment "masquerade traffic for ns4/svc4:p80 external destinations" -j KUBE-MARK-MASQ
-A KUBE-EXT-4SW47YFZTEDKD3PK -j KUBE-SVC-4SW47YFZTEDKD3PK
-A KUBE-EXT-GNZBNJ2PO5MGZ6GT -s 10.0.0.0/8 -m comment --comment "pod traffic for ns2/svc2:p80 external destinations" -j KUBE-SVC-GNZBNJ2PO5MGZ6GT
-A KUBE-EXT-GNZBNJ2PO5MGZ6GT -m comment --comment "masquerade LOCAL traffic for ns2/svc2:p80 external destinations" -m addrtype --src-type LOCAL -j KUBE-MARK-MASQ
-A KUBE-EXT-GNZBNJ2PO5MGZ6GT -m comment --comment "route LOCAL traffic for ns2/svc2:p80 external destinations" -m addrtype --src-type LOCAL -j KUBE-SVC-GNZBNJ2PO5MGZ6GT
-A KUBE-EXT-NUKIZ6OKUXPJNT4C -m comment --comment "masquerade traffic for ns5/svc5:p80 external destinations" -j KUBE-MARK-MASQ
-A KUBE-EXT-NUKIZ6OKUXPJNT4C -j KUBE-SVC-NUKIZ6OKUXPJNT4C
-A KUBE-EXT-X27LE4BHSL4DOUIK -m comment --comment "masquerade traffic for ns3/svc3:p80 external destinations" -j KUBE-MARK-MASQ
-A KUBE-EXT-X27LE4BHSL4DOUIK -j KUBE-SVC-X27LE4BHSL4DOUIK
-A KUBE-FW-NUKIZ6OKUXPJNT4C -s 203.0.113.0/25 -m comment --comment "ns5/svc5:p80 loadbalancer IP" -j KUBE-EXT-NUKIZ6OKUXPJNT4C
-A KUBE-FW-NUKIZ6OKUXPJNT4C -m comment --comment "other traffic to ns5/svc5:p80 will be dropped by KUBE-PROXY-FIREWALL"
-A KUBE-SEP-C6EBXVWJJZMIWKLZ -s 10.180.0.5/32 -m comment --comment ns4/svc4:p80 -j KUBE-MARK-MASQ
-A KUBE-SEP-C6EBXVWJJZMIWKLZ -p tcp -m comment --comment ns4/svc4:p80 -m tcp -j DNAT --to-destination 10.180.0.5:80
-A KUBE-SEP-I77PXRDZVX7PMWMN -s 10.180.0.3/32 -m comment --comment ns5/svc5:p80 -j KUBE-MARK-MASQ
-A KUBE-SEP-I77PXRDZVX7PMWMN -p tcp -m comment --comment ns5/svc5:p80 -m tcp -j DNAT --to-destination 10.180.0.3:80
-A KUBE-SEP-OYPFS5VJICHGATKP -s 10.180.0.3/32 -m comment --comment ns3/svc3:p80 -j KUBE-MARK-MASQ
-A KUBE-SEP-OYPFS5VJICHGATKP -p tcp -m comment --comment ns3/svc3:p80 -m tcp -j DNAT --to-destination 10.180.0.3:80
-A KUBE-SEP-RS4RBKLTHTF2IUXJ -s 10.180.0.2/32 -m comment --comment ns2/svc2:p80 -j KUBE-MARK-MASQ
-A KUBE-SEP-RS4RBKLTHTF2IUXJ -p tcp -m comment --comment ns2/svc2:p80 -m tcp -j DNAT --to-destination 10.180.0.2:80
-A KUBE-SEP-SXIVWICOYRO3J4NJ -s 10.180.0.1/32 -m comment --comment ns1/svc1:p80 -j KUBE-MARK-MASQ
-A KUBE-SEP-SXIVWICOYRO3J4NJ -p tcp -m comment --comment ns1/svc1:p80 -m tcp -j DNAT --to-destination 10.180.0.1:80
-A KUBE-SEP-UKSFD7AGPMPPLUHC -s 10.180.0.4/32 -m comment --comment ns4/svc4:p80 -j KUBE-MARK-MASQ
-A KUBE-SEP-UKSFD7AGPMPPLUHC -p tcp -m comment --comment ns4/svc4:p80 -m tcp -j DNAT --to-destination 10.180.0.4:80
-A KUBE-SVC-4SW47YFZTEDKD3PK ! -s 10.0.0.0/8 -d 172.30.0.44/32 -p tcp -m comment --comment "ns4/svc4:p80 cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ
-A KUBE-SVC-4SW47YFZTEDKD3PK -m comment --comment "ns4/svc4:p80 -> 10.180.0.4:80" -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-UKSFD7AGPMPPLUHC
-A KUBE-SVC-4SW47YFZTEDKD3PK -m comment --comment "ns4/svc4:p80 -> 10.180.0.5:80" -j KUBE-SEP-C6EBXVWJJZMIWKLZ
-A KUBE-SVC-GNZBNJ2PO5MGZ6GT ! -s 10.0.0.0/8 -d 172.30.0.42/32 -p tcp -m comment --comment "ns2/svc2:p80 cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ
-A KUBE-SVC-GNZBNJ2PO5MGZ6GT -m comment --comment "ns2/svc2:p80 -> 10.180.0.2:80" -j KUBE-SEP-RS4RBKLTHTF2IUXJ
-A KUBE-SVC-NUKIZ6OKUXPJNT4C ! -s 10.0.0.0/8 -d 172.30.0.45/32 -p tcp -m comment --comment "ns5/svc5:p80 cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ
-A KUBE-SVC-NUKIZ6OKUXPJNT4C -m comment --comment "ns5/svc5:p80 -> 10.180.0.3:80" -j KUBE-SEP-I77PXRDZVX7PMWMN
-A KUBE-SVC-X27LE4BHSL4DOUIK ! -s 10.0.0.0/8 -d 172.30.0.43/32 -p tcp -m comment --comment "ns3/svc3:p80 cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ
-A KUBE-SVC-X27LE4BHSL4DOUIK -m comment --comment "ns3/svc3:p80 -> 10.180.0.3:80" -j KUBE-SEP-OYPFS5VJICHGATKP
-A KUBE-SVC-XPGD46QRK7WJZT7O ! -s 10.0.0.0/8 -d 172.30.0.41/32 -p tcp -m comment --comment "ns1/svc1:p80 cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ
-A KUBE-SVC-XPGD46QRK7WJZT7O -m comment --comment "ns1/svc1:p80 -> 10.180.0.1:80" -j KUBE-SEP-SXIVWICOYRO3J4NJ
-A KUBE-EXTERNAL-SERVICES -d 192.168.99.22/32 -p tcp -m comment --comment "ns2/svc2:p80 has no local endpoints" -m tcp --dport 80 -j DROP
-A KUBE-EXTERNAL-SERVICES -d 1.2.3.4/32 -p tcp -m comment --comment "ns2/svc2:p80 has no local endpoints" -m tcp --dport 80 -j DROP
-A KUBE-EXTERNAL-SERVICES -p tcp -m comment --comment "ns2/svc2:p80 has no local endpoints" -m addrtype --dst-type LOCAL -m tcp --dport 3001 -j DROP
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A KUBE-NODEPORTS -p tcp -m comment --comment "ns2/svc2:p80 health check node port" -m tcp --dport 30000 -j ACCEPT
-A KUBE-PROXY-FIREWALL -d 5.6.7.8/32 -p tcp -m comment --comment "ns5/svc5:p80 traffic not accepted by KUBE-FW-NUKIZ6OKUXPJNT4C" -m tcp --dport 80 -j DROP
-A KUBE-SERVICES -d 172.30.0.46/32 -p tcp -m comment --comment "ns6/svc6:p80 has no endpoints" -m tcp --dport 80 -j REJECT --reject-with icmp-port-unreachable
`);
  });

  const small = (service: string, proxy = "kube-proxy iptables"): string => `segment lan { cidr 192.168.0.0/24 }
cluster c {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni none
  ${proxy}
  node n { attach lan 192.168.0.11 }
  service s { cluster-ip 10.96.0.9; ${service}; endpoint 10.9.0.1 10.9.0.2 }
}
`;
  const matching = (text: string, pattern: RegExp): readonly string[] =>
    rulesOf(text, "c/n").filter((line) => pattern.test(line));

  it("record clients, for session affinity", () => {
    expect(matching(small("port 53/udp; session-affinity client-ip timeout 60"), /recent/)).toEqual([
      expect.stringMatching(
        /^-A KUBE-SEP-\w+ -p udp .* -m recent --set --name (KUBE-SEP-\w+) --mask 255.255.255.255 --rsource -m udp -j DNAT --to-destination 10.9.0.1:53$/,
      ),
      expect.stringMatching(/--to-destination 10.9.0.2:53$/),
      expect.stringMatching(
        /-m recent --rcheck --seconds 60 --reap --name KUBE-SEP-\w+ --mask 255.255.255.255 --rsource -j KUBE-SEP-\w+$/,
      ),
      expect.stringMatching(/-m recent --rcheck --seconds 60 --reap/),
    ]);
  });

  it("depend on kube-proxy's settings", () => {
    const node = "port 80; type node-port";
    expect(
      matching(small("port 80", "kube-proxy iptables { masquerade-all; masquerade-bit 15 }"), /^-A.*(MASQ|0x)/),
    ).toEqual([
      "-A KUBE-MARK-MASQ -j MARK --set-xmark 0x8000/0x8000",
      "-A KUBE-POSTROUTING -m mark ! --mark 0x8000/0x8000 -j RETURN",
      "-A KUBE-POSTROUTING -j MARK --set-xmark 0x8000/0x0",
      expect.stringContaining("MASQUERADE"),
      expect.stringMatching(/KUBE-SEP-\w+ -s 10.9.0.2\/32/),
      expect.stringMatching(/KUBE-SEP-\w+ -s 10.9.0.1\/32/),
      expect.stringMatching(/^-A KUBE-SVC-\w+ -d 10.96.0.9\/32 -p tcp .*-j KUBE-MARK-MASQ$/),
      expect.stringContaining("0x8000/0x8000 -j ACCEPT"),
    ]);
    const last = /NOTE: this must be the last rule/;
    expect(matching(small(node, "kube-proxy iptables { localhost-node-ports false }"), last)).toEqual([
      '-A KUBE-SERVICES ! -d 127.0.0.0/8 -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS',
    ]);
    expect(matching(small(node, "kube-proxy iptables { node-port-addresses primary }"), last)).toEqual([
      '-A KUBE-SERVICES -d 192.168.0.11/32 -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -j KUBE-NODEPORTS',
    ]);
    expect(matching(small("port 80", "kube-proxy iptables { detect-local bridge-interface cni0 }"), /! -i/)).toEqual([
      expect.stringContaining("! -i cni0"),
    ]);
    expect(matching(small("port 80", "kube-proxy none"), /KUBE/)).toEqual([]);
  });

  it("are called from the built-in chains in the order of iptables-save", () => {
    expect(rulesOf(small("port 80"), "c/n").filter((line) => /^-A (INPUT|FORWARD|OUTPUT|P)/.test(line))).toEqual([
      '-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
      '-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
      '-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING',
      "-A INPUT -j KUBE-FIREWALL",
      '-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL',
      '-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS',
      '-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES',
      '-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL',
      '-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD',
      '-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
      '-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes externally-visible service portals" -j KUBE-EXTERNAL-SERVICES',
      "-A OUTPUT -j KUBE-FIREWALL",
      '-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL',
      '-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES',
    ]);
  });
});
