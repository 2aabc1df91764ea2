/** Sound designs without findings: an engineer who receives two false warnings turns the tool off. */
import { describe, expect, it } from "vitest";
import { formatIp, formatPrefix } from "../../../server/src/addressing/ip.ts";
import { check, shown, world } from "../checks/harness.ts";

const codes = (text: string): readonly string[] => check(text).map(shown);

describe("a BGP address on the loopback device", () => {
  const metal = (pool: string): string => `segment lan { cidr 10.64.1.0/24; gateway tor }
router tor {
  attach lan 10.64.1.1
  route 172.31.10.1/32 via 10.64.1.11
  route 172.31.10.2/32 via 10.64.1.12
}
cluster metal {
  pods 10.244.0.0/16
  cni calico { ${pool} }
  node n1 { attach lan 10.64.1.11; loopback 172.31.10.1; cni calico { bgp-address 172.31.10.1 } }
  node n2 { attach lan 10.64.1.12; loopback 172.31.10.2; cni calico { bgp-address 172.31.10.2 } }
}
expect n1 -> 172.31.10.2 reachable
`;

  it("is an address of the node", () => {
    expect(codes(metal("pool d 10.244.0.0/16 { vxlan always }"))).toEqual([]);
  });

  it("is still checked against all addresses of the node", () => {
    const wrong = metal("pool d 10.244.0.0/16 { vxlan always }").replace(
      "bgp-address 172.31.10.2",
      "bgp-address 172.31.10.3",
    );
    expect(codes(wrong)).toContain(
      "KN159 error line 11: `bgp-address` 172.31.10.3 is not an address of node `metal/n2`: BGP sessions and tunnels do not come up",
    );
  });

  // ip_tunnel_xmit: the source of the outer packet is the address of the route's device, which is not the BGP address.
  it("is not the source of IP-in-IP packets, which Calico drops", () => {
    expect(codes(metal("pool d 10.244.0.0/16 { ipip always }"))).toEqual([
      expect.stringMatching(/^KN204 error .*node metal\/n2 drops the packet \(filter\/cali-INPUT\)$/),
    ]);
  });

  it("works for the router of a session, too", () => {
    const reflector = `segment lan { cidr 192.168.10.0/24; gateway tor }
router tor {
  attach lan 192.168.10.1
  loopback 10.255.0.1
  bgp as 64512 { listen-range 192.168.10.0/24 as 64512 route-reflector-client }
}
cluster prod {
  pods 10.244.0.0/16
  cni calico {
    pool default
    node-to-node-mesh false
    peer tor { peer-ip 10.255.0.1; as-number 64512 }
  }
  nodes n 1..2 { attach lan }
}
`;
    expect(codes(reflector)).toEqual([]);
  });
});

describe("two AKS overlay clusters with one pod CIDR", () => {
  const clusters = (segments: string): string => `${segments}
cluster one {
  pods 10.244.0.0/16
  cni azure
  nodes n 1..2 { attach n }
  pod a on n1 { listen 80 }
  pod b on n2 { listen 80 }
}
cluster two {
  pods 10.244.0.0/16
  cni azure
  nodes n 1..2 { attach m }
  pod a on n1 { listen 80 }
  pod b on n2 { listen 80 }
}
expect one/default/a -> one/default/b:80 reachable
expect one/default/b -> one/default/a:80 preserves-source
expect two/default/a -> two/default/b:80 reachable
expect two/default/b -> two/default/a:80 preserves-source
`;
  const vnet = `segment n { cidr 10.10.0.0/24; cloud azure; gateway vnet }
segment m { cidr 10.10.1.0/24; cloud azure; gateway vnet }
router vnet { attach n 10.10.0.1; attach m 10.10.1.1 }`;
  const onlyKn106 = [expect.stringMatching(/^KN106 info /)];

  it("are separate routing domains on one subnet", () => {
    expect(codes(clusters(vnet).replace("attach m }\n  pod", "attach n }\n  pod"))).toEqual(onlyKn106);
  });

  it("are separate routing domains on two subnets", () => {
    expect(codes(clusters(vnet))).toEqual(onlyKn106);
  });
});

describe("a pass-through load balancer", () => {
  const balanced = (
    cloud: string,
    cni: string,
    by = "vnet",
  ): string => `segment nodes { cidr 10.240.0.0/24; ${cloud}; gateway vnet }
segment vms { cidr 10.240.1.0/24; ${cloud}; gateway vnet }
router vnet { attach nodes 10.240.0.1; attach vms 10.240.1.1; route 10.240.0.201/32 via 10.240.0.50 }
router lvs { attach nodes 10.240.0.50 }
host vm { attach vms 10.240.1.10 }
cluster c {
  pods 10.244.0.0/16
  services 10.0.0.0/16
  load-balancer pass-through by ${by}
  cni ${cni}
  node n1 { attach nodes 10.240.0.4 }
  deployment web replicas 1 { labels app=web; listen 80 }
  service web { select app=web; load-balancer-ip 10.240.0.${by === "vnet" ? "200" : "201"}; port 80 }
}
expect vm -> 10.240.0.${by === "vnet" ? "200" : "201"}:80 reachable
`;
  const failures = (text: string): readonly string[] =>
    check(text)
      .filter(({ code }) => code === "KN701")
      .map(({ finding }) => finding.message);

  it("of Azure or Google delivers packets unchanged", () => {
    expect(failures(balanced("cloud azure", "azure { mode overlay }"))).toEqual([]);
    expect(failures(balanced("cloud gcp", "gke"))).toEqual([]);
  });

  it("in a virtual machine is subject to the source check", () => {
    expect(failures(balanced("cloud gcp", "gke", "lvs"))).toEqual([expect.stringContaining("(source check)")]);
  });

  it("does not exist on AWS, and is checked in other networks", () => {
    expect(failures(balanced("cloud aws", "flannel { backend vxlan }"))).toEqual([
      expect.stringContaining("(source check)"),
    ]);
    expect(failures(balanced("source-check true", "flannel { backend vxlan }"))).toEqual([
      expect.stringContaining("(source check)"),
    ]);
  });
});

describe("external IPs that are addresses of the cluster's own nodes (KN192)", () => {
  const exposed = (
    service: string,
    more = "",
    settings = "cni flannel { backend vxlan }",
  ): string => `segment lan { cidr 203.0.113.0/24; gateway r }
router r { attach lan 203.0.113.254 }
host printer { attach lan 203.0.113.50 }
cluster k {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  ${settings}
  node n1 { attach lan 203.0.113.1; daemon sshd { listen 22 } }
  node n2 { attach lan 203.0.113.2 }
  pod web on n1 { labels app=web; listen 80 }
  service web { select app=web; ${service}; port 80 }
  ${more}
}
expect r -> 203.0.113.2:80 reachable
`;

  it("are one informational finding per service", () => {
    expect(codes(exposed("external-ip 203.0.113.1 203.0.113.2"))).toEqual([
      "KN192 info line 11: external IPs 203.0.113.1 and 203.0.113.2 of service `web` are the addresses of nodes `k/n1` and `k/n2`: connections to 80/tcp at these addresses reach the service, not the nodes",
    ]);
  });

  it("are a warning if a process of the node loses its packets", () => {
    const ssh = "service ssh { select app=web; external-ip 203.0.113.1; port 22 -> 80 }";
    expect(codes(exposed("external-ip 203.0.113.2", ssh)).filter((one) => one.includes("warning"))).toEqual([
      "KN192 warning line 12: external IP 203.0.113.1 of service `ssh` is the address of node `k/n1`: packets to the port of its process `sshd` reach the service instead",
    ]);
    const onHost = "pod proxy on n2 { host-network; container nginx { listen 80 } }";
    expect(codes(exposed("external-ip 203.0.113.2", onHost))).toEqual([
      "KN192 warning line 11: external IP 203.0.113.2 of service `web` is the address of node `k/n2`: packets to the port of its process `nginx` reach the service instead",
    ]);
  });

  it("do not take the ports of the service's own endpoints on the host network", () => {
    const endpoints = exposed("external-ip 203.0.113.1 203.0.113.2").replace(
      "pod web on n1 {",
      "daemonset web { host-network;",
    );
    expect(codes(endpoints)).toEqual([expect.stringMatching(/^KN192 info /)]);
  });

  it("are an error with IPVS, a warning for other machines, and an error for routers", () => {
    expect(codes(exposed("external-ip 203.0.113.2", "kube-proxy ipvs"))).toContainEqual(
      expect.stringMatching(/^KN192 error /),
    );
    const other = exposed("external-ip 203.0.113.50 203.0.113.2 203.0.113.254");
    expect(codes(other).map((one) => one.replace(/ line.*/, ""))).toEqual([
      "KN192 warning",
      "KN192 error",
      "KN192 info",
    ]);
  });
});

describe("policies ahead of their pods", () => {
  const cluster = (inside: string): readonly string[] =>
    codes(`segment lan { cidr 10.73.0.0/24; gateway gw }
router gw { attach lan 10.73.0.1 }
cluster k {
  pods 10.244.0.0/16
  cni kindnet
  node n1 { attach lan 10.73.0.11 }
  ${inside}
}
`);

  it("are silent: a default deny in a new namespace, and rules for its future pods", () => {
    expect(cluster("namespace staging { policy default-deny { types ingress egress } }")).toEqual([]);
    expect(
      cluster("namespace staging { policy api { select app=api; ingress from app=web to 80 } }; pod other"),
    ).toEqual([]);
  });

  it("are reported if the pods are in a different namespace (KN603)", () => {
    expect(
      cluster("namespace staging { policy api { select app=api } }; namespace shop { pod api { labels app=api } }"),
    ).toEqual([
      "KN603 warning line 7: policy `staging/api` selects no pods with `app=api`: matching pods are in a different namespace (pod `shop/api`); move the policy there",
    ]);
  });
});

describe("a peer in a namespace of another team (KN604)", () => {
  const peers = (peer: string, more = ""): readonly string[] =>
    codes(`segment lan { cidr 10.73.0.0/24; gateway gw }
router gw { attach lan 10.73.0.1 }
cluster k {
  pods 10.244.0.0/16
  cni kindnet
  node n1 { attach lan 10.73.0.11 }
  namespace shop {
    labels team=shop
    pod api { labels app=api; listen 80 }
    policy api { select app=api; ingress from ${peer} to 80 }
  }
  ${more}
}
`).map((one) => one.replace(/^(KN\d+ \w+) .*: (no .*)$/, "$1: $2"));

  it("is informational: the file can be a part of the cluster", () => {
    const info = ["KN604 info: no declared namespace matches this selector"];
    expect(peers("namespace observability")).toEqual(info);
    expect(peers("app=prometheus namespaces purpose=metrics")).toEqual(info);
    expect(peers("namespace observability", "namespace observability")).toEqual([
      "KN604 info: no pods exist in namespace `observability`",
    ]);
  });

  it("is a warning if the file shows the mistake", () => {
    const wrong = ["KN604 warning: no namespace matches this selector; fix the selector, or label the namespace"];
    const monitoring = "namespace monitoring { pod prometheus { labels app=prometheus } }";
    // A typo, a label that the namespace lacks, pods that exist elsewhere.
    expect(peers("namespace monitorng", monitoring)).toEqual(wrong);
    expect(peers("namespaces name=monitoring", monitoring)).toEqual(wrong);
    expect(peers("app=prometheus namespaces purpose=metrics", monitoring)).toEqual(wrong);
    expect(peers("app=grafana namespace monitoring", monitoring)).toEqual([
      expect.stringMatching(/^KN604 warning: no pod in namespace `monitoring` matches/),
    ]);
  });
});

describe("240.0.0.0/4 (KN111)", () => {
  const range = (cloud: string, cni: string): readonly string[] =>
    codes(`segment s { cidr 10.20.0.0/22; ${cloud}; gateway vpc }
router vpc { attach s 10.20.0.1 }
cluster c { pods 240.0.0.0/14; cni ${cni}; nodes n 1..2 { attach s } }
`);
  it("is valid on Google Cloud, which recommends it for pods", () => {
    expect(range("cloud gcp", "gke")).toEqual([]);
    expect(range("mtu 1500", "flannel { backend vxlan }")).toEqual([expect.stringMatching(/^KN111 warning /)]);
  });
});

describe("one AS number for all racks (KN235)", () => {
  const rack = (advertised: string): readonly string[] =>
    codes(`segment rack { cidr 10.1.1.0/24; gateway tor }
router tor { attach rack 10.1.1.1; bgp as 65101 { listen-range 10.1.1.0/24 as 65000; ${advertised} } }
cluster k {
  pods 10.48.0.0/16
  cni calico { node-to-node-mesh false; as-number 65000; pool p 10.48.0.0/16; peer tor { peer-ip 10.1.1.1; as-number 65101 } }
  nodes n 1..2 { attach rack 10.1.1.11 }
  pod a on n1
  pod b on n2
}
expect a -> b preserves-source
`);
  it("is intended if the router advertises a default route (Downward Default)", () => {
    expect(rack("advertise 0.0.0.0/0")).toEqual([]);
    expect(rack("advertise 10.1.1.0/24")).toEqual([expect.stringMatching(/^KN235 warning /)]);
  });
});

describe("Docker hosts without Kubernetes", () => {
  const hosts = (more: string, inside = ""): readonly string[] =>
    codes(`segment lan { cidr 10.33.0.0/24; gateway gw }
router gw { attach lan 10.33.0.1; ${more} }
cluster hosts {
  cni docker
  node alpha { attach lan 10.33.0.11; docker-bridge 172.26.0.1/24 }
  node beta { attach lan 10.33.0.12; docker-bridge 172.26.1.1/24 }
  pod web on alpha { labels app=web; listen 80/tcp host-port 80 }
  pod cache on beta { labels app=cache; listen 6379/tcp host-port 6379 }
  ${inside}
}
expect web -> 10.33.0.12:6379 reachable
`);
  it("need no path between containers of different hosts: they publish ports", () => {
    expect(hosts("")).toEqual([]);
  });
  it("need one if a router has a route to the containers, or if there are services", () => {
    expect(hosts("route 172.26.1.0/24 via 10.33.0.12")).toContainEqual(expect.stringMatching(/^KN209 error /));
    expect(hosts("", "services 10.96.0.0/16; service web { select app=web; port 80 }")).toContainEqual(
      expect.stringMatching(/^KN201 error /),
    );
  });
});

describe("an ipBlock of the whole pod CIDR (KN607)", () => {
  const rule = (text: string): readonly string[] =>
    codes(`segment lan { cidr 10.80.0.0/24; gateway gw }
router gw { attach lan 10.80.0.1 }
cluster k {
  pods 10.244.0.0/16
  cni flannel { backend vxlan }
  network-policy kube-router
  nodes n 1..2 { attach lan 10.80.0.11 }
  pod proxy on n1 { host-network; labels app=proxy }
  pod web on n2 { labels app=web; listen 8080 }
  policy web { select app=web; ${text} }
}
expect proxy -> web:8080 reachable
`);
  it("is the only way to allow the tunnel addresses of nodes", () => {
    expect(rule("ingress from cidr 10.244.0.0/16 to 8080")).toEqual([]);
    expect(rule("ingress from cidr 10.244.0.0/24 to 8080")).toEqual([expect.stringMatching(/^KN607 warning /)]);
  });
});

describe("a quarantine that denies explicitly (KN606)", () => {
  const tiers = (rule: string): readonly string[] =>
    codes(`segment lan { cidr 10.18.0.0/24; gateway gw }
router gw { attach lan 10.18.0.1 }
cluster k {
  pods 10.244.0.0/16
  cni calico { pool p 10.244.0.0/16 { vxlan cross-subnet; nat-outgoing true } }
  nodes n 1..2 { attach lan 10.18.0.11 }
  calico-policy quarantine { order 10; select quarantine=true; types egress; ${rule} }
  pod web { labels app=web; listen 80 }
  pod infected { labels app=web quarantine=true; listen 80 }
  policy web { select app=web; ingress from app=web to 80 }
}
`);
  it("is intended", () => {
    expect(tiers("egress deny")).toEqual([]);
    expect(tiers("egress allow to quarantine=true")).toEqual([expect.stringMatching(/^KN606 warning /)]);
  });
});

describe("a URL of a cluster with IPv4 services on dual-stack nodes", () => {
  it("is reached over IPv4 only", () => {
    expect(
      codes(`segment lan { cidr 10.40.0.0/24 fd00:40::/64; gateway gw }
router gw { attach lan 10.40.0.1 fd00:40::1 }
cluster k {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach lan 10.40.0.11 fd00:40::11 }
  namespace web {
    pod nginx { labels app=nginx; listen 80 }
    service nginx { type node-port; select app=nginx; port 80 }
    pod app { labels app=app; listen 8080 }
    service app { select app=app; port 80 -> 8080 }
    ingress app { served-by nginx; host "app.example.org" { path "/" -> app:80 } }
  }
}
expect gw -> "http://app.example.org/" reachable
expect gw -> nginx:80 reachable
`),
    ).toEqual([]);
  });
});

describe("ServiceLB of k3s", () => {
  const k3s = (ip: string): string => `segment lan { cidr 192.168.178.0/24 }
host tablet { attach lan 192.168.178.50 }
cluster k3s {
  pods 10.42.0.0/16
  services 10.43.0.0/16
  cni flannel { backend host-gw; iface eth0 }
  node pi { attach lan 192.168.178.20; route default via 192.168.178.1 }
  pod web { labels app=web; listen 80 }
  service web { select app=web; load-balancer-ip ${ip}; port 80 }
}
expect tablet -> 192.168.178.20:80 reachable
`;
  const found = (ip: string): readonly string[] => check(k3s(ip)).map(({ code }) => code);

  it("uses the address of a node", () => {
    expect(found("192.168.178.20")).toEqual([]);
  });

  it("does not make other addresses reachable", () => {
    expect(found("192.168.178.21")).toContain("KN513");
  });
});

describe("the addresses of the Amazon VPC CNI", () => {
  const eks = (
    cidr: string,
    settings: string,
    inside: string,
  ): string => `segment s { cidr ${cidr}; cloud aws; gateway vpc }
router vpc { attach s 10.0.1.1 }
cluster eks {
  services 172.20.0.0/16
  cni aws-vpc { ${settings} }
  ${inside}
}
`;
  const addressesOf = (text: string): readonly string[] => {
    const { topology } = world(text);
    const [cluster] = topology.clusters;
    return (cluster?.workloads ?? []).flatMap((workload) =>
      Array.from(
        { length: workload.replicas },
        (_, i) => cluster?.pods.podAt(workload, i).addresses.map(formatIp)[0] ?? "-",
      ),
    );
  };

  it("are not allocated in blocks: nodes without pods need only the first interface", () => {
    expect(codes(eks("10.0.1.0/24", "instance t3.medium", "max-pods 17; nodes a 1..14 { attach s }"))).toEqual([]);
  });

  it("are enough for two nodes with one pod each in a /27", () => {
    const text = eks(
      "10.0.1.0/27",
      "instance t3.medium",
      "max-pods 17; nodes a 1..2 { attach s }; pod x on a1 { listen 80 }; pod y on a2 { listen 80 }",
    );
    expect(codes(`${text}expect x -> y:80 reachable\n`)).toEqual([]);
    expect(addressesOf(text)).toEqual(["10.0.1.26", "10.0.1.15"]);
  });

  it("are /28 prefixes with prefix delegation", () => {
    const text = eks(
      "10.0.1.0/24",
      "instance t3.medium; prefix-delegation true",
      "nodes a 1..2 { attach s }; deployment w replicas 34",
    );
    const addresses = addressesOf(text);
    // 17 pods per node: two prefixes of 16 addresses, the first of which starts at a multiple of 16.
    expect(new Set(addresses).size).toBe(34);
    expect(addresses.slice(0, 2)).toEqual(["10.0.1.224", "10.0.1.192"]);
    expect(codes(text)).toEqual([]);
  });

  it("belong to the interface that has them, up to the last one", () => {
    const text = eks(
      "10.0.1.0/26",
      "instance t3.medium",
      "node a1 { attach s }; deployment w replicas 15 { listen 80 }",
    );
    expect(addressesOf(text)).not.toContain("-");
    expect(codes(`${text}expect w-0 -> w-14:80 reachable\nexpect w-14 -> w-0:80 preserves-source\n`)).toEqual([]);
  });

  it("are missing if the subnet is too small, which KN411 explains", () => {
    const text = eks("10.0.1.0/28", "instance t3.medium", "node a1 { attach s }; deployment w replicas 12");
    expect(check(text).map(({ code }) => code)).toEqual(["KN411"]);
  });

  it("are missing if the instance type has too few, which KN402 explains", () => {
    const text = eks(
      "10.0.1.0/24",
      "instance t3.medium",
      "max-pods 17; node a1 { attach s }; deployment w replicas 16",
    );
    expect(check(text).map(({ code }) => code)).toEqual(["KN402"]);
  });

  it("can be set per pod, and are not allocated twice", () => {
    const text = eks(
      "10.0.1.0/24",
      "instance t3.medium",
      "node a1 { attach s }; pod x { address 10.0.1.254 }; pod y; pod z on a1 { address 10.0.1.100 }",
    );
    const addresses = addressesOf(text);
    expect(addresses[0]).toBe("10.0.1.254");
    expect(addresses[2]).toBe("10.0.1.100");
    expect(new Set(addresses).size).toBe(3);
    expect(check(text).map(shown)).toEqual([]);
  });

  it.each([
    ["instance t3.medium", "10.0.1.250", "10.0.1.239"],
    ["instance t3.medium; prefix-delegation true", "10.0.1.224", "10.0.1.208"],
  ])("are the same if the addresses of pods are set (%s)", (settings, x, y) => {
    const rangesOf = (ofX: string, ofY: string): readonly string[] => {
      const inside = `max-pods 17; nodes a 1..2 { attach s }; pod x on a1${ofX}; pod y on a2${ofY}`;
      const { topology } = world(eks("10.0.1.0/24", settings, inside));
      return topology.clusters.flatMap(({ nodes }) =>
        nodes.flatMap((node) => node.podCidrs.map(({ prefix }) => `${node.name} ${formatPrefix(prefix)}`)),
      );
    };
    const free = rangesOf("", "");
    expect(rangesOf(` { address ${x} }`, ` { address ${y} }`)).toEqual(free);
    const swapped = rangesOf(` { address ${y} }`, ` { address ${x} }`);
    expect(new Set(swapped.map((line) => line.split(" ")[1])).size).toBe(swapped.length);
  });
});
