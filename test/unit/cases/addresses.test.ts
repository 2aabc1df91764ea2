/** Address plans that a Kubernetes component rejects, and messages about who is affected. */
import { describe, expect, it } from "vitest";
import { check, shown } from "../checks/harness.ts";

const plan = (inside: string): string => `segment lan { cidr 172.30.0.0/16; gateway 172.30.0.1 }
router r { attach lan 172.30.0.1 }
cluster c {
  ${inside}
  cni flannel { backend vxlan }
  node n1 { attach lan }
  pod web { labels app=web; listen 80/tcp }
}
`;

describe("two ranges of one address family", () => {
  it("for pods", () => {
    expect(check(plan("pods 10.244.0.0/16\n  pods 10.245.0.0/16")).map(shown)).toEqual([
      "KN143 error line 5: cluster `c` has two IPv4 pod CIDRs, 10.244.0.0/16 and 10.245.0.0/16: kube-controller-manager rejects two ranges of one address family",
    ]);
  });

  it("for services, whose addresses are in both", () => {
    const services = `pods 10.244.0.0/16
  services 10.96.0.0/12
  services 192.168.0.0/16
  service a { select app=web; port 80; cluster-ip 192.168.0.5 }
  service b { select app=web; port 80; cluster-ip 10.96.0.5 }`;
    expect(check(plan(services)).map(shown)).toEqual([
      "KN143 error line 6: cluster `c` has two IPv4 service CIDRs, 10.96.0.0/12 and 192.168.0.0/16: kube-apiserver rejects two ranges of one address family",
    ]);
  });

  it("is reported for each range after the first, of either family", () => {
    const six = `segment lan { cidr fd00:1::/64 172.30.0.0/16; gateway 172.30.0.1 fd00:1::1 }
router r { attach lan 172.30.0.1 fd00:1::1 }
cluster c {
  pods 10.244.0.0/16
  pods fd00:244::/56
  pods fd00:245::/56
  pods fd00:246::/56
  cni flannel { backend vxlan }
  node n1 { attach lan }
}
`;
    expect(
      check(six)
        .filter(({ code }) => code === "KN143")
        .map(({ line }) => line),
    ).toEqual([6, 7]);
  });

  it("is not reported for dual stack", () => {
    expect(check(plan("pods 10.244.0.0/16")).map(shown)).toEqual([]);
  });
});

const calico = (settings: string): string => `segment lan { cidr 10.20.0.0/24; gateway gw }
router gw { attach lan 10.20.0.1 }
cluster k {
  cni calico { ${settings} }
  node n1 { attach lan; labels zone=a }
  node n2 { attach lan }
  pod a on n1
  pod b on n2
}
`;

describe("nodes without a pod CIDR", () => {
  it("does not require `pods` if Calico's pool is exhausted", () => {
    expect(
      check(calico("strict-affinity true; pool p 10.42.0.0/26 { vxlan always }")).map(({ code, line }) => [code, line]),
    ).toEqual([["KN423", 4]]);
  });

  it("does not require `pods` if no pool selects the node", () => {
    const found = check(calico("pool p 10.42.0.0/16 { vxlan always; node-selector zone=a }"));
    expect(found.map(({ code }) => code)).not.toContain("KN011");
    expect(found.map(({ code }) => code)).toContain("KN422");
  });

  it("requires `pods` if the plugin has no range", () => {
    const text = calico("pool p 10.42.0.0/16").replace("calico { pool p 10.42.0.0/16 }", "flannel { backend vxlan }");
    expect(check(text).map(({ code }) => code)).toContain("KN011");
  });

  it("counts the node pod CIDRs that the service CIDR takes", () => {
    const swallowed = (services: string, nodes: string): readonly string[] =>
      check(`segment lan { cidr 10.20.0.0/24; gateway gw }
router gw { attach lan 10.20.0.1 }
cluster k {
  pods 10.111.0.0/20
  services ${services}
  cni flannel { backend vxlan }
  ${nodes}
}
`)
        .filter(({ code }) => code === "KN401")
        .map(({ finding }) => finding.message);
    expect(swallowed("10.96.0.0/12", "node n1 { attach lan }")).toEqual([
      "node `k/n1` cannot be assigned a pod CIDR: 10.111.0.0/20 contains 16 node pod CIDRs (/24 each; all overlap the service CIDR)",
    ]);
    expect(
      swallowed("10.111.8.0/21", "node z { attach lan; pod-cidr 10.111.7.0/24 }; nodes n 1..8 { attach lan }"),
    ).toEqual([
      "node `k/n8` cannot be assigned a pod CIDR: 10.111.0.0/20 contains 16 node pod CIDRs (/24 each; 8 overlap the service CIDR and 1 is set with `pod-cidr`)",
    ]);
    expect(swallowed("10.96.0.0/16", "nodes n 1..17 { attach lan }")).toEqual([
      "node `k/n17` cannot be assigned a pod CIDR: 10.111.0.0/20 contains only 16 node pod CIDRs (/24 each)",
    ]);
  });
});

describe("machines in the pod CIDR", () => {
  const vpc = (nodes: string): readonly string[] =>
    check(`segment vpc { cidr 172.31.0.0/16; gateway r }
router r { attach vpc 172.31.255.1 }
cluster k {
  pods 172.31.0.0/16 per-node /24
  cni flannel { backend vxlan }
  ${nodes}
}
`)
      .filter(({ code }) => code === "KN102")
      .map(({ finding }) => finding.message.replace(/^.*? addresses: |; \S+ is free$/g, ""));

  it("names only the node inside an allocated block, the block, and its owner", () => {
    expect(vpc("node cp { attach vpc 172.31.44.10 }; node w1 { attach vpc 172.31.0.7 }")).toEqual([
      "packets to node `k/w1` (172.31.0.7) follow the route to pod CIDR 172.31.0.0/24 of node `k/cp`",
    ]);
  });

  it("names all nodes inside allocated blocks", () => {
    expect(vpc("node cp { attach vpc 172.31.1.10 }; node w1 { attach vpc 172.31.0.7 }")).toEqual([
      "packets to nodes `k/cp` and `k/w1` follow pod routes, such as the route to 172.31.1.0/24 of node `k/w1` for 172.31.1.10",
    ]);
  });

  it("names the router if no node is inside", () => {
    const text = vpc("node cp { attach vpc 172.31.44.10; pod-cidr 172.31.255.0/24 }");
    expect(text).toEqual([
      "packets to router `r` (172.31.255.1) follow the route to pod CIDR 172.31.255.0/24 of node `k/cp`",
    ]);
  });

  it("states the condition if no block contains a machine", () => {
    expect(vpc("node cp { attach vpc 172.31.44.10 }")).toEqual([
      "packets to node `k/cp` are lost as soon as a node is assigned a pod CIDR that contains the address",
    ]);
  });
});
