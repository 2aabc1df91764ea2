/** Policies that the API rejects or that cannot do what they say. */
import { describe, expect, it } from "vitest";
import { printRules } from "../../../server/src/dataplane/rules.ts";
import { policyMatrix } from "../../../server/src/kubernetes/matrix/matrix.ts";
import { portsText } from "../../../server/src/kubernetes/policy/ports.ts";
import { check, serious, shown, world } from "../checks/harness.ts";

const shop = (cluster: string, inShop = ""): string => `segment lan { cidr 192.0.2.0/24; gateway 192.0.2.1 }
router r { attach lan 192.0.2.1 }
cluster c {
  pods 10.244.0.0/16
  cni calico { pool p 10.244.0.0/16 }
  node n1 { attach lan }
  namespace kube-system { pod dns { labels k8s-app=kube-dns; listen 53/udp 53/tcp } }
  namespace shop {
    labels team=shop
    pod web { labels app=web; listen 80/tcp as http }
    pod api { labels app=api; listen 90/tcp as http }
    ${inShop}
  }
  ${cluster}
}
`;

const found = (text: string): readonly string[] => serious(check(text)).map(shown);

/** The ports that the policies leave open between two workloads. */
function allowed(text: string, from: string, to: string): readonly string[] {
  const answer = policyMatrix(world(text).topology, { from, to, byPod: false });
  if (!answer.ok) throw new Error(answer.error);
  return [...answer.pairs].map(({ ports }) => portsText(ports));
}

describe("a port name in an admin policy", () => {
  const named = (port: string): string =>
    shop(
      `admin-policy a {
    priority 30
    subject app=web
    egress allow { to namespaces *; port ${port} }
    egress deny to namespaces *
  }`,
      "pod dns { labels app=dns; listen 53/udp as dns; listen 54/tcp as dns; listen 55/tcp }",
    );

  it("matches the port of any protocol", () => {
    expect(allowed(named("dns"), "shop/web", "shop/dns")).toEqual(["tcp 54; udp 53"]);
    expect(allowed(named("dns/udp"), "shop/web", "shop/dns")).toEqual(["tcp 54; udp 53"]);
  });

  it("is enforced by Felix for each protocol", () => {
    const netns = world(named("dns")).network.netns("c/n1");
    if (!netns) throw new Error("no node");
    const rules = printRules(netns).match(/^-A cali-po-.* dst,dst .*$/gm) ?? [];
    expect(rules.map((rule) => /-p (\w+)/.exec(rule)?.[1])).toEqual(["tcp", "udp", "sctp"]);
  });

  it("has a protocol in a NetworkPolicy: TCP by default", () => {
    const policy = (port: string): string =>
      shop(
        "",
        `pod dns { labels app=dns; listen 53/udp as dns }
    policy p { select app=dns; ingress from app=web to ${port} }`,
      );
    expect(allowed(policy("dns"), "shop/web", "shop/dns")).toEqual([]);
    expect(allowed(policy("dns/udp"), "shop/web", "shop/dns")).toEqual(["udp 53"]);
  });
});

describe("a peer without a selector", () => {
  const error =
    "`from` without a selector is an empty peer: kube-apiserver rejects the policy; add a selector or a prefix";

  it("is an error in a NetworkPolicy, and allows nothing", () => {
    const text = shop("", "policy p { select app=web; ingress { from; to 80 } }");
    expect(found(text)).toEqual([`KN615 error line 12: ${error}`]);
    expect(allowed(text, "shop/api", "shop/web")).toEqual([]);
  });

  it("is an error in an admin policy", () => {
    expect(found(shop("admin-policy a { priority 1; subject app=web; ingress allow { from; to 80 } }"))).toEqual([
      `KN615 error line 14: ${error}`,
    ]);
  });

  it("is an error also beside other peers, and for egress", () => {
    const egress = error.replace("from", "to");
    expect(
      found(shop("", "policy p { select app=web; types egress; egress { to app=api; to; port 90 53/udp } }")),
    ).toEqual([`KN615 error line 12: ${egress}`]);
  });

  it("matches everything in a Calico policy", () => {
    expect(found(shop("calico-policy p { select app=web; ingress allow { from; to 80 } }"))).toEqual([]);
  });
});

describe("a rule without a peer", () => {
  it("is an error in admin policies", () => {
    expect(found(shop("admin-policy a { priority 1; subject namespaces *; ingress deny }"))).toEqual([
      "KN616 error line 14: this ingress rule has no peer: kube-apiserver rejects an admin policy whose rule has no `from`; name the peers",
    ]);
    expect(found(shop("baseline-admin-policy a { subject namespaces *; egress deny { port 80 } }"))).toEqual([
      "KN616 error line 14: this egress rule has no peer: kube-apiserver rejects an admin policy whose rule has no `to`; name the peers",
    ]);
  });

  it("applies to all peers in a NetworkPolicy and in a Calico policy", () => {
    expect(found(shop("calico-policy p { select app=web; ingress deny }"))).toEqual([]);
    expect(found(shop("", "policy p { select app=web; ingress to 80 }"))).toEqual([]);
  });
});

describe("addresses in an ingress rule of an admin policy", () => {
  const inIngress = (peer: string): readonly string[] =>
    found(shop(`admin-policy a { priority 1; subject namespaces *; ingress deny from ${peer} }`));

  it("are an error", () => {
    for (const [peer, keyword] of [
      ["cidr 10.0.0.0/8", "cidr"],
      ["nodes *", "nodes"],
      ["any", "any"],
    ] as const) {
      expect(inIngress(peer)).toEqual([
        `KN617 error line 14: admin policies cannot use \`${keyword}\` in ingress rules: their ingress peers are pods only, so kube-apiserver rejects the policy`,
      ]);
    }
  });

  it("are peers of egress rules, and of Calico policies", () => {
    expect(
      found(shop("admin-policy a { priority 1; subject namespaces *; egress deny to cidr 203.0.113.0/24 }")),
    ).toEqual([]);
    expect(found(shop("calico-policy p { select app=web; ingress deny from cidr 203.0.113.0/24 }"))).toEqual([]);
  });
});

describe("a port name for addresses", () => {
  const egress = (rule: string): readonly string[] =>
    found(shop("", `policy p { select app=web; types egress; egress ${rule}; egress to any port 53/udp }`));

  it("never matches", () => {
    expect(egress("to cidr 203.0.113.0/24 port http")).toEqual([
      "KN618 warning line 12: port name `http` in policy `shop/p` never matches: only pods have named ports, not the addresses of 203.0.113.0/24; use the port number",
    ]);
    expect(found(shop("admin-policy a { priority 1; subject app=web; egress deny to nodes * port http }"))).toEqual([
      "KN618 warning line 14: port name `http` in admin-policy `a` never matches: only pods have named ports, not nodes; use the port number",
    ]);
  });

  it("can match pods", () => {
    expect(egress("{ to cidr 203.0.113.0/24; to app=api; port http }")).toEqual([]);
    expect(egress("to cidr 0.0.0.0/0 port http")).toEqual([]);
  });
});

describe("admin policies with equal priority", () => {
  const pair = (a: string, b: string): readonly string[] =>
    found(
      shop(`admin-policy a { priority 5; subject namespaces *; ${a} }
  admin-policy b { priority 5; subject app=web; ${b} }`),
    );

  it("are reported if both can match a connection with different actions", () => {
    expect(pair("ingress deny from namespaces *", "ingress allow from app=api")).toEqual([
      "KN619 warning line 15: admin-policy `b` has priority 5, like admin-policy `a`: it is undefined whether `ingress allow from app=api namespaces *` or `ingress deny from namespaces *` applies",
    ]);
    expect(pair("egress deny to cidr 0.0.0.0/0", "egress allow to cidr 203.0.113.0/24")).toHaveLength(1);
    expect(pair("egress deny to cidr 10.244.0.0/16", "egress allow to app=api port 90")).toHaveLength(1);
  });

  it("are sound if no connection matches both", () => {
    expect(pair("ingress deny from namespaces *", "ingress deny from app=api")).toEqual([]);
    expect(pair("ingress deny from app=web", "ingress allow from app=api")).toEqual([]);
    expect(pair("ingress deny from namespaces * to 81", "ingress allow from app=api to 80")).toEqual([]);
    expect(pair("ingress deny from namespaces *", "egress allow to app=api")).toEqual([]);
    expect(
      found(
        shop(`admin-policy a { priority 5; subject namespaces *; ingress deny from namespaces * }
  baseline-admin-policy b { priority 5; subject namespaces *; ingress allow from namespaces * }`),
      ),
    ).toEqual([]);
  });
});

describe("a peer in a namespace without declared pods", () => {
  const bare = (rest: string): readonly string[] =>
    check(`segment lan { cidr 10.15.0.0/24; gateway 10.15.0.1 }
router r { attach lan 10.15.0.1 }
cluster k {
  pods 10.244.0.0/16
  cni kindnet
  node n1 { attach lan 10.15.0.11 }
  ${rest}
}
`)
      .filter(({ code }) => code === "KN604")
      .map(shown);

  it("is silent for kube-system, which every cluster has", () => {
    for (const peer of [
      "k8s-app=kube-dns namespaces kubernetes.io/metadata.name=kube-system",
      "k8s-app=kube-dns namespace kube-system",
      "namespace kube-system",
    ]) {
      expect(bare(`pod web; policy dns { types egress; egress to ${peer} port 53/udp }`)).toEqual([]);
    }
  });

  it("names the namespaces that have no pods", () => {
    expect(bare("baseline-admin-policy p { subject namespaces *; ingress deny from namespaces * }")).toEqual([
      "KN604 info line 7: `namespaces *` in baseline-admin-policy `p` matches no pods: no namespace has pods",
    ]);
    expect(bare("namespace a { pod web; policy p { ingress from namespace default } }")).toEqual([
      "KN604 info line 7: `namespace default` in policy `a/p` matches no pods: no pods exist in namespace `default`",
    ]);
    expect(
      bare("pod web; policy p { types egress; egress to namespaces kubernetes.io/metadata.name=kube-sytem }"),
    ).toEqual([
      "KN604 warning line 7: `namespace kube-sytem` in policy `default/p` matches no pods: no namespace matches this selector; fix the selector, or label the namespace",
    ]);
  });
});

describe("an ipBlock for the clients of a node port (KN608)", () => {
  const exposed = (settings: string, nodes: string): string => `segment lan { cidr 10.20.0.0/24; gateway gw }
segment out { cidr 172.20.0.0/24; gateway gw }
router gw { attach lan 10.20.0.1; attach out 172.20.0.1 }
host client { attach out 172.20.0.9 }
cluster k {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  ${settings}
  node n1 { attach lan 10.20.0.11 }
  ${nodes}
  pod web on n1 { labels app=web; listen 80/tcp }
  service web { select app=web; type node-port; port 80 node-port 30080 }
  policy web { select app=web; ingress from cidr 172.20.0.0/16 to 80/tcp }
}
expect client -> n1:30080 reachable
`;
  const two = "node n2 { attach lan 10.20.0.12 }";
  // Policies are evaluated before POSTROUTING replaces the source: the pod's own node sees the client, others do not.
  const engines = ["calico", "kindnet", "flannel { backend vxlan }; network-policy kube-router"];
  const settings = engines.flatMap((cni) =>
    ["iptables", "ipvs", "nftables"].map((mode) => `cni ${cni}; kube-proxy ${mode}`),
  );

  it.each(settings)("matches them on the pod's own node only: %s", (one) => {
    expect(found(`${exposed(one, two)}expect client -> n2:30080 blocked\n`)).toEqual([
      "KN608 warning line 13: `cidr 172.20.0.0/16` in policy `default/web` matches clients of service `default/web` only on the pod's own node: other nodes replace their address; allow the node addresses",
    ]);
  });

  it.each(settings)("matches them if the cluster has one node: %s", (one) => {
    expect(found(exposed(one, ""))).toEqual([]);
  });
});
