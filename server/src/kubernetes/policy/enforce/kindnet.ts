/**
 * kube-network-policies, included in kindnet and in newer charts of other plugins
 * (kubernetes-sigs/kube-network-policies, pkg/dataplane/controller.go, syncNFTablesRules): nftables queues packets of
 * pods that a policy selects to a daemon, which evaluates the policies itself: in POSTROUTING, after DNAT and before
 * SNAT, which packets forwarded by IPVS also pass; and in INPUT, after IPVS, packets of pods to their node.
 *
 * Without `--netfilter-bug-1766-fix`: with it (the default), DNS queries over UDP are queued in PREROUTING instead, after
 * DNAT by nftables, but before IPVS (KN620).
 */
import { formatIp, hostPrefix, type Ip } from "../../../addressing/ip.ts";
import type { ChainSource } from "../../../cni/mode.ts";
import type { IpSet, NfBase, NfChain, NfTable, NftLine } from "../../../dataplane/model.ts";
import { type Packet, portsOf, transportOf } from "../../../dataplane/packet.ts";
import type { QueueProgram } from "../../../dataplane/program.ts";
import { type Conditions, nfChain, type RuleSpec } from "../../../dataplane/rule.ts";
import { t } from "../../../text/l10n.ts";
import type { Direction } from "../../../topology/policy.ts";
import { verdictFor } from "../evaluate.ts";
import { allowedBy, type EnforceContext, families, isolatedBy, type LocalPod, localPods, makeRule } from "./common.ts";

const QUEUE = 100;
const NAME = "kube-network-policies";
const TABLE: NfTable = `nft ${NAME}`;
/** NF_IP_PRI_NAT_SRC */
const SRCNAT = 100;
const BASES: readonly NfBase[] = [
  { table: TABLE, chain: "postrouting", hook: "POSTROUTING", priority: SRCNAT - 5, type: "filter" },
  { table: TABLE, chain: "input", hook: "INPUT", priority: SRCNAT + 1, type: "filter" },
];

interface FamilyTable {
  readonly pods: IpSet;
  readonly chains: ReadonlyMap<string, NfChain>;
}

export function kindnetSource(context: EnforceContext): ChainSource {
  const tables = new Map<4 | 6, FamilyTable | undefined>();
  const tableOf = (of: 4 | 6): FamilyTable | undefined => {
    if (!tables.has(of)) tables.set(of, familyTable(context, of));
    return tables.get(of);
  };
  return {
    chain: (of, table, name) => (table === TABLE ? tableOf(of)?.chains.get(name) : undefined),
    chains: () => [],
    bases: (of) => (tableOf(of) ? BASES : []),
    // One table for both families (inet).
    nft: (of) => {
      const [first] = ([4, 6] as const).filter((one) => tableOf(one));
      return of === first ? listing(([4, 6] as const).flatMap((one) => tableOf(one) ?? [])) : [];
    },
  };
}

/** Undefined: no policy selects a pod of the node with an address of the family. */
function familyTable(context: EnforceContext, of: 4 | 6): FamilyTable | undefined {
  if (!families(context.cluster).includes(of)) return undefined;
  const { set } = context;
  const selected = new Map<Ip, LocalPod>();
  for (const local of localPods(context, of)) {
    const isSelected = set.selecting(local.group, "ingress").length + set.selecting(local.group, "egress").length > 0;
    if (isSelected) selected.set(local.ip, local);
  }
  if (selected.size === 0) return undefined;
  const pods: IpSet = {
    name: `podips-v${of}`,
    type: "hash:ip",
    family: of,
    contains: (ip) => selected.has(ip),
    members: () => [...selected.keys()].map(hostPrefix),
    entries: () => [...selected.keys()].map(formatIp),
  };
  const ip = of === 4 ? "ip" : "ip6";
  // The daemon has no tool that prints its state; its verdicts appear only in its log.
  const daemon: QueueProgram = { name: NAME, listings: [], decide: (packet) => decideOn(context, selected, packet) };
  const queue = (side: "src" | "dst", match: Conditions, words: string): RuleSpec => ({
    ...makeRule({ ...match, sets: [{ set: pods, side }] }, { kind: "NFQUEUE", number: QUEUE, program: daemon }),
    text: `${ip} ${side === "src" ? "saddr" : "daddr"} @${pods.name}${words} queue flags bypass to ${QUEUE}`,
  });
  const pass = (match: Conditions, text: string): RuleSpec => ({ ...makeRule(match, { kind: "RETURN" }), text });
  const chain = (name: string, rules: readonly RuleSpec[]): readonly [string, NfChain] => [
    name,
    nfChain({ name, rules }),
  ];
  return {
    pods,
    chains: new Map([
      chain("postrouting", [
        // Packets of the node's own processes, including kubelet's probes.
        pass({ addrtype: { side: "src", type: "LOCAL" } }, "meta skuid 0 accept"),
        // Without `ct label`, which the daemon sets on every connection that it accepts.
        pass({ ctstate: ["ESTABLISHED", "RELATED"] }, "ct state established,related accept"),
        queue("src", {}, ""),
        queue("dst", {}, ""),
      ]),
      chain("input", [
        pass({ in: { is: "lo" } }, 'iifname "lo" accept'),
        queue("src", { ctstate: ["NEW"] }, " ct state new"),
      ]),
    ]),
  };
}

/** `nft list table inet kube-network-policies`. */
function listing(tables: readonly FamilyTable[]): readonly NftLine[] {
  const lines: string[] = [`table inet ${NAME} {`];
  for (const { pods } of tables) {
    const type = pods.family === 4 ? "ipv4_addr" : "ipv6_addr";
    const elements = [...(pods.entries?.() ?? [])].join(",\n\t\t\t     ");
    lines.push(`\tset ${pods.name} {`, `\t\ttype ${type}`, `\t\telements = { ${elements} }`, "\t}", "");
  }
  for (const { chain, hook, priority } of BASES) {
    // nft has the name `srcnat` only for POSTROUTING.
    const at = hook === "POSTROUTING" ? `srcnat - ${SRCNAT - priority}` : String(priority);
    lines.push(`\tchain ${chain} {`, `\t\ttype filter hook ${hook.toLowerCase()} priority ${at}; policy accept;`);
    const texts = tables.flatMap(({ chains }) => (chains.get(chain)?.rules ?? []).flatMap(({ text }) => text ?? []));
    // A rule without addresses appears once for both families.
    lines.push(...[...new Set(texts)].map((text) => `\t\t${text}`), "\t}", "");
  }
  lines.pop();
  return [...lines, "}"].map((text) => ({ text, origin: undefined }));
}

type Verdict = ReturnType<QueueProgram["decide"]>;

/** A node's daemon decides for its own pods: egress for the sender, ingress for the receiver. */
function decideOn(context: EnforceContext, pods: ReadonlyMap<Ip, LocalPod>, packet: Packet): Verdict {
  const { set } = context;
  const proto = transportOf(packet);
  if (proto === "ipip" || proto === "esp") return { kind: "pass", note: t`no policy applies`, origin: undefined };
  const port = proto === "icmp" ? 0 : (portsOf(packet)?.dport ?? 0);
  let allowed: Verdict = { kind: "pass", note: t`no policy denies it`, origin: undefined };
  const sides: readonly (readonly [Direction, Ip, Ip])[] = [
    ["egress", packet.src, packet.dst],
    ["ingress", packet.dst, packet.src],
  ];
  for (const [direction, own, far] of sides) {
    const local = pods.get(own);
    if (local === undefined) continue;
    const verdict = verdictFor(set, set.endOf(local.pod, own), set.endAt(far), { direction, proto, port });
    switch (verdict.kind) {
      case "open":
        break;
      case "rule":
        allowed = { kind: verdict.allowed ? "pass" : "drop", ...allowedBy(verdict.policy, verdict.rule) };
        if (!verdict.allowed) return allowed;
        break;
      case "isolated":
        return { kind: "drop", ...isolatedBy(context, local.pod, direction, verdict.by, packet) };
    }
  }
  return allowed;
}
