/** Connections to services, as programs on nodes and pods see them. */
import { describe, expect, it } from "vitest";
import { check, shown } from "../checks/harness.ts";
import { titles } from "./proven.ts";

const shop = (n1: string, gateway = "; gateway tor"): string => `segment lan { cidr 192.168.10.0/24${gateway} }
router tor { attach lan 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/12
  cni flannel { backend vxlan; iface eth0 }
  kube-proxy iptables
  node n1 { attach lan 192.168.10.11${n1} }
  node n2 { attach lan 192.168.10.12 }
  deployment api replicas 2 { labels app=api; listen 9090/tcp }
  service api { select app=api; port 80 -> 9090/tcp; cluster-ip 10.96.0.10 }
}
`;
const kn512 = (text: string): readonly string[] =>
  check(text)
    .filter(({ code }) => code === "KN512")
    .map(shown);

describe("a route that rejects packets to services (KN512)", () => {
  it.each([
    ["blackhole", "EINVAL"],
    ["unreachable", "EHOSTUNREACH"],
    ["prohibit", "EACCES"],
  ])("%s", (type, errno) => {
    const text = shop(`; route 10.96.0.0/12 ${type}`);
    expect(kn512(text)).toEqual([
      `KN512 warning line 8: the ${type} route to 10.96.0.0/12 on node \`prod/n1\` rejects the node's own connections to services in 10.96.0.0/12 (${errno}); pods are not affected`,
    ]);
    expect(titles(text, "KN512")).toEqual(["Remove this route"]);
  });

  it("also if it is longer than the service CIDR and contains a service, or shorter", () => {
    expect(kn512(shop("; route 10.96.0.0/24 blackhole"))).toHaveLength(1);
    expect(kn512(shop("; route 10.0.0.0/8 unreachable"))).toHaveLength(1);
  });

  it("not if another route is better, or no service is inside", () => {
    expect(kn512(shop("; route 10.0.0.0/8 blackhole; route 10.96.0.0/12 dev eth0"))).toEqual([]);
    expect(kn512(shop("; route 10.97.0.0/24 blackhole"))).toEqual([]);
    expect(kn512(shop("; route 10.96.0.0/12 blackhole").replace("kube-proxy iptables", "kube-proxy ipvs"))).toEqual([]);
  });

  it("without any route: pods are not affected", () => {
    const text = shop("", "").replace("router tor { attach lan 192.168.10.1 }\n", "");
    expect(kn512(text)).toEqual([
      "KN512 warning line 4: 2 nodes of cluster `prod` (`prod/n1` and `prod/n2`) have no route to service CIDR 10.96.0.0/12: their own connections to services fail (ENETUNREACH); pods are not affected",
    ]);
  });
});

describe("host ports (KN561)", () => {
  const pods = (replicas: number, nodes: number): readonly string[] =>
    check(`segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  cni flannel { backend vxlan; iface eth0 }
  nodes n 1..${nodes} { attach lan }
  deployment web replicas ${replicas} { container c { listen 80/tcp host-port 80 } }
}
`)
      .filter(({ code }) => code === "KN561")
      .map(({ finding }) => finding.message);

  it("counts one node and one pod in the singular", () => {
    expect(pods(2, 1)).toEqual([
      expect.stringContaining(" for 2 pods, but the cluster has only 1 node: 1 pod stays Pending;"),
    ]);
    expect(pods(5, 2)).toEqual([
      expect.stringContaining(" for 5 pods, but the cluster has only 2 nodes: 3 pods stay Pending;"),
    ]);
  });
});

describe("a service CIDR without a free address (KN408)", () => {
  const services = (cidr: string, pods: string, count: number): readonly string[] =>
    check(`segment lan { cidr 192.168.10.0/24 fd00::/64; gateway r }
router r { attach lan 192.168.10.1 fd00::1 }
cluster prod {
  pods ${pods}
  services ${cidr}
  cni bridge
  node n1 { attach lan }
  pod web { labels app=web; listen 80/tcp }
${Array.from({ length: count }, (_, i) => `  service s${i} { select app=web; port 80 }`).join("\n")}
}
`)
      .filter(({ code }) => code === "KN408")
      .map(({ finding }) => finding.message);

  // The first and the last IPv4 address, and the first IPv6 address, are not allocated; the next one is `kubernetes`.
  it("suggests a prefix length of its address family", () => {
    expect(services("10.96.0.0/28", "10.244.0.0/16", 13)).toEqual([]);
    expect(services("10.96.0.0/28", "10.244.0.0/16", 14)).toEqual([
      "service `s13` of cluster `prod` cannot be assigned a ClusterIP; use a larger service CIDR (a /22 has 1,022 addresses)",
    ]);
    expect(services("fd00:96::/124", "fd44::/48", 14)).toEqual([]);
    expect(services("fd00:96::/124", "fd44::/48", 16)).toEqual([
      "2 services of cluster `prod` (first: `s14`) cannot be assigned a ClusterIP; use a larger service CIDR (a /118 has 1,023 addresses)",
    ]);
  });
});
