import { describe, expect, it } from "vitest";
import { buildNetwork, networkProblems } from "../../../server/src/cni/network.ts";
import { CODES } from "../../../server/src/cni/problems.ts";
import type { Netns, Network } from "../../../server/src/dataplane/model.ts";
import { printNetfilter, printRoutes } from "../../../server/src/dataplane/print.ts";
import { whyOf } from "../../../server/src/dataplane/text.ts";
import { cni, golden, ip, type Plan, prefix, route, source, topologyOf } from "./fixture.ts";

function netnsOf(network: Network, id: string): Netns {
  const netns = network.netns(id);
  if (!netns) throw new Error(`no ${id}`);
  return netns;
}
const vxlan = cni("flannel", { backend: "vxlan" });

describe("namespaces", () => {
  const network = buildNetwork(golden(vxlan));

  it("are created once", () => {
    expect(network.netns("prod/node1")).toBe(network.netns("prod/node1"));
    expect(network.netns("prod/default/web")).toBe(network.netns("prod/default/web"));
    expect(network.netns("prod/default/nobody")).toBeUndefined();
    expect(network.netns("nothing")).toBeUndefined();
  });

  it("have MAC addresses that depend only on the file", () => {
    const again = buildNetwork(golden(vxlan));
    const macs = (one: Network) => [...netnsOf(one, "prod/node1").devices.values()].map(({ mac }) => mac);
    expect(macs(again)).toEqual(macs(network));
    expect(netnsOf(network, "prod/node1").devices.get("eth0")?.mac).toMatch(/^02(:[0-9a-f]{2}){5}$/);
  });

  it("route as routers and hosts do", () => {
    expect(printRoutes(netnsOf(network, "r"), 4)).toEqual([
      "192.168.10.0/24 dev eth0 proto kernel scope link src 192.168.10.1",
      "192.168.20.0/24 dev eth1 proto kernel scope link src 192.168.20.1",
    ]);
    expect(netnsOf(network, "r").sysctls.ipForward).toBe(true);
  });

  it("have a reason for each route", () => {
    const why = new Map<string, string>();
    for (const layer of netnsOf(network, "prod/node1").tables.get("main")?.layers ?? []) {
      for (const [, one] of layer.table.entries())
        if (!layer.except?.(one)) why.set(whyOf(one), one.origin?.decl.spec?.keyword ?? "");
    }
    expect([...why]).toEqual([
      ["192.168.10.1: gateway of the segment", "segment a"],
      ["10.244.1.1/24 is an address of cni0", "cni flannel"],
      ["192.168.10.11/24 is an address of eth0", "attach a"],
      ["flanneld (vxlan): node node2 has 10.244.2.0/24; tunnel to 192.168.10.12", "node node2"],
      ["flanneld (vxlan): node node3 has 10.244.3.0/24; tunnel to 192.168.20.13", "node node3"],
    ]);
  });
});

describe("static routes", () => {
  const plan: Plan = {
    segments: { lan: { cidrs: ["10.0.0.0/24"], gateways: ["10.0.0.1"] }, far: { cidrs: ["10.9.0.0/24"] } },
    pods: [],
    cni: cni("none"),
    nodes: [],
    routers: {
      gw: {
        attach: [
          ["lan", ["10.0.0.1/24"]],
          ["far", ["10.9.0.1/24"]],
        ],
        routes: [
          route("10.20.0.0/16", ["10.0.0.7"]),
          route("10.21.0.0/16", ["10.8.0.7"]),
          route("10.22.0.0/16", [], { dev: "eth1" }),
          route("10.23.0.0/16", ["10.22.0.9"]),
          route("10.24.0.0/16", ["10.0.0.7", "10.9.0.7"]),
          route("10.25.0.0/16", ["10.0.0.7"], { dev: "eth1" }),
          route("10.26.0.0/16", [], { dev: "eth7" }),
          route("10.20.0.0/16", ["10.0.0.8"]),
          route("10.20.0.0/16", ["10.0.0.8"], { metric: 50 }),
          route("10.27.0.0/16", [], { type: "blackhole" }),
          route("10.28.0.0/16", ["10.20.0.1"]),
        ],
      },
    },
    hosts: {
      laptop: { attach: [["lan", ["10.0.0.50/24"]]] },
      other: { attach: [["lan", ["10.0.0.51/24"]]], routes: [route("0.0.0.0/0", ["10.0.0.2"])] },
    },
  };
  const topology = topologyOf(plan);
  const network = buildNetwork(topology);

  it("are accepted and rejected as by the kernel", () => {
    expect(printRoutes(netnsOf(network, "gw"), 4)).toEqual([
      "10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1",
      "10.9.0.0/24 dev eth1 proto kernel scope link src 10.9.0.1",
      "10.20.0.0/16 via 10.0.0.7 dev eth0",
      "10.20.0.0/16 via 10.0.0.8 dev eth0 metric 50",
      "10.22.0.0/16 dev eth1 scope link",
      "10.23.0.0/16 via 10.22.0.9 dev eth1",
      "10.24.0.0/16",
      "\tnexthop via 10.0.0.7 dev eth0 weight 1",
      "\tnexthop via 10.9.0.7 dev eth1 weight 1",
      "blackhole 10.27.0.0/16",
    ]);
    expect(networkProblems(topology).map(({ code, data }) => [code, "dst" in data && data.dst])).toEqual([
      [CODES.routeGatewayOffLink, "10.21.0.0/16"],
      [CODES.routeGatewayOffLink, "10.25.0.0/16"],
      [CODES.routeDeviceUnknown, "10.26.0.0/16"],
      [CODES.routeExists, "10.20.0.0/16"],
      [CODES.routeGatewayOffLink, "10.28.0.0/16"],
    ]);
  });

  it("replace the segment's gateway if they are default routes", () => {
    expect(printRoutes(netnsOf(network, "laptop"), 4)[0]).toBe("default via 10.0.0.1 dev eth0");
    expect(printRoutes(netnsOf(network, "other"), 4)[0]).toBe("default via 10.0.0.2 dev eth0");
    expect(netnsOf(network, "laptop").sysctls.ipForward).toBe(false);
  });

  it("are replaced by flanneld's route to the same destination", () => {
    const clash = golden(vxlan, {
      nodes: [
        {
          name: "node1",
          attach: [["a", ["192.168.10.11/24"]]],
          podCidrs: ["10.244.1.0/24"],
          routes: [route("10.244.2.0/24", ["192.168.10.99"])],
        },
        { name: "node2", attach: [["a", ["192.168.10.12/24"]]], podCidrs: ["10.244.2.0/24"] },
      ],
    });
    expect(printRoutes(netnsOf(buildNetwork(clash), "prod/node1"), 4)).toEqual([
      "default via 192.168.10.1 dev eth0",
      "10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink",
      "192.168.10.0/24 dev eth0 proto kernel scope link src 192.168.10.11",
    ]);
  });
});

describe("the machine that replies on a segment", () => {
  const topology = golden(vxlan, {
    nodes: [
      {
        name: "node1",
        attach: [["a", ["192.168.10.11/24"]]],
        podCidrs: ["10.244.1.0/24"],
        pods: ["web"],
        docker: "172.17.0.1/16",
      },
      { name: "node2", attach: [["a", ["192.168.10.12/24"]]], podCidrs: ["10.244.2.0/24"], docker: "172.17.0.1/16" },
    ],
  });
  const network = buildNetwork(topology);
  const who = (address: string, asker: string) => network.resolve("a", ip(address), asker)?.netns;

  it("is the interface with the address", () => {
    const end = network.resolve("a", ip("192.168.10.12"), "prod/node1");
    expect(end).toEqual({
      netns: "prod/node2",
      device: "eth0",
      mac: netnsOf(network, "prod/node2").devices.get("eth0")?.mac,
    });
    expect(who("192.168.10.11", "prod/node1")).toBeUndefined();
    expect(who("192.168.10.77", "prod/node1")).toBeUndefined();
  });

  it("or a host with the address on any device", () => {
    expect(who("192.168.20.1", "prod/node1")).toBe("r");
    expect(who("10.244.1.1", "prod/node2")).toBe("prod/node1");
    expect(who("10.244.1.0", "prod/node2")).toBe("prod/node1");
    expect(who("10.244.2.0", "prod/node1")).toBe("prod/node2");
    // No pod runs on node2, so it has no bridge; and a pod's address is not an address of the host.
    expect(who("10.244.2.1", "prod/node1")).toBeUndefined();
    expect(who("10.244.1.2", "prod/node2")).toBeUndefined();
    expect(who("172.17.0.1", "prod/node1")).toBe("prod/node2");
  });

  it("on a segment with its own MTU", () => {
    expect(network.segment("a")).toMatchObject({ name: "a", mtu: 1500 });
    expect(network.segment("x")).toBeUndefined();
  });
});

describe("access lists", () => {
  it("are chains of the router and of the node", () => {
    const deny = {
      action: "deny",
      proto: "udp",
      ports: [{ first: 8472, last: 8472 }],
      from: [],
      to: [],
      source: source("deny"),
    } as const;
    const topology = golden(vxlan, {
      routers: {
        r: {
          attach: [
            ["a", ["192.168.10.1/24"]],
            ["b", ["192.168.20.1/24"]],
          ],
          acl: [
            { ...deny, direction: "forward" },
            {
              ...deny,
              direction: "in",
              action: "allow",
              proto: undefined,
              ports: [],
              from: [prefix("10.0.0.0/8"), prefix("fd00::/8")],
              to: [prefix("0.0.0.0/0")],
            },
          ],
        },
      },
    });
    const r = netnsOf(buildNetwork(topology), "r");
    expect(printNetfilter(r, 4)).toEqual([
      "*filter",
      ":INPUT ACCEPT [0:0]",
      ":FORWARD ACCEPT [0:0]",
      ":OUTPUT ACCEPT [0:0]",
      "-A INPUT -s 10.0.0.0/8 -j ACCEPT",
      "-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT",
      "-A FORWARD -p udp -m udp --dport 8472 -j DROP",
      "COMMIT",
    ]);
    expect(printNetfilter(r, 6).filter((line) => line.startsWith("-A"))).toEqual([
      "-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT",
      "-A FORWARD -p udp -m udp --dport 8472 -j DROP",
    ]);
  });

  it("match ports with each protocol that has ports: without a protocol, iptables ignores the ports", () => {
    const deny = {
      action: "deny",
      direction: "forward",
      ports: [{ first: 443, last: 443 }],
      from: [],
      to: [],
      source: source("deny"),
    } as const;
    const rules = (proto: "icmp" | "tcp" | undefined): readonly string[] => {
      const attach = [["a", ["192.168.10.1/24"]]] as const;
      const topology = golden(vxlan, { routers: { r: { attach, acl: [{ ...deny, proto }] } } });
      return printNetfilter(netnsOf(buildNetwork(topology), "r"), 4).filter((line) => line.endsWith("DROP"));
    };
    expect(rules(undefined)).toEqual([
      "-A FORWARD -p tcp -m tcp --dport 443 -j DROP",
      "-A FORWARD -p udp -m udp --dport 443 -j DROP",
      "-A FORWARD -p sctp -m sctp --dport 443 -j DROP",
    ]);
    expect(rules("tcp")).toEqual(["-A FORWARD -p tcp -m tcp --dport 443 -j DROP"]);
    expect(rules("icmp")).toEqual([]);
  });
});

describe("sysctls and sockets", () => {
  const topology = golden(vxlan, {
    nodes: [
      {
        name: "node1",
        attach: [["a", ["192.168.10.11/24"]]],
        podCidrs: ["10.244.1.0/24"],
        pods: ["web"],
        sysctls: {
          "net.ipv4.ip_forward": "0",
          "net.ipv4.conf.all.rp_filter": "1",
          "net.ipv4.conf.eth0.rp_filter": "2",
          "net.bridge.bridge-nf-call-iptables": "0",
        },
        processes: [
          {
            name: "d1",
            listeners: [{ proto: "tcp", first: 9000, last: 9002, source: source("listen") }],
            source: source("daemon"),
          },
        ],
      },
      { name: "node2", attach: [["a", ["192.168.10.12/24"]]], podCidrs: ["10.244.2.0/24"] },
    ],
  });
  const network = buildNetwork(topology);

  it("in the file override the values of the role", () => {
    const node1 = netnsOf(network, "prod/node1").sysctls;
    expect([node1.ipForward, node1.bridgeNfCallIptables, node1.rpFilter("eth0"), node1.rpFilter("cni0")]).toEqual([
      false,
      false,
      2,
      1,
    ]);
    const node2 = netnsOf(network, "prod/node2").sysctls;
    expect([node2.ipForward, node2.bridgeNfCallIptables, node2.rpFilter("eth0"), node2.proxyArp("eth0")]).toEqual([
      true,
      true,
      0,
      false,
    ]);
    expect(netnsOf(network, "prod/default/web").sysctls.ipForward).toBe(false);
  });

  it("list one socket per port", () => {
    expect(
      netnsOf(network, "prod/node1").sockets.map(({ proto, port, process }) => `${proto} ${port} ${process}`),
    ).toEqual(["udp 8472 flannel.1 (kernel)", "tcp 9000 d1", "tcp 9001 d1", "tcp 9002 d1"]);
    expect(netnsOf(network, "prod/default/web").sockets).toMatchObject([
      { proto: "tcp", port: 8080, process: "web-c" },
    ]);
  });
});
