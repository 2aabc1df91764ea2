import { describe, expect, it } from "vitest";
import { buildNetwork, networkProblems } from "../../../server/src/cni/network.ts";
import { CODES } from "../../../server/src/cni/problems.ts";
import { localAddressesOf, lookup, selectSource } from "../../../server/src/dataplane/fib.ts";
import type { Netns, Network } from "../../../server/src/dataplane/model.ts";
import {
  printAddresses,
  printFdb,
  printNeighbours,
  printNetfilter,
  printRoutes,
} from "../../../server/src/dataplane/print.ts";
import type { Topology } from "../../../server/src/topology/model.ts";
import { type Block, cni, golden, ip, topologyOf } from "./fixture.ts";

function flannel(backend: string, block: Block = {}, more: Block = {}) {
  return cni("flannel", { backend: [backend, block], ...more });
}
function netnsOf(network: Network, id: string): Netns {
  const netns = network.netns(id);
  if (!netns) throw new Error(`no ${id}`);
  return netns;
}
function routes(topology: Topology, id = "prod/node1"): string[] {
  return printRoutes(netnsOf(buildNetwork(topology), id), 4);
}
/** Routes that every node of the golden vectors has. */
const COMMON = [
  "default via 192.168.10.1 dev eth0",
  "10.244.1.0/24 dev cni0 proto kernel scope link src 10.244.1.1",
  "192.168.10.0/24 dev eth0 proto kernel scope link src 192.168.10.11",
];
function extra(lines: readonly string[]): string[] {
  return lines.filter((line) => !COMMON.includes(line));
}
function codes(topology: Topology): string[] {
  return networkProblems(topology).map(({ code }) => code);
}

describe("routes of the golden vectors", () => {
  it.each([
    [
      "vxlan",
      {},
      ["10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink", "10.244.3.0/24 via 10.244.3.0 dev flannel.1 onlink"],
      1450,
    ],
    [
      "vxlan",
      { "direct-routing": true },
      ["10.244.2.0/24 via 192.168.10.12 dev eth0", "10.244.3.0/24 via 10.244.3.0 dev flannel.1 onlink"],
      1450,
    ],
    ["host-gw", {}, ["10.244.2.0/24 via 192.168.10.12 dev eth0"], 1500],
    [
      "ipip",
      {},
      [
        "10.244.2.0/24 via 192.168.10.12 dev flannel.ipip onlink",
        "10.244.3.0/24 via 192.168.20.13 dev flannel.ipip onlink",
      ],
      1480,
    ],
    [
      "ipip",
      { "direct-routing": true },
      ["10.244.2.0/24 via 192.168.10.12 dev eth0 onlink", "10.244.3.0/24 via 192.168.20.13 dev flannel.ipip onlink"],
      1480,
    ],
    ["udp", {}, ["10.244.0.0/16 dev flannel0"], 1472],
    ["wireguard", {}, ["10.244.0.0/16 dev flannel-wg scope link"], 1420],
    ["wireguard", { mtu: 1400 }, ["10.244.0.0/16 dev flannel-wg scope link"], 1320],
    ["ipsec", { psk: "k".repeat(96) }, [], 1423],
    ["ipsec", { psk: "k".repeat(96), "udp-encap": true }, [], 1415],
  ] as const)("%s %j", (backend, block, expected, mtu) => {
    const network = buildNetwork(golden(flannel(backend, block)));
    const lines = printRoutes(netnsOf(network, "prod/node1"), 4);
    expect(extra(lines)).toEqual(expected);
    expect(lines.filter((line) => COMMON.includes(line))).toEqual(COMMON);
    expect(netnsOf(network, "prod/node1").devices.get("cni0")?.mtu).toBe(mtu);
    expect(netnsOf(network, "prod/default/web").devices.get("eth0")?.mtu).toBe(mtu);
  });

  it("without a backend is udp, as with net-conf.json", () => {
    const topology = golden(cni("flannel"));
    expect(extra(routes(topology))).toEqual(["10.244.0.0/16 dev flannel0"]);
    expect(codes(topology)).toEqual([CODES.flannelBackendMissing]);
  });

  it("have no peers across the router with host-gw", () => {
    expect(routes(golden(flannel("host-gw")), "prod/node3")).toEqual([
      "default via 192.168.20.1 dev eth0",
      "10.244.3.0/24 dev cni0 proto kernel scope link src 10.244.3.1",
      "192.168.20.0/24 dev eth0 proto kernel scope link src 192.168.20.13",
    ]);
  });
});

describe("vxlan", () => {
  const network = buildNetwork(golden(flannel("vxlan")));
  const node1 = netnsOf(network, "prod/node1");

  it("has permanent neighbor entries and FDB entries", () => {
    const [two = "", three = ""] = printNeighbours(node1);
    expect(two).toMatch(/^10\.244\.2\.0 dev flannel\.1 lladdr 0e(:[0-9a-f]{2}){5} PERMANENT$/);
    expect(three).toMatch(/^10\.244\.3\.0 dev flannel\.1 lladdr 0e/);
    expect(printFdb(node1)).toHaveLength(2);
    expect(printFdb(node1)[0]).toMatch(/^0e(:[0-9a-f]{2}){5} dev flannel\.1 dst 192\.168\.10\.12 self permanent$/);
    const neighbour = node1.neighbours.lookup("flannel.1", ip("10.244.2.0"));
    const vtep = netnsOf(network, "prod/node2").devices.get("flannel.1");
    expect(neighbour?.mac).toBe(vtep?.mac);
    expect(node1.neighbours.lookup("flannel.1", ip("10.244.2.1"))).toBeUndefined();
    expect(node1.neighbours.lookup("flannel.1", ip("10.244.1.0"))).toBeUndefined();
    expect(node1.neighbours.lookup("eth0", ip("10.244.2.0"))).toBeUndefined();
    const device = node1.devices.get("flannel.1");
    if (device?.kind !== "vxlan") throw new Error("no vxlan device");
    expect(device.fdb.lookup(neighbour?.mac ?? "")?.dst).toBe(ip("192.168.10.12"));
    expect(device.fdb.lookup(device.mac ?? "")).toBeUndefined();
    expect(device).toMatchObject({
      vni: 1,
      port: 8472,
      mtu: 1450,
      lower: "eth0",
      local: ip("192.168.10.11"),
      learning: false,
    });
  });

  it("prints its addresses like ip -brief address", () => {
    const veth = [...node1.devices.keys()].filter((name) => name.startsWith("veth"));
    expect(veth).toHaveLength(2);
    expect(veth[0]).toMatch(/^veth[0-9a-f]{8}$/);
    expect(printAddresses(node1, network)).toEqual([
      "lo               UNKNOWN        127.0.0.1/8 ::1/128",
      "eth0             UP             192.168.10.11/24",
      "flannel.1        UNKNOWN        10.244.1.0/32",
      "cni0             UP             10.244.1.1/24",
      `${veth[0]}@if2 UP`,
      `${veth[1]}@if2 UP`,
    ]);
    expect(printAddresses(netnsOf(network, "prod/default/web"), network)).toEqual([
      "lo               UNKNOWN        127.0.0.1/8 ::1/128",
      "eth0@if5         UP             10.244.1.2/24",
    ]);
  });

  it("selects the same source addresses as `ip route get`", () => {
    const get = (netns: Netns, to: string) => {
      const found = lookup(netns, localAddressesOf(netns), { dst: ip(to) });
      const hop = found?.nexthops[0];
      return found && [hop?.via, hop?.dev, selectSource(netns, found, hop, ip(to))];
    };
    expect(get(node1, "10.244.2.7")).toEqual([ip("10.244.2.0"), "flannel.1", ip("10.244.1.0")]);
    expect(get(node1, "10.244.9.9")?.slice(0, 2)).toEqual([ip("192.168.10.1"), "eth0"]);
    const hostgw = netnsOf(buildNetwork(golden(flannel("host-gw"))), "prod/node1");
    expect(get(hostgw, "10.244.2.7")).toEqual([ip("192.168.10.12"), "eth0", ip("192.168.10.11")]);
    expect(get(hostgw, "10.244.3.7")?.slice(0, 2)).toEqual([ip("192.168.10.1"), "eth0"]);
  });

  it("names its device after the VNI and listens on its port", () => {
    const other = buildNetwork(golden(flannel("vxlan", { vni: 42, port: 4789 })));
    const node = netnsOf(other, "prod/node1");
    expect(node.devices.get("flannel.42")).toMatchObject({ kind: "vxlan", vni: 42, port: 4789 });
    expect(node.sockets).toMatchObject([{ proto: "udp", port: 4789 }]);
  });

  it("has no entries for peers that it routes to directly", () => {
    const node = netnsOf(buildNetwork(golden(flannel("vxlan", { "direct-routing": true }))), "prod/node1");
    expect(printNeighbours(node)).toHaveLength(1);
    expect(printFdb(node)[0]).toMatch(/dst 192\.168\.20\.13/);
  });

  it("subtracts 50 from the setting; the kernel limits the MTU of the device, not of the pods", () => {
    const topology = golden(flannel("vxlan", { mtu: 9000 }));
    const node = netnsOf(buildNetwork(topology), "prod/node1");
    expect(node.devices.get("flannel.1")?.mtu).toBe(1450);
    expect(node.devices.get("cni0")?.mtu).toBe(8950);
    expect(codes(topology)).toEqual([CODES.flannelMtuClamped]);
  });

  it("supports both families", () => {
    const network = buildNetwork(golden(flannel("vxlan"), { dual: true }));
    const node = netnsOf(network, "prod/node1");
    const local = node.devices.get("eth0")?.addresses[2];
    expect(local?.len).toBe(64);
    expect(printRoutes(node, 6).filter((line) => !line.startsWith("fe80"))).toEqual([
      "fd00:10::/64 dev eth0 proto kernel metric 256 pref medium",
      "fd00:244:0:1:: dev flannel-v6.1 proto kernel metric 256 pref medium",
      "fd00:244:0:1::/64 dev cni0 proto kernel metric 256 pref medium",
      "fd00:244:0:2::/64 via fd00:244:0:2:: dev flannel-v6.1 metric 1024 onlink pref medium",
      "fd00:244:0:3::/64 via fd00:244:0:3:: dev flannel-v6.1 metric 1024 onlink pref medium",
      "default via fd00:10::1 dev eth0 metric 1024 pref medium",
    ]);
    // 70 bytes over IPv6, although flannel subtracts 50.
    expect(node.devices.get("flannel-v6.1")?.mtu).toBe(1430);
    expect(node.neighbours.lookup("flannel-v6.1", ip("fd00:244:0:2::"))?.mac).toBe(
      netnsOf(network, "prod/node2").devices.get("flannel-v6.1")?.mac,
    );
    expect(printRoutes(netnsOf(network, "prod/default/web"), 6).filter((line) => !line.startsWith("fe80"))).toEqual([
      "fd00:244:0:1::/64 dev eth0 proto kernel metric 256 pref medium",
      "fd00:244::/48 via fd00:244:0:1::1 dev eth0 metric 1024 pref medium",
      "default via fd00:244:0:1::1 dev eth0 metric 1024 pref medium",
    ]);
    expect(printNetfilter(node, 6)).toContain(
      '-A FLANNEL-POSTRTG -s fd00:244::/48 ! -d ff00::/8 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully',
    );
  });
});

describe("state of a pod and its node", () => {
  it("has the plugin's routes in the pod", () => {
    expect(routes(golden(flannel("vxlan")), "prod/default/web")).toEqual([
      "default via 10.244.1.1 dev eth0",
      "10.244.0.0/16 via 10.244.1.1 dev eth0",
      "10.244.1.0/24 dev eth0 proto kernel scope link src 10.244.1.2",
    ]);
  });

  it("has cni0 from the first pod with a pod address", () => {
    const topology = golden(flannel("vxlan"), {
      nodes: [
        { name: "node1", attach: [["a", ["192.168.10.11/24"]]], podCidrs: ["10.244.1.0/24"], hostPods: ["agent"] },
        { name: "node2", attach: [["a", ["192.168.10.12/24"]]], podCidrs: ["10.244.2.0/24"], pods: ["api"] },
      ],
    });
    const network = buildNetwork(topology);
    const node1 = netnsOf(network, "prod/node1");
    expect([...node1.devices.keys()]).toEqual(["lo", "eth0", "flannel.1"]);
    expect(network.netns("prod/default/agent")).toBe(node1);
    expect(node1.sockets.map(({ process, port }) => [process, port])).toContainEqual(["agent-c", 8080]);
  });

  it("connects its pods to the bridge, with hairpin ports", () => {
    const network = buildNetwork(golden(flannel("vxlan")));
    const node1 = netnsOf(network, "prod/node1");
    const bridge = node1.devices.get("cni0");
    if (bridge?.kind !== "bridge") throw new Error("no bridge");
    const web = bridge.portFor(ip("10.244.1.2"));
    expect(web?.mac).toBe(netnsOf(network, "prod/default/web").devices.get("eth0")?.mac);
    expect(node1.devices.get(web?.port ?? "")).toMatchObject({
      kind: "veth",
      master: "cni0",
      hairpin: true,
      peer: { netns: "prod/default/web", device: "eth0" },
    });
    expect(bridge.portFor(ip("10.244.2.2"))).toBeUndefined();
    expect(netnsOf(network, "prod/default/web").devices.get("eth0")).toMatchObject({
      peer: { netns: "prod/node1", device: web?.port },
    });
  });

  it("has the masquerade and forward rules in the correct order", () => {
    expect(printNetfilter(netnsOf(buildNetwork(golden(flannel("vxlan"))), "prod/node1"), 4)).toEqual([
      "*filter",
      ":INPUT ACCEPT [0:0]",
      ":FORWARD ACCEPT [0:0]",
      ":OUTPUT ACCEPT [0:0]",
      ":FLANNEL-FWD - [0:0]",
      '-A FORWARD -m comment --comment "flanneld forward" -j FLANNEL-FWD',
      '-A FLANNEL-FWD -s 10.244.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT',
      '-A FLANNEL-FWD -d 10.244.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT',
      "COMMIT",
      "*nat",
      ":PREROUTING ACCEPT [0:0]",
      ":INPUT ACCEPT [0:0]",
      ":OUTPUT ACCEPT [0:0]",
      ":POSTROUTING ACCEPT [0:0]",
      ":FLANNEL-POSTRTG - [0:0]",
      '-A POSTROUTING -m comment --comment "flanneld masq" -j FLANNEL-POSTRTG',
      '-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -m comment --comment "flanneld masq" -j RETURN',
      '-A FLANNEL-POSTRTG -s 10.244.1.0/24 -d 10.244.0.0/16 -m comment --comment "flanneld masq" -j RETURN',
      '-A FLANNEL-POSTRTG -s 10.244.0.0/16 -d 10.244.1.0/24 -m comment --comment "flanneld masq" -j RETURN',
      '-A FLANNEL-POSTRTG ! -s 10.244.0.0/16 -d 10.244.1.0/24 -m comment --comment "flanneld masq" -j RETURN',
      '-A FLANNEL-POSTRTG -s 10.244.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully',
      '-A FLANNEL-POSTRTG ! -s 10.244.0.0/16 -d 10.244.0.0/16 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully',
      "COMMIT",
    ]);
  });

  it("delegates masquerading to the plugin with ip-masq false: pods on other nodes see the node's address", () => {
    const lines = printNetfilter(
      netnsOf(buildNetwork(golden(flannel("vxlan", {}, { "ip-masq": false }))), "prod/node1"),
      4,
    );
    expect(lines.filter((line) => line.includes("FLANNEL-POSTRTG"))).toEqual([]);
    const jump = lines.filter((line) => line.startsWith("-A POSTROUTING"));
    expect(jump).toHaveLength(2);
    expect(jump[0]).toMatch(
      /^-A POSTROUTING -s 10\.244\.1\.2\/32 -m comment --comment "name: \\"cbr0\\" id: \\"[0-9a-f]{64}\\"" -j CNI-[0-9a-f]{24}$/,
    );
    const chain = /CNI-[0-9a-f]{24}/.exec(jump[0] ?? "")?.[0];
    expect(
      lines.filter((line) => line.startsWith(`-A ${chain}`)).map((line) => line.replace(/-m comment.*" /, "")),
    ).toEqual([`-A ${chain} -d 10.244.1.0/24 -j ACCEPT`, `-A ${chain} ! -d 224.0.0.0/4 -j MASQUERADE`]);
  });

  it("keeps the order of the nftables variant, whose last rule never matches", () => {
    const node = netnsOf(buildNetwork(golden(flannel("vxlan", {}, { nftables: true }))), "prod/node1");
    expect(node.netfilter.nft(4).map(({ text }) => text.trim())).toEqual([
      "table ip flannel-ipv4 {",
      "chain postrtg {",
      "type nat hook postrouting priority 100; policy accept;",
      "meta mark 0x00004000 return",
      "ip saddr 10.244.1.0/24 ip daddr 10.244.0.0/16 return",
      "ip saddr 10.244.0.0/16 ip daddr 10.244.1.0/24 return",
      "ip saddr != 10.244.1.0/24 ip daddr 10.244.0.0/16 return",
      "ip saddr 10.244.0.0/16 ip daddr != 224.0.0.0/4 masquerade fully-random",
      "ip saddr != 10.244.0.0/16 ip daddr 10.244.0.0/16 masquerade fully-random",
      "}",
      "",
      "chain forward {",
      "type filter hook forward priority 0; policy accept;",
      "ip saddr 10.244.0.0/16 accept",
      "ip daddr 10.244.0.0/16 accept",
      "}",
      "}",
    ]);
    expect(printNetfilter(node, 4).join("\n")).not.toContain("flannel-ipv4");
  });
});

describe("udp", () => {
  const node1 = netnsOf(buildNetwork(golden(flannel("udp", { port: 9000 }))), "prod/node1");
  const tun = node1.devices.get("flannel0");

  it("maps subnets to peers", () => {
    if (tun?.kind !== "tun") throw new Error("no tun");
    expect(tun.mtu).toBe(1472);
    expect(tun.addresses).toEqual([{ ip: ip("10.244.1.0"), len: 32 }]);
    expect(tun.daemon.lookup(ip("10.244.3.9"))).toMatchObject({
      peer: ip("192.168.20.13"),
      text: "10.244.3.0/24 -> 192.168.20.13:9000",
    });
    expect(tun.daemon.lookup(ip("10.244.1.9"))).toBeUndefined();
    expect(tun.daemon.lookup(ip("10.244.9.9"))).toBeUndefined();
    expect(node1.sockets).toMatchObject([
      { proto: "udp", port: 9000, address: ip("192.168.10.11"), process: "flanneld" },
    ]);
  });
});

describe("nodes that differ", () => {
  const nodes = (second: ReturnType<typeof cni>) => [
    { name: "node1", attach: [["a", ["192.168.10.11/24"]]] as const, podCidrs: ["10.244.1.0/24"], pods: ["web"] },
    {
      name: "node2",
      attach: [["a", ["192.168.10.12/24"]]] as const,
      podCidrs: ["10.244.2.0/24"],
      pods: ["api"],
      cni: second,
    },
  ];

  it("partition by backend", () => {
    const topology = golden(flannel("vxlan"), { nodes: nodes(flannel("host-gw")) });
    expect(extra(routes(topology))).toEqual([]);
    expect(codes(topology)).toEqual([CODES.flannelBackendsDiffer]);
  });

  it("still have entries for a peer with another VNI", () => {
    const topology = golden(flannel("vxlan"), { nodes: nodes(flannel("vxlan", { vni: 7 })) });
    expect(extra(routes(topology))).toEqual(["10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink"]);
    expect(routes(topology, "prod/node2")).toContain("10.244.1.0/24 via 10.244.1.0 dev flannel.7 onlink");
    expect(codes(topology)).toEqual([CODES.flannelTunnelDiffers]);
  });

  it("use the configured interface and public address", () => {
    const topology = golden(flannel("vxlan"), {
      nodes: [
        {
          name: "node1",
          attach: [
            ["b", ["192.168.20.21/24"]],
            ["a", ["192.168.10.11/24"], 9000],
          ],
          podCidrs: ["10.244.1.0/24"],
          pods: ["web"],
          cni: cni("flannel", { iface: "eth1" }),
        },
        {
          name: "node2",
          attach: [["a", ["192.168.10.12/24"]]],
          podCidrs: ["10.244.2.0/24"],
          pods: ["api"],
          cni: cni("flannel", { "public-ip": "203.0.113.5" }),
        },
      ],
    });
    const network = buildNetwork(topology);
    const node1 = netnsOf(network, "prod/node1");
    expect(node1.devices.get("flannel.1")).toMatchObject({ lower: "eth1", local: ip("192.168.10.11"), mtu: 8950 });
    expect(printFdb(node1)[0]).toMatch(/dst 203\.0\.113\.5/);
    expect(netnsOf(network, "prod/node2").devices.get("flannel.1")).toMatchObject({ local: ip("203.0.113.5") });
    expect(codes(topology)).toEqual([CODES.flannelPublicIpNotLocal]);
  });

  it("do not start host-gw with a public address that the interface does not have", () => {
    const topology = golden(flannel("host-gw"), { nodes: nodes(cni("flannel", { "public-ip": "203.0.113.5" })) });
    expect(codes(topology)).toEqual([CODES.flannelPublicIp]);
    expect([...netnsOf(buildNetwork(topology), "prod/node2").devices.keys()]).toEqual(["lo", "eth0"]);
    expect(extra(routes(topology))).toEqual([]);
  });
});

describe("problems", () => {
  it("are empty for a valid cluster", () => {
    for (const backend of ["vxlan", "ipip", "udp"]) expect(networkProblems(golden(flannel(backend)))).toEqual([]);
  });

  it("include the number of pairs that host-gw cannot connect", () => {
    const [found] = networkProblems(golden(flannel("host-gw")));
    expect(found).toMatchObject({
      code: CODES.peersOffLink,
      data: { backend: "host-gw", node: "prod/node1", peer: "prod/node3", address: "192.168.20.13", pairs: 4 },
    });
  });

  it.each([
    [{ "subnet-len": "/31" }, "SubnetLen must be less than /31"],
    [{ "subnet-len": "/17" }, "network must be able to accommodate at least four subnets"],
    [{ network: "10.244.0.0/29" }, "network is too small. Minimum useful network prefix is /28"],
    [{ "subnet-min": "10.245.0.0" }, "SubnetMin is not in the range of the Network"],
    [{ "subnet-max": "10.245.0.0" }, "SubnetMax is not in the range of the Network"],
    [{ "subnet-min": "10.244.1.5" }, "SubnetMin is not on a SubnetLen boundary: 10.244.1.5"],
    [{ "subnet-max": "10.244.9.1" }, "SubnetMax is not on a SubnetLen boundary: 10.244.9.1"],
  ] as const)("include flannel's error for %j", (block, error) => {
    const found = networkProblems(golden(flannel("vxlan", {}, { "subnet-manager": "etcd", ...block })));
    expect(found.find(({ code }) => code === CODES.flannelConfigRefused)?.data).toEqual({ error });
  });

  it("include errors that flannel does not detect", () => {
    expect(
      codes(
        golden(
          flannel("vxlan", {}, { "subnet-manager": "etcd", "subnet-min": "10.244.9.0", "subnet-max": "10.244.4.0" }),
        ),
      ),
    ).toEqual([CODES.flannelSubnetOrder]);
    expect(codes(golden(flannel("vxlan", {}, { "subnet-min": "10.244.9.0", "subnet-len": "/24" })))).toEqual([
      CODES.flannelSubnetIgnored,
      CODES.flannelSubnetIgnored,
    ]);
    expect(codes(golden(flannel("vxlan", { vni: 10000000 })))).toEqual([CODES.flannelDeviceName]);
  });

  it("name the nodes with a pod CIDR outside the network", () => {
    const topology = golden(flannel("vxlan", {}, { network: "10.244.0.0/23" }));
    expect(codes(topology)).toEqual([
      CODES.flannelNetworkDiffers,
      CODES.flannelLeaseOutside,
      CODES.flannelLeaseOutside,
    ]);
    expect(extra(routes(topology))).toEqual([]);
  });

  it("include duplicate public addresses", () => {
    const topology = topologyOf({
      segments: { nat: { cidrs: ["10.0.2.0/24"], gateways: ["10.0.2.2"] } },
      pods: ["10.244.0.0/16"],
      cni: flannel("vxlan"),
      nodes: [
        { name: "n1", attach: [["nat", ["10.0.2.15/24"]]], podCidrs: ["10.244.1.0/24"] },
        { name: "n2", attach: [["nat", ["10.0.2.15/24"]]], podCidrs: ["10.244.2.0/24"] },
      ],
    });
    expect(codes(topology)).toEqual([CODES.flannelPublicIpTwice]);
  });
});

describe("at Kubernetes' maximum number of nodes", () => {
  const racks = 125;
  const perRack = 40;
  const topology = (backend: string, block: Block = {}) =>
    topologyOf({
      segments: Object.fromEntries(
        Array.from({ length: racks }, (_, r) => [
          `r${r}`,
          { cidrs: [`10.${100 + (r >> 6)}.${r & 63}.0/24`], gateways: [`10.${100 + (r >> 6)}.${r & 63}.1`] },
        ]),
      ),
      pods: ["10.0.0.0/11"],
      cni: flannel(backend, block),
      nodes: Array.from({ length: racks * perRack }, (_, n) => {
        const r = Math.floor(n / perRack);
        return {
          name: `n${n}`,
          attach: [[`r${r}`, [`10.${100 + (r >> 6)}.${r & 63}.${10 + (n % perRack)}/24`]]] as const,
          podCidrs: [`10.${n >> 8}.${n & 255}.0/24`],
          pods: n < 3 ? [`p${n}`] : [],
        };
      }),
    });

  it("shares tables between nodes", () => {
    const network = buildNetwork(topology("vxlan", { "direct-routing": true }));
    const n1 = netnsOf(network, "prod/n1");
    const n2 = netnsOf(network, "prod/n2");
    const far = netnsOf(network, "prod/n4999");
    const layers = (netns: Netns) =>
      netns.tables
        .get("main")
        ?.layers.slice(1)
        .map(({ table }) => table) ?? [];
    expect(layers(n1)).toEqual(layers(n2));
    expect(layers(n1)[0]).toBe(layers(n2)[0]);
    expect(layers(n1)[1]).toBe(layers(far)[1]);
    expect(layers(n1).map((table) => table.size())).toEqual([perRack, racks * perRack]);
    // 39 on-link peers, 4,960 through the tunnel; the remaining routes are the default route and connected routes.
    expect(printRoutes(n1, 4)).toHaveLength(39 + 4960 + 3);
    expect(printNeighbours(n1)).toHaveLength(4960);
  });
});
