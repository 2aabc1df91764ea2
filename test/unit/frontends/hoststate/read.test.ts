/** Outputs of commands → entries, with the traps of their formats. */
import { describe, expect, it } from "vitest";
import { formatIp, formatPrefix } from "../../../../server/src/addressing/ip.ts";
import { policyRuleText } from "../../../../server/src/dataplane/print.ts";
import type { RealMachine } from "../../../../server/src/dataplane/real/state.ts";
import { routeText, ruleText } from "../../../../server/src/dataplane/text.ts";
import { readState } from "../../../../server/src/frontends/hoststate/index.ts";

function machine(text: string, file = "n1.txt"): RealMachine {
  const [found] = readState([{ file, text }]).machines;
  if (!found) throw new Error("no machine");
  return found;
}

function problems(text: string, file = "n1.txt"): readonly string[] {
  return readState([{ file, text }]).problems.map(
    ({ code, span, data }) =>
      `${code} ${JSON.stringify(text.slice(span?.start, span?.end)).slice(0, 40)} ${"error" in data ? data.error : ""}`,
  );
}

function routes({ routes: all }: RealMachine): readonly string[] {
  return all.map(({ table, route, isPartial }) => {
    const [hop] = route.nexthops;
    const text =
      route.nexthops.length < 2
        ? routeText(route, hop)
        : [
            routeText(route, undefined),
            ...route.nexthops.map(
              ({ via, dev, weight }) => `${via === undefined ? "" : formatIp(via)}%${dev}*${weight ?? 1}`,
            ),
          ].join(" ");
    return `${table}: ${text}${isPartial ? " (partial)" : ""}`;
  });
}

/** Output of iproute2 6.1.0 on Linux 6.18. */
const ADDR = `1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue state UNKNOWN group default qlen 1000
    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00
    inet 127.0.0.1/8 scope host lo
       valid_lft forever preferred_lft forever
    inet6 ::1/128 scope host 
       valid_lft forever preferred_lft forever
2: br0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP group default qlen 1000
    link/ether aa:98:91:07:61:eb brd ff:ff:ff:ff:ff:ff
    inet 10.9.0.1/24 scope global br0
       valid_lft forever preferred_lft forever
4: v0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue master br0 state UP group default qlen 1000
    link/ether aa:98:91:07:61:ec brd ff:ff:ff:ff:ff:ff link-netnsid 0
    inet 10.0.0.1 peer 10.0.0.2/32 scope global v0
`;
const ADDR_JSON = JSON.stringify([
  {
    ifindex: 1,
    ifname: "lo",
    flags: ["UP"],
    mtu: 65536,
    link_type: "loopback",
    address: "00:00:00:00:00:00",
    addr_info: [
      { family: "inet", local: "127.0.0.1", prefixlen: 8 },
      { family: "inet6", local: "::1", prefixlen: 128 },
    ],
  },
  {},
  {
    ifindex: 2,
    ifname: "br0",
    flags: ["UP"],
    mtu: 1500,
    link_type: "ether",
    address: "aa:98:91:07:61:eb",
    addr_info: [{ family: "inet", local: "10.9.0.1", prefixlen: 24 }],
  },
  {
    ifindex: 4,
    link_index: 7,
    ifname: "v0",
    mtu: 1450,
    master: "br0",
    link_type: "ether",
    address: "aa:98:91:07:61:ec",
    link_netnsid: 0,
    addr_info: [{ family: "inet", local: "10.0.0.1", address: "10.0.0.2", prefixlen: 32 }],
  },
]);

function devices({ devices: all }: RealMachine): readonly string[] {
  return all.map(
    ({ name, mtu, mac, master, addresses }) =>
      `${name} ${mtu} ${mac ?? ""} ${master ?? ""} ${addresses.map(({ ip, len }) => `${formatIp(ip)}/${len}`).join(" ")}`,
  );
}

describe("devices", () => {
  it("are the same in JSON and in text", () => {
    const expected = [
      "lo 65536   127.0.0.1/8 ::1/128",
      "br0 1500 aa:98:91:07:61:eb  10.9.0.1/24",
      "v0 1450 aa:98:91:07:61:ec br0 10.0.0.1/32",
    ];
    expect(devices(machine(ADDR))).toEqual(expected);
    expect(devices(machine(ADDR_JSON))).toEqual(expected);
  });

  it("have the parameters of tunnels in the details", () => {
    const text =
      machine(`5: vx: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN mode DEFAULT group default qlen 1000
    link/ether 16:fe:5c:31:8b:7b brd ff:ff:ff:ff:ff:ff promiscuity 0  allmulti 0 minmtu 68 maxmtu 65535 
    vxlan id 7 local 10.9.0.1 dev br0 srcport 0 0 dstport 8472 nolearning ttl auto ageing 300 udpcsum
`);
    const json = machine(
      '[{"ifindex":5,"ifname":"vx","flags":["UP"],"mtu":1450,"link_type":"ether","address":"16:fe:5c:31:8b:7b","linkinfo":{"info_kind":"vxlan","info_data":{"id":7,"local":"10.9.0.1","link":"br0","port_range":{"low":0,"high":0},"port":8472,"learning":false,"ttl":0}}}]',
    );
    for (const {
      devices: [device],
    } of [text, json]) {
      expect(device).toMatchObject({ kind: "vxlan", lower: "br0", vxlan: { vni: 7, port: 8472, learning: false } });
      expect(formatIp(device?.vxlan?.local ?? 0)).toBe("10.9.0.1");
    }
  });
});

describe("routes", () => {
  it("are read from text, with next hops on lines of their own", () => {
    const text = `default via 10.9.0.254 dev eth0 proto dhcp src 10.9.0.1 metric 100 
10.9.0.0/24 dev br0 proto kernel scope link src 10.9.0.1 linkdown 
10.10.0.0/16 proto bird 
\tnexthop via 10.9.0.2 dev br0 weight 2 
\tnexthop via 10.9.0.3 dev br0 weight 1 
10.20.0.0/16 
\tnexthop via 10.9.0.2 dev br0 weight 1 dead linkdown 
\tnexthop via 10.9.0.3 dev br0 weight 1 
blackhole 10.11.0.0/16 proto 80 
10.12.0.0/24 via 10.12.0.0 dev vx onlink 
10.13.0.7 dev cali1 scope link 
10.14.0.0/16 via inet6 fe80::1 dev eth0 
fd00:1::/64 via fd00::2 dev eth0 metric 1024 pref medium
throw 10.15.0.0/16 table 100
`;
    expect(routes(machine(text))).toEqual([
      "main: default via 10.9.0.254 dev eth0 proto dhcp src 10.9.0.1 metric 100",
      "main: 10.9.0.0/24 dev br0 proto kernel scope link src 10.9.0.1",
      "main: 10.10.0.0/16 proto bird 10.9.0.2%br0*2 10.9.0.3%br0*1",
      "main: 10.20.0.0/16 via 10.9.0.3 dev br0",
      "main: blackhole 10.11.0.0/16 proto 80",
      "main: 10.12.0.0/24 via 10.12.0.0 dev vx onlink",
      "main: 10.13.0.7 dev cali1 scope link",
      "main: 10.14.0.0/16 via fe80::1 dev eth0",
      "main: fd00:1::/64 via fd00::2 dev eth0 metric 1024 pref medium",
    ]);
  });

  it("of both families are mixed in JSON of `table all`", () => {
    const json = `[{"dst":"default","gateway":"fe80::1","dev":"eth0","protocol":"ra","metric":1024,"flags":[],"pref":"medium"},
      {"dst":"default","gateway":"10.0.0.1","dev":"eth0","flags":[]},
      {"dst":"10.10.0.0/16","flags":[],"nexthops":[{"gateway":"10.9.0.2","dev":"br0","weight":2,"flags":[]},{"via":{"family":"inet6","host":"fe80::2"},"dev":"br0","weight":1,"flags":[]}]},
      {"dst":"10.4.0.0/16","gateway":"10.9.0.9","dev":"eth0","table":"100","flags":[]},
      {"type":"multicast","dst":"ff00::/8","dev":"eth0","table":"local","protocol":"kernel","metric":256,"flags":[]},
      {"dst":"10.5.0.0/16","nhid":5,"flags":[]}]`;
    const found = machine(json);
    expect(routes(found).filter((one) => !one.startsWith("local"))).toEqual([
      "main: default via fe80::1 dev eth0 proto ra metric 1024 pref medium",
      "main: default via 10.0.0.1 dev eth0",
      "main: 10.10.0.0/16 10.9.0.2%br0*2 fe80::2%br0*1",
      "100: 10.4.0.0/16 via 10.9.0.9 dev eth0",
      "main: 10.5.0.0/16 (partial)",
    ]);
    expect([...found.outputs.keys()].sort()).toEqual(["routes4", "routes6"]);
  });

  it("of BusyBox have no next hops for multipath routes, and two spaces before `src`", () => {
    expect(routes(machine("10.8.0.0/16 \n10.9.0.0/24 dev eth0 scope link  src 10.9.0.1 \n"))).toEqual([
      "main: 10.8.0.0/16 (partial)",
      "main: 10.9.0.0/24 dev eth0 scope link src 10.9.0.1",
    ]);
  });
});

describe("policy rules", () => {
  it("have the prefix length apart in JSON", () => {
    const json =
      machine(`[{"priority":0,"src":"all","table":"local"},{"priority":8,"src":"10.244.1.5","dst":"10.0.0.0","dstlen":8,"iif":"eth0","table":"100"},
      {"priority":9,"src":"all","fwmark":"0x200","fwmask":"0xf00","table":"100"},{"priority":10,"src":"all","not":null,"suppress_prefixlen":0,"table":"main"}]`);
    const text = machine(`0:\tfrom all lookup local
8:\tfrom 10.244.1.5 to 10.0.0.0/8 iif eth0 lookup 100
9:\tfrom all fwmark 0x200/0xf00 lookup 100
10:\tnot from all lookup main suppress_prefixlength 0
`);
    for (const { rules } of [json, text]) {
      expect(rules.map(({ rule }) => policyRuleText(rule))).toEqual([
        "0:\tfrom all lookup local",
        "8:\tfrom 10.244.1.5 to 10.0.0.0/8 iif eth0 lookup 100",
        "9:\tfrom all fwmark 0x200/0xf00 lookup 100",
        "10:\tfrom all lookup main",
      ]);
      expect(rules.map(({ more }) => more !== "")).toEqual([false, false, false, true]);
    }
  });
});

describe("neighbor and FDB entries", () => {
  it("are the same in JSON and in text", () => {
    const text = machine(`10.12.0.0 dev vx lladdr 0e:00:00:00:00:01 PERMANENT 
10.9.0.7 dev br0 lladdr 0e:00:00:00:00:07 used 0/0/0 probes 0 STALE
10.9.0.8 dev br0  FAILED
33:33:00:00:00:01 dev br0 self permanent
0e:00:00:00:00:01 dev vx dst 10.9.0.2 self permanent
0e:00:00:00:00:07 dev v0 master br0 
`);
    const json = machine(`[{"dst":"10.12.0.0","dev":"vx","lladdr":"0e:00:00:00:00:01","state":["PERMANENT"]},
      {"dst":"10.9.0.7","dev":"br0","lladdr":"0e:00:00:00:00:07","state":["STALE"]},{"dst":"10.9.0.8","dev":"br0","state":["FAILED"]},
      {"dst":"10.9.0.9","dev":"br0","proxy":null}]
[{"mac":"33:33:00:00:00:01","ifname":"br0","flags":["self"],"state":"permanent"},
 {"mac":"0e:00:00:00:00:01","ifname":"vx","dst":"10.9.0.2","flags":["self"],"state":"permanent"},
 {"mac":"0e:00:00:00:00:07","ifname":"v0","flags":[],"master":"br0","state":""}]`);
    for (const { neighbours, fdb } of [text, json]) {
      expect(
        neighbours.map(({ ip, device, mac, isPermanent }) => `${formatIp(ip)} ${device} ${mac} ${isPermanent}`),
      ).toEqual(["10.12.0.0 vx 0e:00:00:00:00:01 true", "10.9.0.7 br0 0e:00:00:00:00:07 false"]);
      expect(
        fdb.map(
          ({ mac, device, dst, learned }) =>
            `${mac} ${device} ${dst === undefined ? "" : formatIp(dst)} ${learned ?? false}`,
        ),
      ).toEqual(["33:33:00:00:00:01 br0  false", "0e:00:00:00:00:01 vx 10.9.0.2 false", "0e:00:00:00:00:07 v0  true"]);
    }
  });
});

describe("iptables-save", () => {
  const rules = (text: string): readonly string[] =>
    machine(text).chains.flatMap(({ family, table, name, rules: all }) =>
      all.map(({ rule, text: raw }) => `${table} ${name} ${rule ? ruleText(rule, family) : `unread: ${raw}`}`),
    );

  it("is read back as it is printed, with or without counters", () => {
    const lines = [
      '-A KUBE-SVC-X ! -s 10.244.0.0/16 -d 10.96.0.10/32 -p tcp -m comment --comment "shop/web \\"x\\" cluster IP" -m tcp --dport 80 -j KUBE-MARK-MASQ',
      "-A KUBE-SVC-X -m statistic --mode random --probability 0.50000000000 -j KUBE-SEP-A",
      "-A KUBE-SVC-X -p udp -m udp --dport 30000:32767 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
      "-A KUBE-SVC-X -p tcp -m multiport --dports 80,443,8000:8080 -j RETURN",
      "-A KUBE-SVC-X -m addrtype ! --dst-type LOCAL --limit-iface-out -j DROP",
      "-A KUBE-SVC-X -i cali+ ! -o eth0 -m mark ! --mark 0x4000/0x4000 -j MARK --set-xmark 0x4000/0x4000",
      "-A KUBE-SVC-X -p tcp -m tcp -j DNAT --to-destination 10.244.1.5:8080",
      "-A KUBE-SVC-X -m recent --rcheck --seconds 10800 --reap --name KUBE-SEP-A --mask 255.255.255.255 --rsource -j KUBE-SEP-A",
      "-A KUBE-SVC-X -j REJECT --reject-with icmp-port-unreachable",
      "-A KUBE-SVC-X -g KUBE-Y",
    ];
    const table = (all: readonly string[]): string => `# Generated by iptables-save v1.8.9 (nf_tables) on Mon
*nat
:KUBE-SVC-X - [0:0]
${all.join("\n")}
COMMIT
`;
    const expected = lines.map((line) => line.replace("-A KUBE-SVC-X", "nat KUBE-SVC-X"));
    expect(rules(table(lines))).toEqual(expected);
    expect(rules(table(lines.map((line) => `[12:3456] ${line}`)))).toEqual(expected);
    expect(problems(table(lines))).toEqual([]);
  });

  it("has older and longer notations", () => {
    expect(
      rules(`*filter
:INPUT DROP [0:0]
-A INPUT -s 10.0.0.0/255.0.0.0 -m state --state NEW,ESTABLISHED -j ACCEPT
-A INPUT -p 6 --dport 22 -j ACCEPT
-A INPUT -m mark --mark 0x1 -j MARK --set-mark 0x2
-A INPUT -m length --length 0:100 -j DROP
-A INPUT -j TEE --gateway 10.0.0.9
COMMIT
`),
    ).toEqual([
      "filter INPUT -s 10.0.0.0/8 -m conntrack --ctstate NEW,ESTABLISHED -j ACCEPT",
      "filter INPUT -p tcp -m tcp --dport 22 -j ACCEPT",
      "filter INPUT -m mark --mark 0x1 -j MARK --set-xmark 0x2/0xffffffff",
      "filter INPUT unread: -m length --length 0:100 -j DROP",
      "filter INPUT unread: -j TEE --gateway 10.0.0.9",
    ]);
  });

  it("uses the sets of another file", () => {
    const state = readState([
      {
        file: "nodes/n1/iptables-save.txt",
        text: "*nat\n:X - [0:0]\n-A X -m set --match-set S dst,dst -j ACCEPT\n-A X -m set ! --match-set MISSING src -j DROP\nCOMMIT\n",
      },
      {
        file: "nodes/n1/ipset.txt",
        text: 'create S hash:ip,port family inet hashsize 1024 maxelem 65536 comment\nadd S 10.96.0.10,udp:53 comment "dns"\nadd S 10.96.0.1,tcp:443\n',
      },
    ]);
    const [accept, drop] = state.machines[0]?.chains[0]?.rules ?? [];
    const [match] = accept?.rule?.matches ?? [];
    expect(match?.kind === "set" && match.set.contains(0x0a60000a, "udp", 53)).toBe(true);
    expect(match?.kind === "set" && match.set.contains(0x0a60000a, "tcp", 53)).toBe(false);
    expect(drop?.rule).toBeUndefined();
  });
});

describe("tables", () => {
  it("of IPVS list the real servers that receive connections", () => {
    const { ipvs } = machine(`-A -t 10.96.0.1:443 -s rr -p 10800
-a -t 10.96.0.1:443 -r 192.168.10.11:6443 -m -w 1
-a -t 10.96.0.1:443 -r 192.168.10.12:6443 -m -w 0
-A -u [fd00::1]:53 -s rr
`);
    expect(
      ipvs.map(
        ({ proto, ip, port, persistence, servers }) =>
          `${proto} ${formatIp(ip)} ${port} ${persistence} ${servers.map(({ ip: own }) => formatIp(own)).join()}`,
      ),
    ).toEqual(["tcp 10.96.0.1 443 10800 192.168.10.11", "udp fd00::1 53 undefined "]);
  });

  it("of sysctls exchange dots and slashes in names of devices", () => {
    const { sysctls } = machine(
      "net.ipv4.conf.flannel/1.rp_filter = 2\nnet/ipv4/ip_forward = 1\nsysctl: permission denied on key 'x'\n",
    );
    expect([...sysctls].map(([name, { value }]) => `${name}=${value}`)).toEqual([
      "net.ipv4.conf.flannel.1.rp_filter=2",
      "net.ipv4.ip_forward=1",
    ]);
  });

  it("of WireGuard contain no private or preshared key", () => {
    const found = machine(
      "wg0\tPRIVATE=\tPUBLIC=\t51820\toff\nwg0\tPEER=\tSHARED=\t192.168.10.12:51820\t10.244.2.0/24,fd00::/64\t0\t0\t0\toff\nwg0\tOTHER=\t(none)\t(none)\t(none)\t0\t0\t0\t25\n",
    );
    expect(found.listenPorts).toEqual(new Map([["wg0", 51820]]));
    expect(
      found.peers.map(({ publicKey, allowedIps }) => `${publicKey} ${allowedIps.map(formatPrefix).join()}`),
    ).toEqual(["PEER= 10.244.2.0/24,fd00::/64", "OTHER= "]);
    expect(
      JSON.stringify([found.peers, [...found.outputs]], (_, value) =>
        typeof value === "bigint" ? String(value) : value,
      ),
    ).not.toMatch(/PRIVATE|SHARED/);
  });

  it("of IPsec contain no keys", () => {
    const found = machine(`src 10.244.1.0/24 dst 10.244.2.0/24 
\tdir out priority 0 ptype main 
\ttmpl src 192.168.10.11 dst 192.168.10.12
\t\tproto esp reqid 11 mode tunnel
src 192.168.10.11 dst 192.168.10.12
\tproto esp spi 0xc1 reqid 11 mode tunnel
\tauth-trunc hmac(sha256) 0xSECRET 128
\tencap type espinudp sport 4500 dport 4500 addr 0.0.0.0
`);
    expect(found.xfrmPolicies).toMatchObject([{ direction: "out", template: { reqid: 11 } }]);
    expect(found.xfrmStates).toMatchObject([{ spi: 0xc1, reqid: 11, udpPort: 4500 }]);
  });
});

describe("what surrounds an output", () => {
  it("is skipped: prompts, colors, carriage returns, and fences", () => {
    const text = [
      "```console",
      'Defaulted container "calico-node" out of: calico-node, install-cni (init)',
      "root@n1:~# ip route",
      "\u001b[31mdefault\u001b[0m via \u001b[34m10.0.0.1\u001b[0m dev eth0 ",
      "\u001b[34m10.2.0.0\u001b[0m/24 dev \u001b[36mcni0\u001b[0m scope link",
      "root@n1:~# ip -6 rule",
      "0:\tfrom all lookup local",
      "[root@n1 ~]# hostname",
      "10.9.9.9",
      "$ sudo iptables-save",
      "# Generated by iptables-save v1.8.7 on Mon",
      "*filter",
      ":INPUT ACCEPT [0:0]",
      "COMMIT",
      "# Completed on Mon",
      "root@n1:~# exit",
      "```",
      "",
    ].join("\r\n");
    const found = machine(text);
    expect(routes(found)).toEqual(["main: default via 10.0.0.1 dev eth0", "main: 10.2.0.0/24 dev cni0 scope link"]);
    expect([...found.outputs.keys()].sort()).toEqual(["iptables4", "routes4", "rules6"]);
    expect(problems(text)).toEqual([]);
  });

  it("does not move the locations of entries", () => {
    const text = "$ ip route\r\n\u001b[31mdefault\u001b[0m via 10.0.0.1 dev eth0\r\n";
    const state = readState([{ file: "n1.txt", text }]);
    const origin = state.machines[0]?.routes[0]?.route.origin;
    const span = origin && state.documents[0]?.spanOf(origin);
    expect(text.slice(span?.start, span?.end)).toBe("\u001b[31mdefault\u001b[0m via 10.0.0.1 dev eth0");
  });
});

describe("a truncated output", () => {
  it("of JSON yields the entries before the end, and a problem", () => {
    const text = '[{"dst":"10.1.0.0/16","gateway":"10.0.0.1","dev":"eth0","flags":[]},{"dst":"10.2.0.0/16","gate';
    expect(routes(machine(text))).toEqual(["main: 10.1.0.0/16 via 10.0.0.1 dev eth0"]);
    expect(problems(text)).toEqual([
      'KN802 "{\\"dst\\":\\"10.2.0.0/16\\",\\"gate" the JSON text is truncated or damaged here; what follows is not read',
    ]);
    expect(problems('[{"dst":"10.1.0.0/16","dev":"eth0"}')).toHaveLength(1);
  });

  it("of iptables-save lacks COMMIT", () => {
    expect(problems("*nat\n:X - [0:0]\n-A X -j ACC")).toEqual([
      'KN802 "*nat" table nat has no COMMIT: the output is truncated',
    ]);
  });

  it("of nft lacks the closing brace", () => {
    expect(problems("table ip t {\n\tchain c {\n\t\taccept\n")).toEqual([
      'KN802 "table ip t {" table ip t is not closed: the output is truncated',
    ]);
  });

  it("without any entry is a problem", () => {
    expect(problems("command not found: ip\n")).toEqual(['KN802 "c" no entry recognized']);
    expect(problems("")).toEqual([]);
  });
});

describe("the state of a device", () => {
  it("is read from flags, and from the operational state", () => {
    const text = [
      "1: a: <BROADCAST,MULTICAST> mtu 1500 qdisc noop state DOWN",
      "2: b: <NO-CARRIER,BROADCAST,UP> mtu 1500 qdisc noqueue state DOWN",
      "3: c: <NOARP,UP,LOWER_UP> mtu 1450 qdisc noqueue state UNKNOWN",
      "d DOWN 10.0.0.1/24",
      "e@if7 UP 10.0.1.1/24",
      "",
    ].join("\n");
    const found = readState([{ file: "n1/all.txt", text }]).machines.flatMap((one) => one.devices);
    expect(found.map(({ name, state }) => `${name} ${state}`)).toEqual([
      "a down",
      "b no-carrier",
      "c up",
      "d no-carrier",
      "e up",
    ]);
  });
});

describe("routes without an entry", () => {
  const outputs = (text: string, file = "n1/all.txt"): readonly string[] =>
    readState([{ file, text }]).machines.flatMap((one) => [...one.outputs.keys()]);

  it("are an empty table, not an unknown one", () => {
    expect(outputs("[]", "n1/route4.json")).toEqual(["routes4"]);
    expect(outputs("[ ]\n", "n1/route6.json")).toEqual(["routes6"]);
    expect(outputs("", "n1/routes.txt")).toEqual(["routes4"]);
    expect(outputs("root@n1:~# ip route\nroot@n1:~# ip -j -6 route show\n[]\nroot@n1:~# exit\n")).toEqual([
      "routes4",
      "routes6",
    ]);
  });

  it("are unknown if the command shows only some", () => {
    for (const command of [
      "ip route show dev eth0",
      "ip route | grep x",
      "ip route show table 100",
      "ip route get 1.1.1.1",
    ])
      expect(outputs(`root@n1:~# ${command}\nroot@n1:~# exit\n`)).toEqual([]);
  });
});

describe("names of machines", () => {
  const names = (...files: readonly string[]): readonly string[] =>
    readState(files.map((file) => ({ file, text: "10.0.0.0/8 dev eth0\n" }))).machines.map(({ name }) => name);

  it("are those of folders or files", () => {
    expect(names("out/nodes/n1/route4.txt", "out/nodes/n2/route4.txt")).toEqual(["n1", "n2"]);
    expect(names("out/nodes/n1/route4.txt", "out/nodes/n1/my-routes.log")).toEqual(["n1"]);
    expect(names("nodes/prod/n1/route4.txt", "nodes/lab/n1/route4.txt")).toEqual(["prod/n1", "lab/n1"]);
    expect(names("state/n1.txt", "state/n2.json")).toEqual(["n1", "n2"]);
    expect(names("state/n1-route4.txt", "state/n1_iptables-save.txt", "state/n2.neigh.txt")).toEqual(["n1", "n2"]);
    expect(names("n1/route4.txt")).toEqual(["n1"]);
  });

  it("are those of the only folder if all of its files are named after outputs", () => {
    expect(names("one/n1/routes.txt", "one/n1/rules.txt")).toEqual(["n1"]);
    expect(names("w1/nodes/n1/ip-route.txt", "w1/nodes/n1/ip_addr.txt")).toEqual(["n1"]);
    expect(names("one/n1/routes.txt", "one/n2/routes.txt")).toEqual(["n1", "n2"]);
    expect(names("state/routes.txt", "state/n2.txt")).toEqual(["routes", "n2"]);
    expect(names("state/n1-routes.txt", "state/n1-rules.txt")).toEqual(["n1"]);
  });
});

describe("a collector.json of KubeSkoop", () => {
  it("is the state of a node", () => {
    const dump = {
      p: [{ n: "web", ns: "shop", net: "/var/run/netns/x" }],
      n: [
        {
          n: "/proc/1/ns/net",
          p: 1,
          if: [
            { n: "lo", i: 1, m: 65536, a: [{ IP: "127.0.0.1", Mask: "/wAAAA==" }] },
            {
              n: "eth0",
              i: 2,
              m: 1500,
              d: "device",
              a: [{ IP: "192.168.10.11", Mask: "////AA==" }],
              ne: [{ Family: 2, LinkIndex: 2, State: 128, IP: "192.168.10.12", HardwareAddr: "AgAAAAAB" }],
            },
          ],
          s: { "net.ipv4.ip_forward": "1" },
          r: [
            { f: 2, o: "eth0", sc: 0, d: { IP: "0.0.0.0", Mask: "AAAAAA==" }, g: "192.168.10.1", pr: 3, tb: 254, t: 1 },
            {
              f: 2,
              o: "eth0",
              sc: 253,
              d: { IP: "192.168.10.0", Mask: "////AA==" },
              s: "192.168.10.11",
              pr: 2,
              tb: 254,
              t: 1,
            },
          ],
          ru: [{ p: 32766, tb: 254 }],
          it: '<iptables-rules version="1.0"><table name="nat"><chain name="PREROUTING" policy="ACCEPT"><rule><conditions><match><d invert="1">10.0.0.0/8</d><p>tcp</p></match><tcp><dport>80</dport></tcp><comment><comment>&quot;a b&quot;</comment></comment></conditions><actions><call><KUBE-SERVICES/></call></actions></rule><rule><actions><DNAT><to-destination>10.0.0.1:80</to-destination></DNAT></actions></rule></chain></table></iptables-rules>',
          is: [],
          vs: {},
        },
      ],
    };
    const found = machine(JSON.stringify(dump), "nodes/n1/collector.json");
    expect(devices(found)).toEqual(["lo 65536   127.0.0.1/8", "eth0 1500   192.168.10.11/24"]);
    expect(routes(found)).toEqual([
      "main: default via 192.168.10.1 dev eth0",
      "main: 192.168.10.0/24 dev eth0 proto kernel scope link src 192.168.10.11",
    ]);
    expect(found.neighbours).toMatchObject([{ device: "eth0", mac: "02:00:00:00:00:01", isPermanent: true }]);
    expect(
      found.chains.flatMap(({ rules }) =>
        rules.map(({ rule, text }) => (rule ? ruleText(rule, 4) : `unread: ${text}`)),
      ),
    ).toEqual([
      '! -d 10.0.0.0/8 -p tcp -m tcp --dport 80 -m comment --comment "a b" -j KUBE-SERVICES',
      "-j DNAT --to-destination 10.0.0.1:80",
    ]);
    expect(found.sysctls.get("net.ipv4.ip_forward")?.value).toBe("1");
  });
});
