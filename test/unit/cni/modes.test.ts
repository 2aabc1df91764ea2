import { describe, expect, it } from "vitest";
import { modeOf } from "../../../server/src/cni/modes.ts";
import { buildNetwork, networkProblems } from "../../../server/src/cni/network.ts";
import { CODES } from "../../../server/src/cni/problems.ts";
import type { Netns, Network } from "../../../server/src/dataplane/model.ts";
import { printAddresses, printNetfilter, printRoutes } from "../../../server/src/dataplane/print.ts";
import { cni, golden, ip, type Plan, prefix, topologyOf } from "./fixture.ts";

function netnsOf(network: Network, id: string): Netns {
  const netns = network.netns(id);
  if (!netns) throw new Error(`no ${id}`);
  return netns;
}
const podCidrs = [{ prefix: prefix("10.244.0.0/16"), perNode: 24, source: cni("x").source }];

describe("docker", () => {
  const plan: Plan = {
    segments: { lan: { cidrs: ["10.100.0.0/24"], gateways: ["10.100.0.1"] } },
    pods: [],
    cni: cni("docker"),
    nodes: [
      { name: "n1", attach: [["lan", ["10.100.0.2/24"]]], pods: ["c1", "c2"] },
      { name: "n2", attach: [["lan", ["10.100.0.3/24"]]], pods: ["c3"] },
      { name: "n3", attach: [["lan", ["10.100.0.4/24"]]] },
    ],
  };
  const network = buildNetwork(topologyOf(plan));

  it("gives every node the same range and no route to other nodes", () => {
    for (const [node, own] of [
      ["n1", "10.100.0.2"],
      ["n2", "10.100.0.3"],
    ]) {
      expect(printRoutes(netnsOf(network, `prod/${node}`), 4)).toEqual([
        "default via 10.100.0.1 dev eth0",
        `10.100.0.0/24 dev eth0 proto kernel scope link src ${own}`,
        "172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1",
      ]);
    }
    expect(netnsOf(network, "prod/default/c1").devices.get("eth0")?.addresses).toEqual([
      { ip: ip("172.17.0.2"), len: 16 },
    ]);
    expect(netnsOf(network, "prod/default/c3").devices.get("eth0")?.addresses).toEqual([
      { ip: ip("172.17.0.2"), len: 16 },
    ]);
    expect(printRoutes(netnsOf(network, "prod/default/c1"), 4)).toEqual([
      "default via 172.17.0.1 dev eth0",
      "172.17.0.0/16 dev eth0 proto kernel scope link src 172.17.0.2",
    ]);
  });

  it("has docker0 without containers, down", () => {
    const n3 = netnsOf(network, "prod/n3");
    expect(printAddresses(n3)).toContain("docker0          DOWN           172.17.0.1/16");
    expect(printRoutes(n3, 4)).toContain("172.17.0.0/16 dev docker0 proto kernel scope link src 172.17.0.1 linkdown");
  });

  it("names veths as dockerd does, without hairpin", () => {
    const ports = [...netnsOf(network, "prod/n1").devices.values()].filter(({ master }) => master === "docker0");
    expect(ports).toHaveLength(2);
    for (const port of ports) {
      expect(port.name).toMatch(/^veth[0-9a-f]{7}$/);
      expect(port.hairpin).toBeUndefined();
    }
  });

  it("adds dockerd's rules", () => {
    expect(printNetfilter(netnsOf(network, "prod/n1"), 4)).toEqual([
      "*filter",
      ":INPUT ACCEPT [0:0]",
      ":FORWARD DROP [0:0]",
      ":OUTPUT ACCEPT [0:0]",
      ":DOCKER - [0:0]",
      ":DOCKER-ISOLATION-STAGE-1 - [0:0]",
      ":DOCKER-ISOLATION-STAGE-2 - [0:0]",
      ":DOCKER-USER - [0:0]",
      "-A FORWARD -j DOCKER-USER",
      "-A FORWARD -j DOCKER-ISOLATION-STAGE-1",
      "-A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
      "-A FORWARD -o docker0 -j DOCKER",
      "-A FORWARD -i docker0 ! -o docker0 -j ACCEPT",
      "-A FORWARD -i docker0 -o docker0 -j ACCEPT",
      "-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2",
      "-A DOCKER-ISOLATION-STAGE-1 -j RETURN",
      "-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP",
      "-A DOCKER-ISOLATION-STAGE-2 -j RETURN",
      "-A DOCKER-USER -j RETURN",
      "COMMIT",
      "*nat",
      ":PREROUTING ACCEPT [0:0]",
      ":INPUT ACCEPT [0:0]",
      ":OUTPUT ACCEPT [0:0]",
      ":POSTROUTING ACCEPT [0:0]",
      ":DOCKER - [0:0]",
      "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER",
      "-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER",
      "-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE",
      "-A DOCKER -i docker0 -j RETURN",
      "COMMIT",
    ]);
  });

  it("applies forward-policy, ip-masq, and docker-bridge", () => {
    const other = buildNetwork(
      topologyOf({
        ...plan,
        cni: cni("docker", { "forward-policy": "accept", "ip-masq": false, mtu: 1400 }),
        nodes: [
          {
            name: "n1",
            attach: [["lan", ["10.100.0.2/24"]]],
            docker: "172.26.0.1/16",
            podCidrs: ["172.26.0.0/16"],
            pods: ["c1"],
          },
        ],
      }),
    );
    const n1 = netnsOf(other, "prod/n1");
    const lines = printNetfilter(n1, 4);
    expect(lines).toContain(":FORWARD ACCEPT [0:0]");
    expect(lines.some((line) => line.includes("MASQUERADE"))).toBe(false);
    expect(n1.devices.get("docker0")).toMatchObject({ mtu: 1400, addresses: [{ ip: ip("172.26.0.1"), len: 16 }] });
    expect(printRoutes(n1, 4).filter((line) => line.includes("docker0"))).toEqual([
      "172.26.0.0/16 dev docker0 proto kernel scope link src 172.26.0.1",
    ]);
    expect(netnsOf(other, "prod/default/c1").devices.get("eth0")).toMatchObject({
      mtu: 1400,
      addresses: [{ ip: ip("172.26.0.2"), len: 16 }],
    });
  });

  it("reports that every node has the same range", () => {
    expect(networkProblems(topologyOf(plan))).toMatchObject([
      { code: CODES.dockerSameRange, data: { range: "172.17.0.0/16", nodes: 3 } },
    ]);
    expect(modeOf("docker").addressing(plan.cni, []).nodeRanges).toMatchObject([
      { within: prefix("172.17.0.0/16"), sameForAll: true },
    ]);
  });
});

describe("bridge", () => {
  it("adds routes only to on-link nodes", () => {
    const topology = golden(cni("bridge"));
    const network = buildNetwork(topology);
    expect(printRoutes(netnsOf(network, "prod/node1"), 4)).toEqual([
      "default via 192.168.10.1 dev eth0",
      "10.244.1.0/24 dev cni0 proto kernel scope link src 10.244.1.1",
      "10.244.2.0/24 via 192.168.10.12 dev eth0",
      "192.168.10.0/24 dev eth0 proto kernel scope link src 192.168.10.11",
    ]);
    expect(printRoutes(netnsOf(network, "prod/default/web"), 4)).toEqual([
      "default via 10.244.1.1 dev eth0",
      "10.244.1.0/24 dev eth0 proto kernel scope link src 10.244.1.2",
    ]);
    expect(netnsOf(network, "prod/default/web").devices.get("eth0")?.mtu).toBe(1500);
    expect(networkProblems(topology)).toMatchObject([
      { code: CODES.peersOffLink, data: { backend: "bridge", pairs: 4, peer: "prod/node3" } },
    ]);
  });

  it("applies its settings", () => {
    const topology = golden(
      cni("bridge", { bridge: "docker0", gateway: "last", routes: false, "ip-masq": true, mtu: 1400 }),
    );
    const network = buildNetwork(topology);
    const node1 = netnsOf(network, "prod/node1");
    expect(printRoutes(node1, 4)).toEqual([
      "default via 192.168.10.1 dev eth0",
      "10.244.1.0/24 dev docker0 proto kernel scope link src 10.244.1.254",
      "192.168.10.0/24 dev eth0 proto kernel scope link src 192.168.10.11",
    ]);
    expect(netnsOf(network, "prod/default/web").devices.get("eth0")).toMatchObject({
      mtu: 1400,
      addresses: [{ ip: ip("10.244.1.1"), len: 24 }],
    });
    expect(printRoutes(netnsOf(network, "prod/default/web"), 4)[0]).toBe("default via 10.244.1.254 dev eth0");
    expect(printNetfilter(node1, 4).filter((line) => line.includes("MASQUERADE"))).toHaveLength(2);
    expect(networkProblems(topology)).toEqual([]);
  });

  it("replaces the node's docker0", () => {
    const network = buildNetwork(
      golden(cni("bridge", { bridge: "docker0" }), {
        nodes: [
          {
            name: "node1",
            attach: [["a", ["192.168.10.11/24"]]],
            podCidrs: ["172.17.1.0/24"],
            docker: "172.17.0.1/16",
            pods: ["web"],
          },
        ],
      }),
    );
    expect(printRoutes(netnsOf(network, "prod/node1"), 4).filter((line) => line.includes("docker0"))).toEqual([
      "172.17.1.0/24 dev docker0 proto kernel scope link src 172.17.1.1",
    ]);
  });
});

describe("none", () => {
  it("leaves pods with only lo", () => {
    const network = buildNetwork(golden(cni("none")));
    expect([...netnsOf(network, "prod/default/web").devices.keys()]).toEqual(["lo"]);
    expect([...netnsOf(network, "prod/node1").devices.keys()]).toEqual(["lo", "eth0"]);
    expect([...netnsOf(network, "prod/node1").netfilter.chains(4)]).toEqual([]);
  });

  it("replaces an unknown plugin", () => {
    expect(modeOf("what").plugin).toBe("none");
  });
});

describe("addressing", () => {
  const flannel = modeOf("flannel");

  it("is host-local's: the gateway first, then pods up to the second to last address", () => {
    const { gateway, usable } = flannel.addressing(cni("flannel"), podCidrs);
    expect(gateway(prefix("10.244.1.0/24"))).toBe(ip("10.244.1.1"));
    expect(usable(prefix("10.244.1.0/24"))).toEqual({ first: ip("10.244.1.2"), last: ip("10.244.1.254") });
    expect(usable(prefix("10.244.1.0/30"))).toEqual({ first: ip("10.244.1.2"), last: ip("10.244.1.2") });
    expect(usable(prefix("10.244.1.0/31"))).toBeUndefined();
    expect(usable(prefix("fd00::/126"))).toEqual({ first: ip("fd00::2"), last: ip("fd00::3") });
    const last = modeOf("bridge").addressing(cni("bridge", { gateway: "last" }), podCidrs);
    expect(last.gateway(prefix("10.244.1.0/24"))).toBe(ip("10.244.1.254"));
    expect(last.usable(prefix("10.244.1.0/24"))).toEqual({ first: ip("10.244.1.1"), last: ip("10.244.1.253") });
  });

  it("allocates nodes' blocks from the cluster's range, or in etcd mode from SubnetMin to SubnetMax", () => {
    const ranges = (block: Parameters<typeof cni>[1]) => flannel.addressing(cni("flannel", block), podCidrs).nodeRanges;
    expect(ranges({})).toMatchObject([{ perNode: 24, first: ip("10.244.0.0"), last: ip("10.244.255.0") }]);
    expect(ranges({ "subnet-manager": "etcd" })).toMatchObject([
      { perNode: 24, first: ip("10.244.1.0"), last: ip("10.244.255.0") },
    ]);
    expect(
      ranges({
        "subnet-manager": "etcd",
        "subnet-len": "/20",
        "subnet-min": "10.244.32.0",
        "subnet-max": "10.244.64.0",
      }),
    ).toMatchObject([{ perNode: 20, first: ip("10.244.32.0"), last: ip("10.244.64.0") }]);
    expect(ranges({ "subnet-manager": "etcd", network: "10.5.0.0/23" })).toMatchObject([
      { perNode: 25, first: ip("10.5.0.128"), last: ip("10.5.1.128") },
    ]);
  });
});
