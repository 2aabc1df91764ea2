import { Ajv } from "ajv";
import { describe, expect, it } from "vitest";
import { buildPrefixTable } from "../../../server/src/addressing/prefix-table.ts";
import { LOOPBACK } from "../../../server/src/cni/host.ts";
import { buildNetwork } from "../../../server/src/cni/network.ts";
import type { Device, Netns, NfTarget, Route } from "../../../server/src/dataplane/model.ts";
import { printNetns, printPolicyRules, printRoutes, routesReport } from "../../../server/src/dataplane/print.ts";
import { RoutesReport } from "../../../server/src/dataplane/routes-schema.ts";
import { type Conditions, nfRule } from "../../../server/src/dataplane/rule.ts";
import { ruleText } from "../../../server/src/dataplane/text.ts";
import { cni, golden, ip, prefix } from "../cni/fixture.ts";

function unicast(dst: string, dev: string, more: Partial<Route> & { via?: string; onlink?: boolean } = {}): Route {
  const { via, onlink, ...rest } = more;
  const hop = { dev, ...(via === undefined ? {} : { via: ip(via) }), ...(onlink ? { onlink } : {}) };
  return { dst: prefix(dst), type: "unicast", nexthops: [hop], why: "", origin: undefined, ...rest };
}

function netnsWith(routes: readonly Route[], devices: readonly Device[] = []): Netns {
  return {
    id: "n",
    kind: "host",
    devices: new Map([LOOPBACK, ...devices].map((device) => [device.name, device])),
    rules: [],
    tables: new Map([
      ["main", { layers: [{ table: buildPrefixTable(routes.map((route) => [route.dst, route] as const)) }] }],
    ]),
    neighbours: { lookup: () => undefined, entries: () => [] },
    netfilter: { chain: () => undefined, chains: () => [], bases: () => [], nft: () => [] },
    sysctls: {
      ipForward: false,
      ip6Forward: false,
      rpFilter: () => 0,
      bridgeNfCallIptables: false,
      bridgeNfCallIp6tables: false,
      proxyArp: () => false,
      routeLocalnet: () => false,
    },
    sockets: [],
    origin: undefined,
  };
}

/* Output of iproute2 6.1 for these routes on Linux 6.18, without trailing spaces. */
describe("ip route", () => {
  it("prints IPv4 in the order of the trie", () => {
    const special = (dst: string, type: Route["type"], metric?: number): Route => ({
      dst: prefix(dst),
      type,
      nexthops: [],
      why: "",
      origin: undefined,
      ...(metric === undefined ? {} : { metric }),
    });
    const netns = netnsWith([
      unicast("192.168.10.0/24", "eth0", { proto: "kernel", scope: "link", src: ip("192.168.10.11") }),
      unicast("10.244.3.0/24", "flannel.1", { via: "10.244.3.0", onlink: true }),
      unicast("10.244.0.0/16", "eth0", { via: "192.168.10.1" }),
      unicast("10.244.0.0/24", "eth0", { via: "192.168.10.1", metric: 20 }),
      unicast("10.244.0.0/24", "eth0", { via: "192.168.10.1", metric: 10 }),
      special("10.9.0.0/16", "blackhole"),
      special("10.8.0.0/16", "unreachable", 5),
      special("10.7.0.0/16", "prohibit"),
      {
        ...special("10.66.0.0/16", "unicast"),
        nexthops: [{ via: ip("192.168.10.2"), dev: "eth0", weight: 2, onlink: true }, { dev: "cni0" }],
      },
      unicast("10.5.0.0/16", "eth0", { via: "192.168.10.2", mtu: 1400 }),
      unicast("10.55.0.0/16", "eth0", {
        via: "192.168.10.2",
        proto: "static",
        mtu: 1400,
        src: ip("192.168.10.11"),
        metric: 7,
      }),
      unicast("10.4.0.0/16", "eth0", { scope: "link" }),
      unicast("10.3.0.1/32", "eth0", { scope: "link" }),
      unicast("0.0.0.0/0", "eth0", { via: "192.168.10.1" }),
    ]);
    expect(printRoutes(netns, 4)).toEqual([
      "default via 192.168.10.1 dev eth0",
      "10.3.0.1 dev eth0 scope link",
      "10.4.0.0/16 dev eth0 scope link",
      "10.5.0.0/16 via 192.168.10.2 dev eth0 mtu 1400",
      "prohibit 10.7.0.0/16",
      "unreachable 10.8.0.0/16 metric 5",
      "blackhole 10.9.0.0/16",
      "10.55.0.0/16 via 192.168.10.2 dev eth0 proto static src 192.168.10.11 metric 7 mtu 1400",
      "10.66.0.0/16",
      "\tnexthop via 192.168.10.2 dev eth0 weight 2 onlink",
      "\tnexthop dev cni0 weight 1",
      "10.244.0.0/24 via 192.168.10.1 dev eth0 metric 10",
      "10.244.0.0/24 via 192.168.10.1 dev eth0 metric 20",
      "10.244.0.0/16 via 192.168.10.1 dev eth0",
      "10.244.3.0/24 via 10.244.3.0 dev flannel.1 onlink",
      "192.168.10.0/24 dev eth0 proto kernel scope link src 192.168.10.11",
    ]);
  });

  it("prints IPv6 routes with the most specific prefixes first", () => {
    const netns = netnsWith([
      unicast("::/0", "d0", { via: "fd00::9", metric: 1024 }),
      unicast("fd05::/16", "d0", { metric: 1024 }),
      unicast("fd05:1::/48", "d0", { metric: 5 }),
      unicast("fd05:1::/48", "d0", { metric: 3 }),
      unicast("fd05:1::/64", "d0", { metric: 1024 }),
      unicast("fd05::/64", "d0", { metric: 1024 }),
      unicast("fd04::/64", "d0", { metric: 1024 }),
      unicast("fd06::/64", "d0", { metric: 1024 }),
      unicast("fd05::/128", "d0", { metric: 1024 }),
      unicast("fd00::/64", "d0", { proto: "kernel", metric: 256 }),
      { ...unicast("fd09::/48", "d0", { metric: 1024 }), type: "blackhole", nexthops: [] },
    ]);
    expect(printRoutes(netns, 6)).toEqual([
      "fd00::/64 dev d0 proto kernel metric 256 pref medium",
      "fd04::/64 dev d0 metric 1024 pref medium",
      "fd05:: dev d0 metric 1024 pref medium",
      "fd05::/64 dev d0 metric 1024 pref medium",
      "fd05:1::/64 dev d0 metric 1024 pref medium",
      "fd05:1::/48 dev d0 metric 3 pref medium",
      "fd05:1::/48 dev d0 metric 5 pref medium",
      "fd05::/16 dev d0 metric 1024 pref medium",
      "fd06::/64 dev d0 metric 1024 pref medium",
      "blackhole fd09::/48 dev lo metric 1024 pref medium",
      "default via fd00::9 dev d0 metric 1024 pref medium",
    ]);
  });
});

describe("ip rule", () => {
  it("prints rules only if they differ from the kernel's three default rules", () => {
    expect(printPolicyRules(netnsWith([]))).toEqual([]);
    const netns: Netns = {
      ...netnsWith([]),
      rules: [
        { priority: 0, table: "local" },
        {
          priority: 100,
          from: prefix("10.0.0.0/8"),
          fwmark: { value: 0x80000, mask: 0x80000 },
          iif: "eth0",
          table: "100",
        },
        { priority: 32766, table: "main" },
      ],
    };
    expect(printPolicyRules(netns)).toEqual([
      "0:\tfrom all lookup local",
      "100:\tfrom 10.0.0.0/8 fwmark 0x80000/0x80000 iif eth0 lookup 100",
      "32766:\tfrom all lookup main",
    ]);
  });
});

/* Each line is unchanged after iptables-restore and iptables-save 1.8.9. */
describe("iptables-save", () => {
  const text = (match: Conditions, target: NfTarget, comment?: string, family: 4 | 6 = 4) =>
    ruleText(nfRule({ match, target, comment, origin: undefined }), family);
  it.each([
    [text({ proto: "tcp", dport: { first: 80, last: 90 } }, { kind: "DROP" }), "-p tcp -m tcp --dport 80:90 -j DROP"],
    [text({ proto: "udp", sport: { first: 53, last: 53 } }, { kind: "DROP" }), "-p udp -m udp --sport 53 -j DROP"],
    [text({ proto: "icmp" }, { kind: "DROP" }), "-p icmp -j DROP"],
    [text({ proto: "icmp" }, { kind: "DROP" }, undefined, 6), "-p ipv6-icmp -j DROP"],
    [text({ proto: "ipip" }, { kind: "DROP" }), "-p ipencap -j DROP"],
    [
      text({ srcRange: { first: ip("10.0.0.1"), last: ip("10.0.0.9") } }, { kind: "DROP" }),
      "-m iprange --src-range 10.0.0.1-10.0.0.9 -j DROP",
    ],
    [
      text({ mark: { is: { value: 1, mask: 0xff }, not: true } }, { kind: "REJECT", with: "icmp-port-unreachable" }),
      "-m mark ! --mark 0x1/0xff -j REJECT --reject-with icmp-port-unreachable",
    ],
    [text({ proto: "tcp" }, { kind: "REJECT", with: "tcp-reset" }), "-p tcp -j REJECT --reject-with tcp-reset"],
    [
      text({}, { kind: "REJECT", with: "icmp-admin-prohibited" }, undefined, 6),
      "-j REJECT --reject-with icmp6-adm-prohibited",
    ],
    [
      text({ out: { is: "docker0" }, ctstate: ["ESTABLISHED", "RELATED"] }, { kind: "ACCEPT" }),
      "-o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ],
    [
      text(
        {
          src: { is: prefix("10.0.0.0/8") },
          dst: { is: prefix("11.0.0.0/8") },
          in: { is: "eth0" },
          out: { is: "eth1" },
          proto: "tcp",
          sport: { first: 1, last: 1 },
          dport: { first: 2, last: 2 },
          ctstate: ["NEW"],
        },
        { kind: "ACCEPT" },
        "single",
      ),
      "-s 10.0.0.0/8 -d 11.0.0.0/8 -i eth0 -o eth1 -p tcp -m tcp --sport 1 --dport 2 -m conntrack --ctstate NEW -m comment --comment single -j ACCEPT",
    ],
    [
      text(
        { dst: { is: prefix("127.0.0.0/8"), not: true }, addrtype: { side: "dst", type: "LOCAL" } },
        { kind: "JUMP", chain: "DOCKER" },
      ),
      "! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER",
    ],
    [
      text(
        { in: { is: "docker0", not: true }, proto: "tcp", dport: { first: 8080, last: 8080 } },
        { kind: "DNAT", to: ip("172.17.0.2"), port: 80 },
      ),
      "! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80",
    ],
    [text({}, { kind: "SNAT", to: ip("1.2.3.4") }), "-j SNAT --to-source 1.2.3.4"],
    [
      text({ src: { is: prefix("10.0.0.0/8") } }, { kind: "MARK", value: 0x4000, mask: 0x4000 }),
      "-s 10.0.0.0/8 -j MARK --set-xmark 0x4000/0x4000",
    ],
  ])("%s", (printed, expected) => {
    expect(printed).toBe(expected);
  });
});

describe("a network namespace", () => {
  const network = buildNetwork(golden(cni("flannel", { backend: "vxlan" })));
  const node = network.netns("prod/node1");

  it("is printed under the commands that produce it", () => {
    const text = node ? printNetns(node, network) : "";
    expect(text.split("\n").filter((line) => line.startsWith("#"))).toEqual([
      "# ip -brief address",
      "# ip route",
      "# ip neigh",
      "# bridge fdb",
    ]);
    expect(text.endsWith("permanent\n")).toBe(true);
  });

  it("has a JSON form that its schema accepts", () => {
    const place = { file: "a.knet", range: { start: { line: 0, character: 0 }, end: { line: 0, character: 4 } } };
    for (const id of ["prod/node1", "prod/default/web", "r"]) {
      const netns = network.netns(id);
      const report = netns && routesReport(netns, () => place);
      const validate = new Ajv().compile(JSON.parse(JSON.stringify(RoutesReport)));
      expect(validate(JSON.parse(JSON.stringify(report))), JSON.stringify(validate.errors)).toBe(true);
    }
    expect(node && routesReport(node, () => undefined).routes[2]).toEqual({
      dst: "10.244.2.0/24",
      via: "10.244.2.0",
      dev: "flannel.1",
      onlink: true,
      table: "main",
      why: "flanneld (vxlan): node node2 has 10.244.2.0/24; tunnel to 192.168.10.12",
    });
  });
});
