import { keywordOf } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Related } from "../../declared/problem.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { outputOf } from "../../findings/examples/state.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { machineAt } from "../../findings/machines.ts";
import type { Difference } from "../../questions/drift/difference.ts";
import { type Group, groupsOf } from "../../questions/drift/group.ts";
import { driftOf } from "../../questions/drift/index.ts";
import { machinesOf } from "../../questions/drift/machines.ts";
import { nodeAt } from "../../questions/owner.ts";
import { list, number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

/** Related locations of a finding; the message has the number of machines. */
const MOST_RELATED = 50;

export const stateDiffers: Check<"KN810"> = {
  code: "KN810",
  name: "state-differs",
  family: "import",
  severity: "warning",
  summary: "The state of a real machine differs from the topology.",
  documentation: `## What happens

\`--state\` reads the state of real nodes: the outputs of \`ip\`, \`bridge\`, \`iptables-save\`, \`nft\` (as text or JSON), and similar commands. knet compares
it with the state that the topology describes, by meaning: the order of next hops, counters, comments, the names of interfaces and
veth pairs, and the protocol of a route make no difference. Each finding shows both locations: the entry of the real state, and the
declaration that causes the expected entry. Differences with one cause are one finding, with the other locations as related
information.

Routes from DHCP, interfaces that the topology does not declare, and the chains and nftables tables of other programs are not
compared; \`knet trace --state\` simulates them. What the machine lacks
because a file with the output is absent is not reported.

## How to fix it

If the topology is right, repair the machine: restart the program that installs the entry, or add the entry. If the machine is right,
change the topology. \`knet trace --state\` shows what the difference means for packets.`,
  example: {
    language: "text",
    bad: outputOf(
      "nodes/n1/route4.txt",
      `default via 192.168.10.1 dev eth0 proto dhcp src 192.168.10.11 metric 100
10.244.0.0/24 dev cni0 proto kernel scope link src 10.244.0.1
192.168.10.0/24 dev eth0 proto kernel scope link src 192.168.10.11
`,
    ),
    good: outputOf(
      "nodes/n1/route4.txt",
      `default via 192.168.10.1 dev eth0 proto dhcp src 192.168.10.11 metric 100
10.244.0.0/24 dev cni0 proto kernel scope link src 10.244.0.1
10.244.1.0/24 via 192.168.10.12 dev eth0
192.168.10.0/24 dev eth0 proto kernel scope link src 192.168.10.11
`,
    ),
  },
  run: function* (context): Iterable<Finding> {
    if (!context.state) return;
    const { known } = machinesOf(context.topology, context.state);
    const { differences, foreign } = driftOf(context.network, known, () => context.cancelled());
    for (const group of groupsOf(differences)) {
      const [first] = group;
      yield finding(stateDiffers, first.real, messageOf(group, context), { related: relatedOf(group, context) });
    }
    const [some] = foreign;
    if (!some) return;
    const names = [...new Set(foreign.flatMap(({ chains }) => chains))].sort().map((name) => `\`${name}\``);
    const where =
      some.pairing.machine.outputs.get("iptables4") ??
      some.pairing.machine.outputs.get("nft") ??
      some.pairing.machine.origin;
    const message =
      foreign.length === 1
        ? t`${machineAt(context.topology, some.pairing.netns.id)} has rules that are not part of the topology and not compared: ${list(names, 5)}`
        : t`${plural(foreign.length, "machine")} have rules that are not part of the topology and not compared: ${list(names, 5)}`;
    yield finding(stateDiffers, where, message, { severity: "info" });
  },
};

/** The real entries of the other machines, then the declarations of the expected ones. */
function relatedOf(group: Group, context: CheckContext): readonly Related[] {
  const [, ...others] = group;
  const declared = new Map<Origin["decl"]["handle"], Related>();
  for (const { derived, why } of group)
    if (derived && !declared.has(derived.decl.handle))
      declared.set(derived.decl.handle, {
        source: derived,
        message:
          why === undefined ? t`the expected state follows from this declaration` : t`expected because of: ${why}`,
      });
  return [
    ...[...declared.values()].slice(0, MOST_RELATED),
    ...others.slice(0, MOST_RELATED).map((one) => ({ source: one.real, message: messageOf([one], context) })),
  ];
}

function messageOf(group: Group, context: CheckContext): string {
  const [first] = group;
  const machines = [...new Set(group.map(({ machine }) => machine))];
  const single = machines.length === 1 ? machineAt(context.topology, first.machine) : undefined;
  const several = t`${plural(machines.length, "machine")} (${list(machines.map((one) => `\`${one}\``))})`;
  switch (first.change) {
    case "missing": {
      const what = `${nounOf(first)}${moreText(group)}`;
      const lack = single === undefined ? t`${several} have no ${what}` : t`${single} has no ${what}`;
      return t`${lack}; ${expectation(first, context)}`;
    }
    case "extra": {
      const what = `\`${first.actual}\`${moreText(group)}`;
      const fact = single === undefined ? t`${several} have ${what}` : t`${single} has ${what}`;
      return t`${fact}; the topology does not`;
    }
    case "changed": {
      const more = moreText(group);
      if (first.aspect === "service")
        return single === undefined
          ? t`${several} have other endpoints for service ${first.subject}${more}: ${first.actual} instead of ${first.expected}`
          : t`${single} has other endpoints for service ${first.subject}${more}: ${first.actual} instead of ${first.expected}`;
      if (first.aspect === "order")
        return t`${single ?? several}: \`${first.actual}\` is in another position${more}; the topology has it before the rule that precedes it`;
      return single === undefined
        ? t`${several} have \`${first.actual}\`${more}; ${expectation(first, context)}`
        : t`${single} has \`${first.actual}\`${more}; ${expectation(first, context)}`;
    }
  }
}

/** The other entries of a group; on several machines, the entry is the same. */
function moreText(group: Group): string {
  const subjects = new Set(group.map(({ subject }) => subject));
  return subjects.size === 1 ? "" : t` and ${number(subjects.size - 1)} more`;
}

/** The missing entry: "route to 10.244.3.0/24". */
function nounOf({ aspect, subject }: Difference): string {
  switch (aspect) {
    case "address":
      return t`address on \`${subject}\``;
    case "device":
      return t`device \`${subject}\``;
    case "route":
      return t`route to ${subject}`;
    case "rule":
      return t`policy rule \`${subject}\``;
    case "neighbour":
      return t`neighbor entry for ${subject}`;
    case "fdb":
      return t`FDB entry for ${subject}`;
    case "chain":
    case "order":
      return t`rule \`${subject}\``;
    case "service":
      return t`service ${subject}`;
    case "nft":
      return t`nftables entry \`${subject}\``;
    case "peer":
      return t`WireGuard peer ${subject}`;
    case "ipsec":
      return t`IPsec entry \`${subject}\``;
    case "setting":
    case "sysctl":
      return t`setting \`${subject}\``;
  }
}

/** The program that installs the entry, if it does not follow from the machine's own statements. */
function expectation(difference: Exclude<Difference, { change: "extra" }>, { topology }: CheckContext): string {
  const { derived, machine, expected, subject, aspect } = difference;
  // The entry is already named.
  if (expected === subject) return t`the topology has it`;
  const isInstalled = aspect === "route" || aspect === "neighbour" || aspect === "fdb";
  const plugin = !isInstalled || (derived && isOfMachine(derived)) ? undefined : pluginAt(topology, machine);
  return plugin === undefined ? t`the topology has \`${expected}\`` : t`${plugin} would install \`${expected}\``;
}

/** Whether the statement is in the block of a machine. */
function isOfMachine(origin: Origin): boolean {
  return ["attach", "gateway", "route", "address"].includes(keywordOf(origin) ?? "");
}

function pluginAt(topology: CheckContext["topology"], machine: string): string | undefined {
  const node = nodeAt(topology, machine);
  const cluster = node && topology.clusters.find(({ name }) => name === node.cluster);
  return node?.cni?.plugin ?? cluster?.cni.plugin;
}
