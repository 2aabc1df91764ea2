/**
 * Policies with kube-proxy's ipvs mode, and the order of the hooks around IPVS. The topologies were compared on Linux 6.1
 * (`knet lab --run --kernel uml`), except the queue of kube-network-policies.
 */
import { describe, expect, it } from "vitest";
import { printRules } from "../../../server/src/dataplane/rules.ts";
import { ask } from "../../../server/src/trace/trace.ts";
import { check, shown, world } from "../checks/harness.ts";

interface Parts {
  readonly cni: string;
  readonly engine?: string;
  readonly policies?: string;
  readonly expects?: string;
}

const cluster = ({ cni, engine = "", policies = "", expects = "" }: Parts): string => `
segment lan { cidr 10.250.0.0/16; gateway gw }
segment out { cidr 172.30.0.0/24; gateway gw }
router gw { attach lan 10.250.0.1; attach out 172.30.0.1 }
host client { attach out 172.30.0.9 }
cluster c {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni ${cni}
  ${engine}
  kube-proxy ipvs
  node n1 { attach lan 10.250.0.11 }
  node n2 { attach lan 10.250.0.12 }
  pod app on n1 { labels app=api }
  pod other on n1
  pod db on n1 { labels app=db; listen 5432/tcp }
  pod dns on n2 { labels app=dns; listen 53/udp 53/tcp }
  deployment agent replicas 1 { host-network; labels app=agent; listen 9000/tcp }
  service dns { select app=dns; cluster-ip 10.96.0.10; port 53/udp name udp; port 53/tcp name tcp }
  service db { select app=db; type node-port; cluster-ip 10.96.0.11; port 5432 node-port 30543 }
  service agent { select app=agent; cluster-ip 10.96.0.12; port 80 -> 9000 }
  ${policies}
}
${expects}
`;

const CALICO = "calico { pool p 10.244.0.0/16 { ipip always; nat-outgoing true } }";
const ENGINES: readonly (readonly [string, Pick<Parts, "cni" | "engine">])[] = [
  ["Calico", { cni: CALICO }],
  ["Calico with VXLAN", { cni: "calico { pool p 10.244.0.0/16 { vxlan always } }" }],
  ["Canal", { cni: "flannel { backend vxlan }", engine: "network-policy calico" }],
  ["kindnet", { cni: "kindnet" }],
  ["kube-network-policies with flannel", { cni: "flannel { backend vxlan }", engine: "network-policy kindnet" }],
];

const found = (text: string): readonly string[] =>
  check(text)
    .map(shown)
    .filter((one) => one.startsWith("KN70"));

function verdictOf(text: string, from: string, to: string, more: { port?: number; size?: number; df?: boolean } = {}) {
  const { topology, network } = world(text);
  const answer = ask({ topology, network, locate: () => undefined }, { from, to, ...more });
  if (!answer.ok) throw new Error(answer.error);
  const [path] = answer.trace.paths;
  return { verdict: answer.trace.verdict, answered: answer.trace.answered, reason: path?.reason, error: path?.error };
}

describe.each(ENGINES)("policies of %s with IPVS", (_, parts) => {
  it("allow the egress to the pods of a service, not to its address", () => {
    const policies = `policy allow-dns { select app=api; types egress; egress to app=dns port 53/udp }`;
    const expects = `expect app -> dns:53/udp reachable
expect app -> dns:53/tcp blocked
expect app -> db:5432 blocked
expect other -> db:5432 reachable`;
    expect(found(cluster({ ...parts, policies, expects }))).toEqual([]);
  });

  it("restrict the ingress of a pod behind a service on the same node", () => {
    const policies = "policy closed { select app=db; types ingress; ingress from app=api to 5432 }";
    const expects = `expect app -> db:5432 reachable
expect other -> db:5432 blocked
expect dns -> db:5432 blocked
expect client -> n1:30543 blocked`;
    expect(found(cluster({ ...parts, policies, expects }))).toEqual([]);
  });

  it("do not touch services of pods on the host network", () => {
    expect(
      found(
        cluster({
          ...parts,
          policies: "policy p { select app=db; types ingress }",
          expects: "expect app -> agent:80 reachable\nexpect n2 -> agent:80 reachable",
        }),
      ),
    ).toEqual([]);
  });
});

describe("Felix with IPVS", () => {
  const rules = (parts: Pick<Parts, "cni" | "engine">): readonly string[] => {
    const netns = world(cluster({ ...parts, policies: "policy p { select app=db }" })).network.netns("c/n1");
    if (!netns) throw new Error("no node");
    return printRules(netns)
      .split("\n")
      .filter((line) => /^-A cali-(INPUT|OUTPUT|forward-check|forward-endpoint-mark|set-endpoint-mark)/.test(line));
  };

  it("marks packets in INPUT and dispatches them in OUTPUT", () => {
    expect(rules({ cni: CALICO })).toMatchInlineSnapshot(`
      [
        "-A cali-OUTPUT -j MARK --set-xmark 0x0/0xf0000",
        "-A cali-INPUT -p ipencap -m set --match-set cali40all-hosts-net src -m addrtype --dst-type LOCAL -m comment --comment "Allow IPIP packets from Calico hosts" -j ACCEPT",
        "-A cali-INPUT -p ipencap -m comment --comment "Drop IPIP packets from non-Calico hosts" -j DROP",
        "-A cali-INPUT -j MARK --set-xmark 0x0/0xfff00000",
        "-A cali-INPUT -j cali-forward-check",
        "-A cali-INPUT -m mark ! --mark 0x0/0xfff00000 -j RETURN",
        "-A cali-INPUT -i cali+ -g cali-wl-to-host",
        "-A cali-INPUT -m mark --mark 0x10000/0x10000 -j ACCEPT",
        "-A cali-OUTPUT -m mark --mark 0x10000/0x10000 -j ACCEPT",
        "-A cali-OUTPUT -m mark ! --mark 0x0/0xfff00000 -g cali-forward-endpoint-mark",
        "-A cali-OUTPUT -o cali+ -j RETURN",
        "-A cali-OUTPUT -p ipencap -m set --match-set cali40all-hosts-net dst -m addrtype --src-type LOCAL -m comment --comment "Allow IPIP packets to other Calico hosts" -j ACCEPT",
        "-A cali-forward-check -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
        "-A cali-forward-check -p tcp -m multiport --dports 30000:32767 -m set --match-set cali40this-host dst -m comment --comment "To kubernetes NodePort service" -g cali-set-endpoint-mark",
        "-A cali-forward-check -p udp -m multiport --dports 30000:32767 -m set --match-set cali40this-host dst -m comment --comment "To kubernetes NodePort service" -g cali-set-endpoint-mark",
        "-A cali-forward-check -m set ! --match-set cali40this-host dst -m comment --comment "To kubernetes service" -j cali-set-endpoint-mark",
        "-A cali-set-endpoint-mark -i cali49572939ba5 -g cali-sm-cali49572939ba5",
        "-A cali-set-endpoint-mark -i cali3669f903edc -g cali-sm-cali3669f903edc",
        "-A cali-set-endpoint-mark -i calic6dfb666363 -g cali-sm-calic6dfb666363",
        "-A cali-set-endpoint-mark -i cali+ -m comment --comment "Unknown endpoint" -j DROP",
        "-A cali-set-endpoint-mark -m comment --comment "Non-Cali endpoint mark" -j MARK --set-xmark 0x100000/0xfff00000",
        "-A cali-forward-endpoint-mark -m mark ! --mark 0x100000/0xfff00000 -j cali-from-endpoint-mark",
        "-A cali-forward-endpoint-mark -o cali+ -j cali-to-wl-dispatch",
        "-A cali-forward-endpoint-mark -j MARK --set-xmark 0x0/0xfff00000",
        "-A cali-forward-endpoint-mark -m mark --mark 0x10000/0x10000 -m comment --comment "Policy explicitly accepted packet." -j ACCEPT",
      ]
    `);
  });

  it("recognizes the pods of Canal by their address", () => {
    expect(rules({ cni: "flannel { backend vxlan }", engine: "network-policy calico" })).toMatchInlineSnapshot(`
      [
        "-A cali-OUTPUT -m mark --mark 0x10000/0x10000 -j ACCEPT",
        "-A cali-OUTPUT -m mark ! --mark 0x0/0xfff00000 -g cali-forward-endpoint-mark",
        "-A cali-forward-check -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN",
        "-A cali-forward-check -p tcp -m multiport --dports 30000:32767 -m set --match-set cali40this-host dst -m comment --comment "To kubernetes NodePort service" -g cali-set-endpoint-mark",
        "-A cali-forward-check -p udp -m multiport --dports 30000:32767 -m set --match-set cali40this-host dst -m comment --comment "To kubernetes NodePort service" -g cali-set-endpoint-mark",
        "-A cali-forward-check -m set ! --match-set cali40this-host dst -m comment --comment "To kubernetes service" -j cali-set-endpoint-mark",
        "-A cali-set-endpoint-mark -s 10.244.0.2/32 -g cali-sm-calif26ec611541",
        "-A cali-set-endpoint-mark -s 10.244.0.3/32 -g cali-sm-calia2d718f2e85",
        "-A cali-set-endpoint-mark -s 10.244.0.4/32 -g cali-sm-cali836e3f0dc11",
        "-A cali-set-endpoint-mark -m comment --comment "Non-Cali endpoint mark" -j MARK --set-xmark 0x100000/0xfff00000",
        "-A cali-forward-endpoint-mark -m mark ! --mark 0x100000/0xfff00000 -j cali-from-endpoint-mark",
        "-A cali-forward-endpoint-mark -j cali-to-wl-dispatch",
        "-A cali-forward-endpoint-mark -j MARK --set-xmark 0x0/0xfff00000",
        "-A cali-forward-endpoint-mark -m mark --mark 0x10000/0x10000 -m comment --comment "Policy explicitly accepted packet." -j ACCEPT",
        "-A cali-INPUT -j MARK --set-xmark 0x0/0xfff00000",
        "-A cali-INPUT -j cali-forward-check",
        "-A cali-INPUT -m mark ! --mark 0x0/0xfff00000 -j RETURN",
        "-A cali-INPUT -j cali-from-wl-dispatch",
      ]
    `);
  });

  it("has no such chains with other modes", () => {
    const text = cluster({ cni: CALICO }).replace("kube-proxy ipvs", "");
    const netns = world(text).network.netns("c/n1");
    expect(netns && printRules(netns)).not.toContain("endpoint-mark");
  });
});

describe("IPVS", () => {
  const plain = cluster({ cni: "flannel { backend vxlan }" });

  it("rejects packets with DF that exceed the MTU of the tunnel", () => {
    const remote = plain.replace("pod db on n1", "pod db on n2");
    const sent = verdictOf(remote, "client", "n1", { port: 30543, size: 1500, df: true });
    expect(sent).toMatchObject({ verdict: "dropped", error: { kind: "icmp", from: "10.250.0.11", mtu: 1450 } });
    expect(verdictOf(remote, "client", "n1", { port: 30543, size: 1450, df: true })).toMatchObject({ answered: true });
  });

  it("shows a drop in OUTPUT to no socket of the sender", () => {
    const closed = cluster({ cni: CALICO, policies: "policy p { select app=db; types ingress }" });
    expect(verdictOf(closed, "app", "db", { port: 5432 })).toMatchObject({ verdict: "dropped", error: undefined });
  });
});
