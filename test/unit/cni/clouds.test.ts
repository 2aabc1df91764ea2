/** AWS, Azure, and GKE: the state that their programs create on a machine, and packet paths through their networks. */
import { describe, expect, it } from "vitest";
import { formatPrefix } from "../../../server/src/addressing/ip.ts";
import { ENI_LIMITS } from "../../../server/src/cni/aws-limits.ts";
import { modeOf } from "../../../server/src/cni/modes.ts";
import { printNeighbours, printNetfilter, printPolicyRules, printRoutes } from "../../../server/src/dataplane/print.ts";
import { check, shown } from "../checks/harness.ts";
import { cni, prefix } from "./fixture.ts";
import { sample, sampleText } from "./samples.ts";

const rules = (lines: readonly string[]): readonly string[] => lines.filter((line) => line.startsWith("-A"));

describe("aws-vpc", () => {
  const one = sample("aws-vpc");
  const { netns, walk } = one;
  const host = (pod: string): string => {
    const end = netns(`prod/default/${pod}`).devices.get("eth0");
    return end?.kind === "veth" ? end.peer.device : "";
  };

  it("gives a pod one address, a gateway that no interface has, and the gateway's MAC address", () => {
    const web = netns("prod/default/web");
    expect(printRoutes(web, 4)).toEqual(["default via 169.254.1.1 dev eth0", "169.254.1.1 dev eth0 scope link"]);
    expect(printNeighbours(web)).toEqual([
      `169.254.1.1 dev eth0 lladdr ${netns("prod/w1").devices.get(host("web"))?.mac} PERMANENT`,
    ]);
    expect(host("web")).toMatch(/^eni[0-9a-f]{11}$/);
  });

  it("routes to pods in main, and from pods of a second interface in a separate table", () => {
    const w1 = netns("prod/w1");
    expect(printRoutes(w1, 4)).toEqual([
      "default via 10.0.0.1 dev eth0",
      "10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.10",
      `10.0.0.248 dev ${host("d")} scope link`,
      `10.0.0.252 dev ${host("web")} scope link`,
      `10.0.0.253 dev ${host("b")} scope link`,
      `10.0.0.254 dev ${host("c")} scope link`,
    ]);
    expect(printPolicyRules(w1)).toEqual([
      "0:\tfrom all lookup local",
      "512:\tfrom all to 10.0.0.252 lookup main",
      "512:\tfrom all to 10.0.0.253 lookup main",
      "512:\tfrom all to 10.0.0.254 lookup main",
      "512:\tfrom all to 10.0.0.248 lookup main",
      "1024:\tfrom all fwmark 0x80/0x80 lookup main",
      "1536:\tfrom 10.0.0.248 lookup 2",
      "32765:\tfrom 10.0.0.251 lookup 2",
      "32766:\tfrom all lookup main",
      "32767:\tfrom all lookup default",
    ]);
    expect(printRoutes(w1, 4, "2")).toEqual(["default via 10.0.0.1 dev eth1", "10.0.0.1 dev eth1 scope link"]);
  });

  it("rewrites the source of packets that leave the VPC (buildIptablesSNATRules, iptables_connmark.go)", () => {
    expect(rules(printNetfilter(netns("prod/w1"), 4))).toEqual([
      '-A PREROUTING -i eth0 -m addrtype --dst-type LOCAL -m comment --comment "AWS, primary ENI" -j CONNMARK --set-xmark 0x80/0x80',
      '-A PREROUTING -i eni+ -m comment --comment "AWS, primary ENI" -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80',
      '-A PREROUTING -i eni+ -m comment --comment "AWS, outbound connections" -j AWS-CONNMARK-CHAIN-0',
      '-A PREROUTING -m comment --comment "AWS, CONNMARK" -j CONNMARK --restore-mark --nfmask 0x80 --ctmask 0x80',
      '-A POSTROUTING -m comment --comment "AWS SNAT CHAIN" -j AWS-SNAT-CHAIN-0',
      '-A AWS-CONNMARK-CHAIN-0 -d 10.0.0.0/24 -m comment --comment "AWS CONNMARK CHAIN" -j RETURN',
      '-A AWS-CONNMARK-CHAIN-0 -d 10.0.1.0/24 -m comment --comment "AWS CONNMARK CHAIN" -j RETURN',
      '-A AWS-CONNMARK-CHAIN-0 -m comment --comment "AWS, CONNMARK" -j CONNMARK --set-xmark 0x80/0x80',
      '-A AWS-SNAT-CHAIN-0 -d 10.0.0.0/24 -m comment --comment "AWS SNAT CHAIN" -j RETURN',
      '-A AWS-SNAT-CHAIN-0 -d 10.0.1.0/24 -m comment --comment "AWS SNAT CHAIN" -j RETURN',
      '-A AWS-SNAT-CHAIN-0 ! -o vlan+ -m addrtype ! --dst-type LOCAL -m comment --comment "AWS, SNAT" -j SNAT --to-source 10.0.0.10 --random-fully',
    ]);
    const external = sample("aws-vpc", (text) =>
      text.replace("instance m7g.medium", "instance m7g.medium\n    external-snat true"),
    );
    expect(printNetfilter(external.netns("prod/w1"), 4)).toEqual([]);
    expect(printPolicyRules(external.netns("prod/w1")).some((line) => line.startsWith("1024"))).toBe(false);
  });

  it.each([
    ["web", "the same node", "10.0.0.248", 80, "web:eth0 out, w1:eni in, w1:eni out, d:eth0 in", "10.0.0.252"],
    [
      "web",
      "the subnet",
      "10.0.0.245",
      9090,
      "web:eth0 out, w1:eni in, w1:eth0 out, w2:eth0 in, w2:eni out, api:eth0 in",
      "10.0.0.252",
    ],
    [
      "d",
      "the subnet, from the second interface via the gateway",
      "10.0.0.245",
      9090,
      "d:eth0 out, w1:eni in, w1:eth1 out, vpc:eth0 in, vpc:eth0 out, w2:eth0 in, w2:eni out, api:eth0 in",
      "10.0.0.248",
    ],
    [
      "web",
      "another subnet",
      "10.0.1.252",
      9090,
      "web:eth0 out, w1:eni in, w1:eth0 out, vpc:eth0 in, vpc:eth1 out, w3:eth0 in, w3:eni out, far:eth0 in",
      "10.0.0.252",
    ],
    [
      "d",
      "the Internet, through the first interface",
      "198.51.100.10",
      443,
      "d:eth0 out, w1:eni in, w1:eth0 out, vpc:eth0 in, vpc:eth2 out, site:eth0 in",
      "10.0.0.10",
    ],
  ])("%s reaches %s", (from, _, to, port, way, source) => {
    const walked = walk(`prod/default/${from}`, to, port);
    expect(walked).toMatchObject({ way, source, verdict: "delivered" });
    expect(walked.back).toMatch(/^delivered: /);
  });

  it("arrives on the interface that has the address", () => {
    expect(walk("prod/default/api", "10.0.0.248").way).toBe(
      "api:eth0 out, w2:eni in, w2:eth0 out, w1:eth1 in, w1:eni out, d:eth0 in",
    );
  });

  it("has the interface's MTU if that is smaller", () => {
    expect(netns("prod/default/web").devices.get("eth0")?.mtu).toBe(9001);
    const small = sample("aws-vpc", (text) =>
      text.replace("attach subnet-a 10.0.0.10", "attach subnet-a 10.0.0.10 { mtu 1500 }"),
    );
    expect(small.netns("prod/default/web").devices.get("eth0")?.mtu).toBe(1500);
  });

  it.each([
    ["m5.large", 29],
    ["t3.small", 11],
    ["t3.medium", 17],
    ["t3.large", 35],
    ["m5.4xlarge", 234],
    ["c5.xlarge", 58],
    ["m7g.medium", 8],
  ])("on %s starts the number of pods in misc/eni-max-pods.txt: %d", (instance, pods) => {
    expect(ENI_LIMITS.has(instance)).toBe(true);
    expect(modeOf("aws-vpc").addressing(cni("aws-vpc", { instance }), [], undefined).maxPods).toBe(pods);
  });

  it("recommends 110 with prefixes", () => {
    const settings = cni("aws-vpc", { instance: "m5.large", "prefix-delegation": true });
    expect(modeOf("aws-vpc").addressing(settings, [], undefined).maxPods).toBe(110);
  });

  it("gives IPv6 pods a /80 of the subnet, and masquerades nothing", () => {
    const six = sample("aws-vpc", (text) =>
      text
        .replace("cidr 10.0.0.0/24\n", "cidr 10.0.0.0/24 2600:1f14:1::/64\n")
        .replace("cidr 10.0.1.0/24\n", "cidr 10.0.1.0/24 2600:1f14:2::/64\n")
        .replace("attach subnet-a 10.0.0.1\n", "attach subnet-a 10.0.0.1 2600:1f14:1::1\n")
        .replace("attach subnet-b 10.0.1.1\n", "attach subnet-b 10.0.1.1 2600:1f14:2::1\n")
        .replace("attach subnet-a 10.0.0.10", "attach subnet-a 10.0.0.10 2600:1f14:1::10")
        .replace("attach subnet-a 10.0.0.11", "attach subnet-a 10.0.0.11 2600:1f14:1::11")
        .replace("attach subnet-b 10.0.1.10", "attach subnet-b 10.0.1.10 2600:1f14:2::10")
        .replace("instance m7g.medium", "ip-family ipv6"),
    );
    const [cluster] = six.topology.clusters;
    expect(cluster?.nodes.map(({ podCidrs }) => podCidrs.map((own) => formatPrefix(own.prefix)))).toEqual([
      ["2600:1f14:1:0:ffff::/80"],
      ["2600:1f14:1:0:fffe::/80"],
      ["2600:1f14:2:0:ffff::/80"],
    ]);
    expect(printRoutes(six.netns("prod/default/web"), 6).filter((line) => !line.startsWith("fe80::/64"))).toEqual([
      "2600:1f14:1:0:ffff:: dev eth0 proto kernel metric 256 pref medium",
      "fe80::1 dev eth0 metric 1024 pref medium",
      "default via fe80::1 dev eth0 metric 1024 pref medium",
    ]);
    expect(printNetfilter(six.netns("prod/w1"), 6)).toEqual([]);
    expect(six.walk("prod/default/web", "2600:1f14:2:0:ffff::", 9090)).toMatchObject({
      verdict: "delivered",
      source: "2600:1f14:1:0:ffff::",
    });
  });
});

describe("azure", () => {
  const { netns, walk } = sample("azure");

  it("adds the transparent mode's routes to pods", () => {
    expect(printRoutes(netns("over/default/web"), 4)).toEqual([
      "default via 169.254.1.1 dev eth0 proto static",
      "169.254.1.1 dev eth0 proto static scope link",
    ]);
    expect(printRoutes(netns("over/o1"), 4).filter((line) => line.includes("azv"))).toEqual([
      expect.stringMatching(/^10\.244\.0\.1 dev azv[0-9a-f]{11} proto static$/),
      expect.stringMatching(/^10\.244\.0\.2 dev azv[0-9a-f]{11} proto static$/),
    ]);
  });

  it("carries the overlay in a separate routing domain", () => {
    expect(printRoutes(netns("vnet"), 4).filter((line) => line.includes("10.244."))).toEqual([]);
    expect(printRoutes(netns("vnet"), 4, "1000")).toEqual([
      "10.244.0.0/24 via 10.224.0.4 dev eth0",
      "10.244.1.0/24 via 10.225.0.4 dev eth1",
    ]);
    expect(printPolicyRules(netns("vnet")).filter((line) => line.startsWith("1000"))).toEqual([
      "1000:\tfrom 10.244.0.0/16 lookup 1000",
      "1000:\tfrom 10.224.0.4 lookup 1000",
      "1000:\tfrom 10.225.0.4 lookup 1000",
    ]);
  });

  it.each([
    [
      "over/default/web",
      "the same node",
      "10.244.0.2",
      80,
      "web:eth0 out, o1:azv in, o1:azv out, near:eth0 in",
      "10.244.0.1",
    ],
    [
      "over/default/web",
      "another subnet's node",
      "10.244.1.1",
      6379,
      "web:eth0 out, o1:azv in, o1:eth0 out, vnet:eth0 in, vnet:eth1 out, o2:eth0 in, o2:azv out, cache:eth0 in",
      "10.244.0.1",
    ],
    [
      "over/default/web",
      "a machine in the VNet, with its node's address",
      "10.225.0.200",
      5432,
      "web:eth0 out, o1:azv in, o1:eth0 out, vnet:eth0 in, vnet:eth1 out, vm:eth0 in",
      "10.224.0.4",
    ],
    [
      "flat/default/db",
      "a machine in its subnet, with its own address",
      "10.225.0.200",
      5432,
      "db:eth0 out, f2:azv in, f2:eth0 out, vm:eth0 in",
      "10.225.0.160",
    ],
  ])("%s reaches %s", (from, _, to, port, way, source) => {
    const walked = walk(from, to, port);
    expect(walked).toMatchObject({ way, source, verdict: "delivered" });
    expect(walked.back).toMatch(/^delivered: /);
  });

  it("hides the overlay's pods from the VNet, but not pods with addresses of the subnet", () => {
    expect(walk("vm", "10.244.0.1")).toMatchObject({ verdict: "unreachable", reason: "no-route" });
    expect(walk("vm", "10.224.0.192", 9090)).toMatchObject({ verdict: "delivered", source: "10.225.0.200" });
  });

  it("allocates a /24 per node, or as many addresses of the subnet as pods can run", () => {
    const ranges = [{ prefix: prefix("10.244.0.0/16"), perNode: 26, source: cni("x").source }];
    expect(modeOf("azure").addressing(cni("azure"), ranges, undefined)).toMatchObject({
      maxPods: 250,
      nodeRanges: [{ perNode: 24 }],
    });
    const flat = cni("azure", { mode: "node-subnet" });
    expect(modeOf("azure").addressing(flat, [], undefined)).toMatchObject({ maxPods: 30, fromSegment: { len: 27 } });
    expect(modeOf("azure").addressing(flat, [], 110)).toMatchObject({ fromSegment: { len: 25 } });
  });
});

describe("gke", () => {
  const { netns, walk } = sample("gke");

  it("has no route to other nodes, but the VPC has one to each", () => {
    expect(printRoutes(netns("prod/n1"), 4)).toEqual([
      "default via 10.128.0.1 dev eth0",
      expect.stringMatching(/^10\.4\.0\.2 dev veth[0-9a-f]{8} scope host$/),
      expect.stringMatching(/^10\.4\.0\.3 dev veth[0-9a-f]{8} scope host$/),
      "10.128.0.1 dev eth0 scope link",
    ]);
    expect(printRoutes(netns("vpc"), 4).filter((line) => line.startsWith("10.4."))).toEqual([
      "10.4.0.0/26 via 10.128.0.2 dev eth0",
      "10.4.0.64/26 via 10.128.0.3 dev eth0",
      "10.4.0.128/26 via 10.132.0.2 dev eth1",
    ]);
  });

  it("does not masquerade private and reserved ranges (--nomasq-all-reserved-ranges)", () => {
    const lines = rules(printNetfilter(netns("prod/n1"), 4));
    expect(lines.map((line) => /-d (\S+)/.exec(line)?.[1]).filter((found) => found !== undefined)).toEqual([
      "169.254.0.0/16",
      "10.0.0.0/8",
      "172.16.0.0/12",
      "192.168.0.0/16",
      "100.64.0.0/10",
      "192.0.0.0/24",
      "192.0.2.0/24",
      "192.88.99.0/24",
      "198.18.0.0/15",
      "198.51.100.0/24",
      "203.0.113.0/24",
      "240.0.0.0/4",
    ]);
    expect(lines.at(-1)).toMatch(/^-A IP-MASQ .*-j MASQUERADE --random-fully$/);
  });

  it.each([
    ["the same node", "10.4.0.3", 6379, "web:eth0 out, n1:veth in, n1:veth out, cache:eth0 in", "10.4.0.2"],
    [
      "another machine on the subnet, via the gateway",
      "10.4.0.66",
      9090,
      "web:eth0 out, n1:veth in, n1:eth0 out, vpc:eth0 in, vpc:eth0 out, n2:eth0 in, n2:veth out, api:eth0 in",
      "10.4.0.2",
    ],
    [
      "another subnet",
      "10.4.0.130",
      5432,
      "web:eth0 out, n1:veth in, n1:eth0 out, vpc:eth0 in, vpc:eth1 out, n3:eth0 in, n3:veth out, db:eth0 in",
      "10.4.0.2",
    ],
    [
      "the Internet, with its node's address",
      "8.8.8.8",
      443,
      "web:eth0 out, n1:veth in, n1:eth0 out, vpc:eth0 in, vpc:eth2 out, dns:eth0 in",
      "10.128.0.2",
    ],
  ])("reaches %s", (_, to, port, way, source) => {
    const walked = walk("prod/default/web", to, port);
    expect(walked).toMatchObject({ way, source, verdict: "delivered", mtu: 1460 });
    expect(walked.back).toMatch(/^delivered: /);
  });

  it.each([
    [8, 28],
    [9, 27],
    [16, 27],
    [17, 26],
    [32, 26],
    [33, 25],
    [64, 25],
    [65, 24],
    [110, 24],
    [129, 23],
    [256, 23],
  ])("gives a node with at most %d pods a /%d", (maxPods, perNode) => {
    const ranges = [{ prefix: prefix("10.4.0.0/14"), perNode: 24, source: cni("x").source }];
    expect(modeOf("gke").addressing(cni("gke"), ranges, maxPods).nodeRanges[0]?.perNode).toBe(perNode);
  });
});

describe("a cloud's subnet", () => {
  it("reserves its addresses and allocates none of them", () => {
    const first = (cloud: string): string | undefined => {
      const { topology } = sample(
        "kubenet",
        () => `segment s { cidr 10.0.0.0/28; cloud ${cloud} }\nhost a { attach s }\n`,
      );
      const [own] = topology.hosts[0]?.interfaces[0]?.addresses ?? [];
      return own && formatPrefix(own);
    };
    expect([first("aws"), first("azure"), first("gcp")]).toEqual(["10.0.0.4/28", "10.0.0.4/28", "10.0.0.2/28"]);
  });

  it("allocates pod addresses from its end and machine addresses from its beginning, and reports when they overlap", () => {
    const text = sampleText("broken/azure-subnet-full");
    const nodes = (count: number): readonly string[] => check(text.replace("1..8", `1..${count}`)).map(shown);
    expect(nodes(7)).toEqual([]);
    expect(nodes(8).filter((line) => line.startsWith("KN411"))).toHaveLength(1);
  });
});
