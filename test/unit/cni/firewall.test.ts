/** Access lists, chain policies, connection tracking, and policy routing: statements in, Linux state out. */
import { describe, expect, it } from "vitest";
import { printNetns, routesReport } from "../../../server/src/dataplane/print.ts";
import { printRules } from "../../../server/src/dataplane/rules.ts";
import { sampleOf } from "./samples.ts";

const NETWORK = `segment lan { cidr 10.0.0.0/24 fd00:a::/64 }
segment wan { cidr 203.0.113.0/24 }
`;

function router(statements: string) {
  const { network } = sampleOf(`${NETWORK}router fw {
  attach lan 10.0.0.1 fd00:a::1
  attach wan 203.0.113.1
  ${statements}
}
`);
  const netns = network.netns("fw");
  if (!netns) throw new Error("no router");
  return netns;
}

/** The rules and policies of the filter and mangle tables, of one family. */
function chains(statements: string, family: 4 | 6 = 4): readonly string[] {
  const [v4 = "", v6 = ""] = printRules(router(statements)).split("# ip6tables-save\n");
  return (family === 4 ? v4 : v6).split("\n").filter((line) => line.startsWith("-A") || / DROP /.test(line));
}

describe("access lists", () => {
  it("match interfaces by device or segment", () => {
    expect(chains("deny tcp in wan port 22; allow any in eth0 out wan; deny udp in in lan port 53")).toEqual([
      "-A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
      "-A INPUT -i eth0 -p udp -m udp --dport 53 -j DROP",
      "-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT",
      "-A FORWARD -i eth1 -p tcp -m tcp --dport 22 -j DROP",
      "-A FORWARD -i eth0 -o eth1 -j ACCEPT",
    ]);
  });

  it("reject with the reply of the family", () => {
    const rules =
      "reject; reject tcp-reset tcp port 25; reject icmp-host-prohibited udp; reject icmp-net-unreachable icmp";
    const targets = (family: 4 | 6) => chains(rules, family).flatMap((line) => line.split("--reject-with ")[1] ?? []);
    expect(targets(4)).toEqual(["icmp-port-unreachable", "tcp-reset", "icmp-host-prohibited", "icmp-net-unreachable"]);
    expect(targets(6)).toEqual(["icmp6-port-unreachable", "tcp-reset", "icmp6-adm-prohibited", "icmp6-no-route"]);
  });

  it("match ICMP types of one family, and the protocol of both", () => {
    const rules = "allow icmp type 3/4 8; allow icmpv6 type 2; allow icmpv6 in; allow icmp out";
    expect(chains(rules)).toEqual([
      "-A FORWARD -p icmp -m icmp --icmp-type 3/4 -j ACCEPT",
      "-A FORWARD -p icmp -m icmp --icmp-type 8 -j ACCEPT",
      "-A OUTPUT -p icmp -j ACCEPT",
    ]);
    expect(chains(rules, 6)).toEqual([
      "-A INPUT -p ipv6-icmp -j ACCEPT",
      "-A FORWARD -p ipv6-icmp -m icmp6 --icmpv6-type 2 -j ACCEPT",
      "-A OUTPUT -p ipv6-icmp -j ACCEPT",
    ]);
  });
});

describe("chain policies", () => {
  it("apply after the rules; with rules, replies pass", () => {
    expect(chains("forward-policy drop; input-policy drop; allow tcp port 80")).toEqual([
      ":INPUT DROP [0:0]",
      ":FORWARD DROP [0:0]",
      "-A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT",
      "-A FORWARD -p tcp -m tcp --dport 80 -j ACCEPT",
    ]);
    expect(chains("forward-policy accept")).toEqual([]);
  });

  it("replace the policy that Docker sets", () => {
    const text = (policy: string): string => {
      const { network } = sampleOf(
        `segment lan { cidr 10.0.0.0/24 }\ncluster c { cni docker; pods 172.17.0.0/16; node n1 { attach lan; ${policy} } }\n`,
      );
      const netns = network.netns("c/n1");
      return netns ? (printRules(netns).match(/:FORWARD (?:DROP|ACCEPT)/g) ?? []).join() : "";
    };
    expect(text("")).toContain(":FORWARD DROP");
    expect(text("forward-policy accept")).not.toContain(":FORWARD DROP");
  });
});

it("a stateful firewall drops INVALID before all other rules", () => {
  expect(chains("stateful true; deny tcp port 22; deny udp out")).toEqual([
    "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A INPUT -m conntrack --ctstate INVALID -j DROP",
    "-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    "-A FORWARD -m conntrack --ctstate INVALID -j DROP",
    "-A FORWARD -p tcp -m tcp --dport 22 -j DROP",
    "-A OUTPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT",
    "-A OUTPUT -p udp -j DROP",
  ]);
  expect(chains("stateful false")).toEqual([]);
});

it("MSS clamping is a rule in mangle/FORWARD", () => {
  const rule = (mss: string): readonly string[] => chains(`clamp-mss ${mss}`);
  expect(rule("")).toEqual(["-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu"]);
  expect(rule("to-pmtu")).toEqual(rule(""));
  expect(rule("1360")).toEqual(["-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1360"]);
});

it("masquerade selects destinations", () => {
  expect(chains("masquerade from 10.0.0.0/24 to 192.0.2.0/24 198.51.100.1 out wan")).toEqual([
    "-A POSTROUTING -s 10.0.0.0/24 -d 192.0.2.0/24 -o eth1 -j MASQUERADE",
    "-A POSTROUTING -s 10.0.0.0/24 -d 198.51.100.1/32 -o eth1 -j MASQUERADE",
  ]);
});

describe("policy routing", () => {
  const listing = (statements: string, command: string): readonly string[] =>
    printNetns(router(statements))
      .split("\n\n")
      .find((part) => part.startsWith(`# ${command}\n`))
      ?.trim()
      .split("\n")
      .slice(1) ?? [];

  it("rules without a priority precede all others, like in the kernel", () => {
    expect(
      listing(
        "rule from 10.0.0.0/24 lookup 7; rule fwmark 0x10/0xff lookup 8; rule to 192.0.2.1 iif lan lookup 9 priority 100; rule lookup main",
        "ip rule",
      ),
    ).toEqual([
      "0:\tfrom all lookup local",
      "99:\tfrom all lookup main",
      "100:\tfrom all to 192.0.2.1 iif eth0 lookup 9",
      "32764:\tfrom all fwmark 0x10/0xff lookup 8",
      "32765:\tfrom 10.0.0.0/24 lookup 7",
      "32766:\tfrom all lookup main",
      "32767:\tfrom all lookup default",
    ]);
  });

  it("tables contain their routes only, with source, MTU, and onlink", () => {
    const statements = `route default via 203.0.113.254 dev eth1 src 203.0.113.1 mtu 1400 table 100
  route 192.0.2.0/24 via 198.51.100.1 dev eth1 onlink table 254
  rule from 203.0.113.1 lookup 100`;
    expect(listing(statements, "ip route show table 100")).toEqual([
      "default via 203.0.113.254 dev eth1 src 203.0.113.1 mtu 1400",
    ]);
    // 254 is the number of table main.
    expect(listing(statements, "ip route")).toContain("192.0.2.0/24 via 198.51.100.1 dev eth1 onlink");
    expect(listing(statements, "ip route").some((line) => line.startsWith("default"))).toBe(false);
    const report = routesReport(router(statements), () => undefined);
    expect(report.routes.find(({ table }) => table === "100")).toMatchObject({ dst: "default", mtu: 1400 });
    expect(report.rules).toContainEqual({ priority: 32765, src: "203.0.113.1", table: "100" });
  });

  it("`gateway none` leaves the default route to the next interface", () => {
    const { network } = sampleOf(`segment a { cidr 10.1.0.0/24 }
segment b { cidr 10.2.0.0/24 }
router r { attach a 10.1.0.1; attach b 10.2.0.1 }
segment c { cidr 10.3.0.0/24; gateway none }
router s { attach c 10.3.0.1 }
host h { attach a { gateway none }; attach b }
host i { attach c }
`);
    const defaults = (id: string): string => /default.*/.exec(printNetns(network.netns(id)!))?.[0] ?? "none";
    expect(defaults("h")).toBe("default via 10.2.0.1 dev eth1");
    expect(defaults("i")).toBe("none");
  });
});
