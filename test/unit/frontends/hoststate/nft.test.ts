/**
 * Real nftables rulesets, as text and as JSON. The outputs in `nft/` are of nft 1.0.6, which loaded `ruleset.nft` in a network
 * namespace; with nft on this machine, they are recorded again and compared.
 */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { baseText, elementText, plainRule } from "../../../../server/src/dataplane/nft/print.ts";
import { readState, type TextFile } from "../../../../server/src/frontends/hoststate/index.ts";
import { renderText } from "../../../../server/src/trace/render/text.ts";
import { ask } from "../../../../server/src/trace/trace.ts";
import { type World, world } from "../../checks/harness.ts";
import { drift, filesOf, realOf } from "./support.ts";

const here = new URL("nft/", import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, here), "utf8");

/** A node with the ruleset, between two hosts. */
const ROUTED = world(`
segment left { cidr 10.1.0.0/24 }
segment right { cidr 10.2.0.0/24 }
router gw { attach left 10.1.0.1 as eth0
  attach right 10.2.0.1 as eth1 }
host a { attach left 10.1.0.10
  gateway 10.1.0.1
  listen 53/udp }
host b { attach right 10.2.0.10
  gateway 10.2.0.1
  listen 80/tcp
  listen 8080/tcp
  listen 53/udp }
`);

function traceWith(nft: string, to: string, options: { decisions?: boolean; more?: readonly TextFile[] } = {}): string {
  const files = [{ file: "state/gw/nft.txt", text: nft }, ...(options.more ?? [])];
  return pathOf(ROUTED, files, { to, decisions: options.decisions ?? false });
}

interface Asked {
  readonly from?: string;
  readonly to: string;
  readonly decisions?: boolean;
}

function pathOf(of: World, files: readonly TextFile[], { from = "a", to, decisions = false }: Asked): string {
  const answer = ask({ topology: of.topology, network: realOf(of, files), locate: () => undefined }, { from, to });
  return answer.ok ? renderText(answer.trace, { colour: false, decisions }) : answer.error;
}

/** A base chain of the forward hook with these rules. */
function forward(rules: string, more = "", policy = "accept"): string {
  return `table inet t {
${more}	chain forward {
		type filter hook forward priority filter; policy ${policy};
${rules
  .split("\n")
  .map((rule) => `\t\t${rule.trim()}`)
  .join("\n")}
	}
}
`;
}

const verdict = (text: string): string =>
  /received by \w+ from/.test(text)
    ? "delivered"
    : text.includes("rejects the packet")
      ? "rejected"
      : text.includes("drops the packet")
        ? "dropped"
        : text;

/** The output of a command in a network namespace of its own; undefined without nft, or without the right to create one. */
function inNamespace(script: string): string | undefined {
  const { status, stdout } = spawnSync(
    "unshare",
    ["-n", "sh", "-e", "-c", script, "sh", new URL("ruleset.nft", here).pathname],
    {
      encoding: "utf8",
    },
  );
  return status === 0 ? stdout : undefined;
}

const plainRules = (text: string): readonly string[] =>
  readState([{ file: "state/gw/nft.txt", text }]).machines.flatMap(({ nft }) =>
    (nft?.tables ?? []).flatMap((table) => [
      ...table.sets.flatMap(({ name, elements }) => elements.map((one) => `${name} ${elementText(one)}`).sort()),
      ...table.chains.flatMap(({ base, rules }) => [
        base ? baseText(base) : "",
        ...rules.map((rule) => plainRule(rule, table.family) ?? ""),
      ]),
    ]),
  );

describe("the nft of this machine", () => {
  const recorded = plainRules(read("ruleset.txt"));

  it.skipIf(inNamespace('nft -f "$1"') === undefined)("prints what the recorded outputs contain", () => {
    expect(recorded).toHaveLength(49);
    expect(plainRules(inNamespace('nft -f "$1"; nft list ruleset') ?? "")).toEqual(recorded);
    expect(plainRules(inNamespace('nft -f "$1"; nft -a list ruleset') ?? "")).toEqual(recorded);
    expect(plainRules(inNamespace('nft -f "$1"; nft -j list ruleset') ?? "")).toEqual(recorded);
  });
});

describe("tables of iptables-nft", () => {
  const compat = `table ip filter {
	chain FORWARD {
		type filter hook forward priority filter; policy accept;
		ip daddr 10.2.0.10 tcp dport 80 counter packets 0 bytes 0 drop
	}
}
`;
  const saved = (rule: string): TextFile => ({
    file: "state/gw/iptables-save.txt",
    text: `*filter\n:FORWARD ACCEPT [0:0]\n${rule}COMMIT\n`,
  });

  it("are simulated without iptables-save, and are then not read twice", () => {
    expect(verdict(traceWith(compat, "b:80"))).toBe("dropped");
    expect(verdict(traceWith(compat, "b:80", { more: [saved("")] }))).toBe("delivered");
    expect(
      verdict(
        traceWith(compat, "b:80", {
          more: [saved("-A FORWARD -p tcp -j REJECT --reject-with icmp-host-prohibited\n")],
        }),
      ),
    ).toBe("rejected");
  });

  it("whose matches nft does not print are not used, with a note", () => {
    const partial = compat.replace("tcp dport 80", "xt match set");
    const files = [{ file: "state/gw/nft.txt", text: partial }];
    expect(readState(files).problems.map(({ code, data }) => `${code} ${JSON.stringify(data)}`)).toEqual([
      expect.stringMatching(
        /KN802.*nft does not print all matches of iptables-nft \(table ip filter\): the derived rules are used; add the output of iptables-save/,
      ),
    ]);
    expect(readState([...files, saved("")]).problems).toEqual([]);
    expect(verdict(traceWith(partial, "b:80"))).toBe("delivered");
  });
});

describe("the nftables state of a node", () => {
  const node = world(readFileSync(new URL("../../../../samples/services-nftables.knet", import.meta.url), "utf8"));
  const text = readFileSync(new URL("real-nft/nodes/n1/nft.txt", import.meta.url), "utf8");
  const on = (nft: string): readonly TextFile[] => [{ file: "nodes/n1/nft.txt", text: nft }];
  const api = { from: "web", to: "api:80", decisions: true };

  it("forwards packets of services like the derived state", () => {
    const path = pathOf(node, on(text), api);
    expect(path).toContain("10.244.1.2:9090");
    expect(path).toContain("✓ delivered");
    expect(path).toContain("probability 33.3%");
  });

  it("does not forward them if an element is missing", () => {
    const without = text.replace(/10\.96\.0\.20 \. tcp \. 80 : goto \S+,\s*/, "");
    expect(drift(node, readState(on(without)))).toEqual([
      "warning: node `prod/n1` has no nftables entry `ip kube-proxy service-ips 10.96.0.20 . tcp . 80 : goto service-WEZGB4Y6-shop/api/tcp/http`; the topology has it",
    ]);
    expect(pathOf(node, on(without), api)).not.toContain("✓ delivered");
  });

  it("is compared with the order of rules, and names tables of other programs", () => {
    const swapped = text.replace(
      /(\t\tct state new jump nodeport-endpoints-check\n)(\t\tct state new jump service-endpoints-check\n)/,
      "$2$1",
    );
    expect(swapped).not.toBe(text);
    const found = drift(node, readState(on(`${swapped}${forward("drop").replace("inet t", "inet firewalld")}`)));
    expect(found).toEqual([
      expect.stringContaining("in another position"),
      "info: node `prod/n1` has rules that are not part of the topology and not compared: `table inet firewalld`",
    ]);
  });
});

describe("flannel's nftables tables", () => {
  const flannel = world(`
segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  cni flannel { backend vxlan; nftables true }
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  pod a on n1
  pod b on n2 { listen 80 }
}
`);

  it("are compared with the real ones, and real packets are masqueraded by them", () => {
    const files = filesOf(flannel);
    expect(drift(flannel, readState(files))).toEqual([]);
    const text = files.find(({ file }) => file.endsWith("n1/nft.txt"))?.text ?? "";
    expect(text).toContain("table ip flannel-ipv4 {");
    const changed = files.map((one) =>
      one.text === text
        ? { ...one, text: text.replace("ip saddr 10.244.0.0/24 ip daddr 10.244.0.0/16 return\n", "") }
        : one,
    );
    expect(drift(flannel, readState(changed))).toEqual([
      "warning: node `prod/n1` has no nftables entry `ip flannel-ipv4 postrtg ip saddr 10.244.0.0/24 ip daddr 10.244.0.0/16 return`; the topology has it",
    ]);
    expect(pathOf(flannel, files, { from: "a", to: "b:80" })).toContain("10.244.0.2 > 10.244.1.2");
    expect(pathOf(flannel, changed, { from: "a", to: "b:80", decisions: true })).toContain("SNAT");
  });
});

describe("rules of nftables", () => {
  it.each([
    ["ip daddr 10.2.0.10 drop", "dropped"],
    ["ip daddr != 10.2.0.10 drop", "delivered"],
    ["ip daddr 10.2.0.0/24 drop", "dropped"],
    ["ip daddr { 10.9.0.0/16, 10.2.0.5-10.2.0.20 } drop", "dropped"],
    ["ip6 daddr != fd00::1 drop", "delivered"],
    ["tcp dport 80 drop", "dropped"],
    ["tcp dport != 80 drop", "delivered"],
    ["udp dport != 80 drop", "delivered"],
    ["tcp dport { 22, 70-90 } drop", "dropped"],
    ["tcp dport 0-79 drop", "delivered"],
    ["tcp dport > 79 drop", "dropped"],
    ["th dport 80 meta l4proto udp drop", "delivered"],
    ["meta l4proto { tcp, udp } th dport 80 drop", "dropped"],
    ["meta l4proto 6 drop", "dropped"],
    ["ip protocol icmp drop", "delivered"],
    ["icmp type echo-request drop", "delivered"],
    ['iifname "eth0" oifname "eth1" drop', "dropped"],
    ['iifname "eth*" drop', "dropped"],
    ['iifname "wg*" drop', "delivered"],
    ['iif "eth1" drop', "delivered"],
    ["iifname . oifname { eth0 . eth1 } drop", "dropped"],
    ["ct state new drop", "dropped"],
    ["ct state established,related drop", "delivered"],
    ["ct state { new, invalid } drop", "dropped"],
    ["ct state vmap { established : accept, new : drop }", "dropped"],
    ["ct state vmap { invalid : drop, new : continue } tcp dport 80 reject with tcp reset", "rejected"],
    ["ct status dnat drop", "delivered"],
    ["ct original proto-dst 80 drop", "dropped"],
    ["ct direction original drop", "dropped"],
    ["ct mark set 7 ct mark 7 drop", "dropped"],
    ["meta mark set 0x10 meta mark & 0x30 == 0x10 drop", "dropped"],
    ["meta mark set meta mark or 0x00004000\nmeta mark and 0x00004000 == 0x00000000 return\ndrop", "dropped"],
    ["meta nfproto ipv6 drop", "delivered"],
    ["meta pkttype broadcast drop", "delivered"],
    ["tcp flags & (fin | syn | rst | ack) == syn drop", "dropped"],
    ["tcp flags syn / fin,syn,rst,ack drop", "dropped"],
    ["tcp flags != syn / fin,syn,rst,ack drop", "delivered"],
    ["fib daddr type local drop", "delivered"],
    ["fib daddr type unicast drop", "dropped"],
    ["fib saddr . iif oif missing drop", "delivered"],
    ["fib saddr . iif oif exists drop", "dropped"],
    ["limit rate 5/second burst 10 packets drop", "dropped"],
    ["limit rate over 5/second drop", "delivered"],
    ["ct count over 10 drop", "delivered"],
    ['log prefix "x: " level info counter packets 3 bytes 180 drop comment "why"', "dropped"],
    ["queue flags bypass to 100\ndrop", "delivered"],
    ["queue to 100", "dropped"],
    ["reject", "rejected"],
    ["reject with icmpx admin-prohibited", "rejected"],
    ["tcp dport 80 return\ndrop", "delivered"],
    ["ip dscp cs1 drop", "delivered"],
  ])("%s: %s", (rule, expected) => {
    expect(verdict(traceWith(forward(rule), "b:80"))).toBe(expected);
  });

  it("look up sets and verdict maps, and jump", () => {
    const more = `	set blocked {
		type ipv4_addr . inet_service
		flags interval,timeout
		elements = { 10.2.0.0/24 . 80 timeout 1h expires 59m3s,
			     10.9.0.1 . 22 comment "x" }
	}

	map ports {
		type ipv4_addr . inet_proto . inet_service : verdict
		elements = { 10.2.0.10 . tcp . 80 : goto refuse }
	}

	chain refuse {
		counter packets 0 bytes 0 reject with icmp host-unreachable
	}

`;
    const byMap = traceWith(forward("ip daddr . meta l4proto . th dport vmap @ports", more), "b:80");
    expect(byMap).toContain("rejects the packet (nft t/refuse)");
    expect(verdict(traceWith(forward("ip daddr . tcp dport @blocked drop", more), "b:80"))).toBe("dropped");
    expect(verdict(traceWith(forward("ip daddr . tcp dport @blocked drop", more), "b:8080"))).toBe("delivered");
    expect(verdict(traceWith(forward("jump refuse\naccept", more), "b:80"))).toBe("rejected");
  });

  it("shows the element of a map that decides", () => {
    const text = traceWith(forward("tcp dport vmap { 22 : drop, 80 : accept }"), "b:80", { decisions: true });
    expect(text).toContain("tcp dport vmap { 22 : drop, 80 : accept } [80 : accept]");
  });

  it("accept in one base chain, and the next one still drops", () => {
    const late = forward("drop").replaceAll("inet t", "inet late").replace("priority filter", "priority filter + 10");
    expect(traceWith(forward("accept") + late, "b:80")).toContain("drops the packet (nft late/forward)");
  });

  it("apply the policy of a base chain", () => {
    expect(traceWith(forward("tcp dport 22 accept", "", "drop"), "b:80")).toContain(
      "default policy DROP of nft t/forward",
    );
  });

  it("translate addresses in all notations", () => {
    const nat = (rule: string, hook = "prerouting", priority = "dstnat"): string => `table ip nat2 {
	map backends {
		type inet_service : ipv4_addr . inet_service
		elements = { 81 : 10.2.0.10 . 8080 }
	}

	chain c {
		type nat hook ${hook} priority ${priority}; policy accept;
		${rule}
	}
}
`;
    expect(traceWith(nat("ip daddr 10.99.0.1 tcp dport 81 dnat to 10.2.0.10:8080"), "10.99.0.1:81")).toContain(
      "✓ delivered",
    );
    expect(
      traceWith(nat("ip daddr 10.99.0.1 dnat ip addr . port to tcp dport map @backends"), "10.99.0.1:81"),
    ).toContain("✓ delivered");
    expect(traceWith(nat("ip daddr 10.99.0.1 dnat to tcp dport map { 81 : 10.2.0.10 }:80"), "10.99.0.1:81")).toContain(
      "✓ delivered",
    );
    const shared = traceWith(
      nat("ip daddr 10.99.0.1 dnat ip to numgen random mod 2 map { 0 : 10.2.0.10 . 80, 1 : 10.2.0.99 . 80 }"),
      "10.99.0.1:80",
    );
    expect(shared).toContain("50%");
    expect(traceWith(nat('oifname "eth1" masquerade fully-random', "postrouting", "srcnat"), "b:80")).toContain(
      "10.2.0.1",
    );
    expect(
      traceWith(nat("snat ip to ip saddr map { 10.1.0.10 : 10.2.0.77 }", "postrouting", "srcnat"), "b:80"),
    ).toContain("10.2.0.77");
    expect(traceWith(nat("tcp dport 8081 redirect to :80"), "b:8081")).toContain("does not listen on 80/tcp");
  });

  it("are the same as JSON", () => {
    const files = (name: string): readonly TextFile[] => [
      { file: `state/gw/nft${name}`, text: read(`ruleset${name}`) },
    ];
    for (const to of ["b:80", "b:8080", "b:8081", "b:53/udp", "10.96.0.1:443", "gw:30080"])
      expect(pathOf(ROUTED, files(".json"), { to }), to).toBe(pathOf(ROUTED, files(".txt"), { to }));
    const texts = (name: string): readonly string[] =>
      readState(files(name)).machines.flatMap(({ nft }) =>
        (nft?.tables ?? []).flatMap(({ family, chains }) =>
          chains.flatMap(({ rules }) => rules.map((rule) => plainRule(rule, family) ?? "")),
        ),
      );
    expect(texts(".json")).toEqual(texts(".txt"));
  });
});
