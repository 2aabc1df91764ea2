/** flannel's netfilter rules: pkg/trafficmngr/iptables/iptables.go and pkg/trafficmngr/nftables/nftables.go, in the same order. */
import { formatPrefix, type Prefix } from "../../addressing/ip.ts";
import type { NfTable, NfTarget } from "../../dataplane/model.ts";
import type { Conditions, RuleSpec } from "../../dataplane/rule.ts";
import type { Origin } from "../../declared/origin.ts";
import type { ChainRules } from "../mode.ts";
import { familyPart, type Participant, type ParticipantFamily } from "./cluster.ts";

/**
 * kube-proxy's mark for packets that it masquerades itself; flannel matches it in iptables' full mask notation
 * 0x4000/0x4000.
 */
const KUBE_MARK = 0x4000;
const MASQUERADE: NfTarget = { kind: "MASQUERADE", randomFully: true };
const MULTICAST: Readonly<Record<4 | 6, Prefix>> = { 4: { ip: 0xe0000000, len: 4 }, 6: { ip: 0xffn << 120n, len: 8 } };

export function flannelChains(self: Participant): readonly ChainRules[] {
  const chains: ChainRules[] = [];
  for (const family of [4, 6] as const) {
    const part = familyPart(self, family);
    if (!part) continue;
    const origin = self.settings.sources.get("ip-masq") ?? self.settings.source;
    if (self.settings.ipMasq) {
      chains.push(...(self.settings.nftables ? nftMasquerade(family, part, origin) : masquerade(family, part, origin)));
    }
    if (self.settings.forwardRules) {
      const forward = self.settings.sources.get("iptables-forward-rules") ?? self.settings.source;
      chains.push(...(self.settings.nftables ? nftForward(family, part, forward) : forwarding(family, part, forward)));
    }
  }
  return chains;
}

function masquerade(family: 4 | 6, { lease, network }: ParticipantFamily, origin: Origin): readonly ChainRules[] {
  const rule = ruleWith("flanneld masq", origin);
  const chain = "FLANNEL-POSTRTG";
  return [
    { family, table: "nat", chain: "POSTROUTING", rules: [rule({}, { kind: "JUMP", chain })] },
    {
      family,
      table: "nat",
      chain,
      rules: [
        rule({ mark: { is: { value: KUBE_MARK, mask: KUBE_MARK } } }, { kind: "RETURN" }),
        rule({ src: { is: lease }, dst: { is: network } }, { kind: "RETURN" }),
        rule({ src: { is: network }, dst: { is: lease } }, { kind: "RETURN" }),
        rule({ src: { is: network, not: true }, dst: { is: lease } }, { kind: "RETURN" }),
        rule({ src: { is: network }, dst: { is: MULTICAST[family], not: true } }, MASQUERADE),
        rule({ src: { is: network, not: true }, dst: { is: network } }, MASQUERADE),
      ],
    },
  ];
}

function forwarding(family: 4 | 6, { network }: ParticipantFamily, origin: Origin): readonly ChainRules[] {
  const rule = ruleWith("flanneld forward", origin);
  const chain = "FLANNEL-FWD";
  return [
    { family, table: "filter", chain: "FORWARD", rules: [rule({}, { kind: "JUMP", chain })] },
    {
      family,
      table: "filter",
      chain,
      rules: [rule({ src: { is: network } }, { kind: "ACCEPT" }), rule({ dst: { is: network } }, { kind: "ACCEPT" })],
    },
  ];
}

/**
 * nftables: chains `postrtg` and `forward` of table flannel-ipv4. The fourth rule of `postrtg` returns for all packets to the
 * network from outside the node's pods, so the last rule never matches: unlike with iptables, packets from outside are not
 * masqueraded on the way to another node's pods.
 */
function nftMasquerade(family: 4 | 6, { lease, network }: ParticipantFamily, origin: Origin): readonly ChainRules[] {
  const rule = nftRuleWith(family, origin);
  return [
    {
      family,
      table: nftTable(family),
      chain: "postrtg",
      base: { type: "nat", hook: "POSTROUTING", priority: 100 },
      rules: [
        rule({ mark: { is: { value: KUBE_MARK, mask: 0xffffffff } } }, { kind: "RETURN" }),
        rule({ src: { is: lease }, dst: { is: network } }, { kind: "RETURN" }),
        rule({ src: { is: network }, dst: { is: lease } }, { kind: "RETURN" }),
        rule({ src: { is: lease, not: true }, dst: { is: network } }, { kind: "RETURN" }),
        rule({ src: { is: network }, dst: { is: MULTICAST[family], not: true } }, MASQUERADE),
        rule({ src: { is: network, not: true }, dst: { is: network } }, MASQUERADE),
      ],
    },
  ];
}

/** `accept` in a separate base chain ends only that chain; another table can still drop the packet. */
function nftForward(family: 4 | 6, { network }: ParticipantFamily, origin: Origin): readonly ChainRules[] {
  const rule = nftRuleWith(family, origin);
  return [
    {
      family,
      table: nftTable(family),
      chain: "forward",
      base: { type: "filter", hook: "FORWARD", priority: 0 },
      rules: [rule({ src: { is: network } }, { kind: "ACCEPT" }), rule({ dst: { is: network } }, { kind: "ACCEPT" })],
    },
  ];
}

function nftTable(family: 4 | 6): NfTable {
  return `nft flannel-ipv${family}`;
}

function nftRuleWith(family: 4 | 6, origin: Origin): (match: Conditions, target: NfTarget) => RuleSpec {
  const ip = family === 4 ? "ip" : "ip6";
  const words = (field: string, value: Conditions["src"]): readonly string[] =>
    value ? [`${ip} ${field} ${value.not ? "!= " : ""}${formatPrefix(value.is)}`] : [];
  return (match, target) => ({
    match,
    target,
    text: [
      ...(match.mark ? [`meta mark 0x${match.mark.is.value.toString(16).padStart(8, "0")}`] : []),
      ...words("saddr", match.src),
      ...words("daddr", match.dst),
      target.kind === "MASQUERADE" ? "masquerade fully-random" : target.kind.toLowerCase(),
    ].join(" "),
    origin,
  });
}

function ruleWith(comment: string, origin: Origin): (match: Conditions, target: NfTarget) => RuleSpec {
  return (match, target) => ({ match, target, comment, origin });
}
