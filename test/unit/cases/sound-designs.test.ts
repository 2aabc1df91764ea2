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
  const found = (ip: string): readonly string[] =>
    check(k3s(ip))
      .map(({ code }) => code)
      .filter((code) => code !== "KN192");

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
