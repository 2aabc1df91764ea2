/**
 * Calico compared with the state that the real programs create on a node: routes (felix/calc/l3_route_resolver.go, felix/dataplane/linux, confd's
 * bird.cfg and bird_ipam.cfg), MTUs (int_dataplane.go), addresses (libcalico-go/lib/ipam), with both programs of IPIP routes.
 */
import { describe, expect, it } from "vitest";
import type { Netns } from "../../../server/src/dataplane/model.ts";
import {
  printAddresses,
  printFdb,
  printNeighbours,
  printNetfilter,
  printRoutes,
} from "../../../server/src/dataplane/print.ts";
import { check, type World, world } from "../checks/harness.ts";

interface Plan {
  readonly settings?: string;
  readonly pods?: string;
  readonly mtu?: number;
  readonly dual?: boolean;
  /** In the blocks of the nodes. */
  readonly node1?: string;
  readonly node2?: string;
  readonly node3?: string;
  readonly router?: string;
}

/** Two segments connected by a router, three nodes; blocks as in the routes of Calico's documentation. */
function text({ settings = "", pods = "10.10.0.0/16", mtu = 1500, dual = false, ...more }: Plan = {}): string {
  const six = (one: string) => (dual ? ` ${one}` : "");
  return `segment a { cidr 192.168.10.0/24${six("fd00:10::/64")}; gateway r; mtu ${mtu} }
segment b { cidr 192.168.20.0/24${six("fd00:20::/64")}; gateway r; mtu ${mtu} }
router r {
  attach a 192.168.10.1${six("fd00:10::1")}
  attach b 192.168.20.1${six("fd00:20::1")}
  ${more.router ?? ""}
}
cluster prod {
  pods ${pods}
  ${dual ? "pods fd00:244::/48" : ""}
  cni calico { ${settings} }
  node node1 { attach a 192.168.10.11${six("fd00:10::11")}; cni calico { block 10.10.1.0/26${six("fd00:244::100/122")}; ${more.node1 ?? ""} } }
  node node2 { attach a 192.168.10.12${six("fd00:10::12")}; cni calico { block 10.10.7.0/26${six("fd00:244::700/122")}; ${more.node2 ?? ""} } }
  node node3 { attach b 192.168.20.13${six("fd00:20::13")}; cni calico { block 10.10.9.0/26${six("fd00:244::900/122")}; ${more.node3 ?? ""} } }
  pod web on node1 { listen 8080/tcp }
  pod api on node2 { listen 8080/tcp }
  pod db on node3 { listen 8080/tcp }
}
`;
}

function netnsOf({ network }: World, id: string): Netns {
  const netns = network.netns(id);
  if (!netns) throw new Error(`no ${id}`);
  return netns;
}

/** Routes without those that every node has, and with the same name for the devices of all pods. */
function routes(plan: Plan, id = "prod/node1", family: 4 | 6 = 4): string[] {
  return printRoutes(netnsOf(world(text(plan)), id), family)
    .filter((line) => !/^default|proto kernel/.test(line))
    .map((line) => line.replace(/cali[0-9a-f]{11}/, "caliX"));
}

const IPIP = (mode: string, by: string) => `pool p { ipip ${mode} }; program-routes ${by}`;

describe("routes", () => {
  it.each([
    [
      "no encapsulation: BIRD, recursive next hops",
      "pool p",
      [
        "10.10.1.0 dev caliX scope link",
        "blackhole 10.10.1.0/26 proto bird",
        "10.10.7.0/26 via 192.168.10.12 dev eth0 proto bird",
        "10.10.9.0/26 via 192.168.10.1 dev eth0 proto bird",
      ],
    ],
    [
      "IPIP always up to v3.32: BIRD's krt_tunnel",
      IPIP("always", "bird"),
      [
        "blackhole 10.10.1.0/26 proto bird",
        "10.10.1.1 dev caliX scope link",
        "10.10.7.0/26 via 192.168.10.12 dev tunl0 proto bird onlink",
        "10.10.9.0/26 via 192.168.20.13 dev tunl0 proto bird onlink",
      ],
    ],
    [
      "IPIP always from v3.33 on: Felix",
      IPIP("always", "felix"),
      [
        "blackhole 10.10.1.0/26 proto 80",
        "10.10.1.1 dev caliX scope link",
        "10.10.7.0/26 via 192.168.10.12 dev tunl0 proto 80 onlink",
        "10.10.9.0/26 via 192.168.20.13 dev tunl0 proto 80 onlink",
      ],
    ],
    [
      "IPIP cross-subnet up to v3.32",
      IPIP("cross-subnet", "bird"),
      [
        "blackhole 10.10.1.0/26 proto bird",
        "10.10.1.1 dev caliX scope link",
        "10.10.7.0/26 via 192.168.10.12 dev eth0 proto bird",
        "10.10.9.0/26 via 192.168.20.13 dev tunl0 proto bird onlink",
      ],
    ],
    [
      "IPIP cross-subnet from v3.33 on",
      IPIP("cross-subnet", "felix"),
      [
        "blackhole 10.10.1.0/26 proto 80",
        "10.10.1.1 dev caliX scope link",
        "10.10.7.0/26 via 192.168.10.12 dev eth0 proto 80 onlink",
        "10.10.9.0/26 via 192.168.20.13 dev tunl0 proto 80 onlink",
      ],
    ],
    [
      "VXLAN always",
      "pool p { vxlan always }; backend vxlan",
      [
        "blackhole 10.10.1.0/26 proto 80",
        "10.10.1.1 dev caliX scope link",
        "10.10.7.0/26 via 10.10.7.0 dev vxlan.calico onlink",
        "10.10.9.0/26 via 10.10.9.0 dev vxlan.calico onlink",
      ],
    ],
    [
      "VXLAN cross-subnet",
      "pool p { vxlan cross-subnet }",
      [
        "blackhole 10.10.1.0/26 proto 80",
        "10.10.1.1 dev caliX scope link",
        "10.10.7.0/26 via 192.168.10.12 dev eth0 proto 80 onlink",
        "10.10.9.0/26 via 10.10.9.0 dev vxlan.calico onlink",
      ],
    ],
  ])("%s", (_, settings, expected) => {
    expect(routes({ settings })).toEqual(expected);
  });

  it("of both families", () => {
    const plan = { dual: true, settings: "pool four 10.10.0.0/16; pool six fd00:244::/48 { vxlan always }" };
    expect(routes(plan)).toEqual([
      "10.10.1.0 dev caliX scope link",
      "blackhole 10.10.1.0/26 proto bird",
      "10.10.7.0/26 via 192.168.10.12 dev eth0 proto bird",
      "10.10.9.0/26 via 192.168.10.1 dev eth0 proto bird",
    ]);
    expect(routes(plan, "prod/node1", 6).filter((line) => !line.startsWith("fe80"))).toEqual([
      "fd00:244::101 dev caliX metric 1024 pref medium",
      "blackhole fd00:244::100/122 dev lo proto 80 metric 1024 pref medium",
      "fd00:244::700/122 via fd00:244::700 dev vxlan-v6.calico metric 1024 onlink pref medium",
      "fd00:244::900/122 via fd00:244::900 dev vxlan-v6.calico metric 1024 onlink pref medium",
    ]);
  });

  it("of a pod: a next hop that no interface has, for IPv6 the host end's address", () => {
    const plan = { dual: true, settings: "pool four 10.10.0.0/16; pool six fd00:244::/48" };
    const pod = netnsOf(world(text(plan)), "prod/default/web");
    expect(printAddresses(pod)[1]).toMatch(/^eth0@if2 +UP +10\.10\.1\.0\/32 fd00:244::100\/128 fe80::/);
    expect(printRoutes(pod, 4)).toEqual(["default via 169.254.1.1 dev eth0", "169.254.1.1 dev eth0 scope link"]);
    expect(printRoutes(pod, 6).filter((line) => !line.includes("proto kernel"))).toEqual([
      "fe80::ecee:eeff:feee:eeee dev eth0 metric 1024 pref medium",
      "default via fe80::ecee:eeff:feee:eeee dev eth0 metric 1024 pref medium",
    ]);
  });
});

describe("devices", () => {
  it("on the host end have one MAC address, reply to ARP, and filter by reverse path", () => {
    const node = netnsOf(world(text()), "prod/node1");
    const cali = [...node.devices.values()].find(({ name }) => /^cali[0-9a-f]{11}$/.test(name));
    expect(cali).toMatchObject({ mac: "ee:ee:ee:ee:ee:ee", addresses: [] });
    expect([node.sysctls.proxyArp(cali?.name ?? ""), node.sysctls.rpFilter(cali?.name ?? "")]).toEqual([true, 1]);
    expect([node.sysctls.proxyArp("eth0"), node.sysctls.rpFilter("eth0")]).toEqual([false, 0]);
  });

  it("of tunnels have the first addresses of the node's block", () => {
    const node = netnsOf(world(text({ settings: "pool p { vxlan always }" })), "prod/node1");
    expect(printAddresses(node).filter((line) => line.startsWith("vxlan"))).toEqual([
      "vxlan.calico     UNKNOWN        10.10.1.0/32",
    ]);
    expect(printNeighbours(node)).toEqual([
      expect.stringMatching(/^10\.10\.7\.0 dev vxlan\.calico lladdr 66:[0-9a-f:]+ PERMANENT$/),
      expect.stringMatching(/^10\.10\.9\.0 dev vxlan\.calico lladdr 66:[0-9a-f:]+ PERMANENT$/),
    ]);
    expect(printFdb(node)).toEqual([
      expect.stringMatching(/^66:[0-9a-f:]+ dev vxlan\.calico dst 192\.168\.10\.12 self permanent$/),
      expect.stringMatching(/^66:[0-9a-f:]+ dev vxlan\.calico dst 192\.168\.20\.13 self permanent$/),
    ]);
  });
});

describe("MTU", () => {
  it.each([
    ["none", "pool p", [1500, 1460, 9001], [1500, 1460, 9001]],
    ["IPIP", "pool p { ipip cross-subnet }", [1500, 1460, 9001], [1480, 1440, 8981]],
    ["VXLAN", "pool p { vxlan always }", [1500, 1460, 9001], [1450, 1410, 8951]],
    ["given", "pool p { ipip always }; mtu 1440", [1500], [1440]],
  ])("%s", (_, settings, hosts, expected) => {
    const pods = hosts.map(
      (mtu) => netnsOf(world(text({ settings, mtu })), "prod/default/web").devices.get("eth0")?.mtu,
    );
    expect(pods).toEqual(expected);
  });

  it("VXLAN over IPv6", () => {
    const settings = "pool four 10.10.0.0/16; pool six fd00:244::/48 { vxlan always }";
    const found = [1500, 1460, 9001].map(
      (mtu) => netnsOf(world(text({ settings, mtu, dual: true })), "prod/default/web").devices.get("eth0")?.mtu,
    );
    expect(found).toEqual([1430, 1390, 8931]);
  });
});

describe("rules", () => {
  const rules = (settings: string) => printNetfilter(netnsOf(world(text({ settings })), "prod/node1"), 4);

  it("masquerade packets that leave the pools, and the node's own packets in a tunnel", () => {
    const lines = rules("pool p { ipip always; nat-outgoing true }").filter((line) => /^-A cali-(nat|POST)/.test(line));
    expect(lines).toEqual([
      "-A cali-POSTROUTING -j cali-nat-outgoing",
      "-A cali-POSTROUTING -o tunl0 -m addrtype ! --src-type LOCAL --limit-iface-out -m addrtype --src-type LOCAL -j MASQUERADE --random-fully",
      "-A cali-nat-outgoing -m set --match-set cali40masq-ipam-pools src -m set ! --match-set cali40all-ipam-pools dst -j MASQUERADE --random-fully",
    ]);
    expect(rules("pool p { nat-outgoing true }; nat-outgoing-exclusions ip-pools-and-host-ips")).toContain(
      "-A cali-nat-outgoing -m set --match-set cali40masq-ipam-pools src -m set ! --match-set cali40all-ipam-pools dst -m set ! --match-set cali40all-hosts-net dst -j MASQUERADE --random-fully",
    );
  });

  it("leave VXLAN untracked and drop spoofed packets", () => {
    expect(rules("pool p { vxlan always }").filter((line) => line.startsWith("-A cali-PREROUTING"))).toEqual([
      "-A cali-PREROUTING -j MARK --set-xmark 0x0/0xf0000",
      "-A cali-PREROUTING -p udp -m udp --dport 4789 -j NOTRACK",
      "-A cali-PREROUTING -i cali+ -j MARK --set-xmark 0x40000/0x40000",
      "-A cali-PREROUTING -m mark --mark 0x40000/0x40000 -m rpfilter --validmark --invert -j DROP",
    ]);
  });
});

describe("addresses", () => {
  it("fill a node's blocks one after another", () => {
    const { topology } = world(`segment a { cidr 10.0.0.0/24; gateway 10.0.0.1 }
cluster c {
  pods 10.10.0.0/16
  cni calico
  nodes n 1..2 { attach a }
  deployment web replicas 150 on n1
  deployment api replicas 3 on n2
}
`);
    const [cluster] = topology.clusters;
    const of = (name: string) => cluster?.nodeByName(name)?.podCidrs.map(({ prefix, own }) => [prefix, own]);
    const block = (index: number) => ({ ip: 0x0a0a0000 + 64 * index, len: 26 });
    expect(of("n1")).toEqual([
      [block(0), 1],
      [block(2), undefined],
      [block(3), undefined],
    ]);
    expect(of("n2")).toEqual([[block(1), 1]]);
    const address = (name: string) => cluster?.pods.podByName("default", name)?.addresses;
    // The first address is used by tunl0.
    expect(address("web-0")).toEqual([0x0a0a0001]);
    expect(address("web-62")).toEqual([0x0a0a003f]);
    expect(address("web-63")).toEqual([0x0a0a0080]);
    expect(address("web-149")).toEqual([0x0a0a0080 + 86]);
    expect(cluster?.pods.podsByAddress(0x0a0a0080)[0]?.name).toBe("web-63");
  });

  it("are borrowed if no block is left, with a route for each", () => {
    const plan = (affinity: string) => `segment a { cidr 10.0.0.0/24; gateway 10.0.0.1 }
cluster c {
  pods 10.10.0.0/25
  cni calico { pool p; ${affinity} }
  nodes n 1..3 { attach a }
  pod one on n1
  pod last on n3
}
`;
    const found = world(plan(""));
    expect(found.topology.clusters[0]?.pods.podByName("default", "last")?.addresses).toEqual([0x0a0a003f]);
    expect(printRoutes(netnsOf(found, "c/n2"), 4)).toContain("10.10.0.63 via 10.0.0.4 dev eth0 proto bird");
    expect(printRoutes(netnsOf(found, "c/n1"), 4)).toContain("10.10.0.63 via 10.0.0.4 dev eth0 proto bird");
    expect(check(plan("")).map(({ code }) => code)).toEqual(["KN422"]);
    expect(check(plan("strict-affinity true")).map(({ code }) => code)).toEqual(["KN423"]);
  });

  it("are allocated from the pools that a node's labels select", () => {
    const { topology } = world(`segment a { cidr 10.0.0.0/24; gateway 10.0.0.1 }
cluster c {
  cni calico {
    pool left 10.20.0.0/24 { node-selector side=left }
    pool right 10.30.0.0/24 { node-selector side=right }
  }
  node l { attach a; labels side=left }
  node r { attach a; labels side=right }
  node none { attach a }
}
`);
    const first = (name: string) => topology.clusters[0]?.nodeByName(name)?.podCidrs[0]?.prefix.ip;
    expect(["l", "r", "none"].map(first)).toEqual([0x0a140000, 0x0a1e0000, undefined]);
  });
});
