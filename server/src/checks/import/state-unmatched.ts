import type { Check } from "../../findings/check.ts";
import { outputOf } from "../../findings/examples/state.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { machineText } from "../../findings/machines.ts";
import { machinesOf } from "../../questions/drift/machines.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

export const stateUnmatched: Check<"KN811"> = {
  code: "KN811",
  name: "state-unmatched",
  family: "import",
  severity: "warning",
  summary: "State of a real machine that the topology does not contain.",
  documentation: `## What happens

knet assigns the state of a real machine by name: the folder or the file is named like the node, the router, or the host, or
like its path. If no machine has the name, knet searches for a machine with one of the addresses. This state belongs to no machine, or
to several, so it is not compared.

## How to fix it

Rename the folder to the name of the machine, or to its path if several clusters have a node with the name
(\`prod/n1\` as \`nodes/prod/n1\` needs the addresses in \`addr.json\`). If the machine is new, add it to the topology.`,
  example: {
    language: "text",
    bad: outputOf("nodes/n9/route4.txt", "192.168.30.0/24 dev eth0 proto kernel scope link src 192.168.30.19\n"),
    good: outputOf(
      "nodes/n2/route4.txt",
      `default via 192.168.10.1 dev eth0
10.244.0.0/24 via 192.168.10.11 dev eth0
10.244.1.0/24 dev cni0 proto kernel scope link src 10.244.1.1
192.168.10.0/24 dev eth0 proto kernel scope link src 192.168.10.12
`,
    ),
  },
  run: function* ({ topology, state }): Iterable<Finding> {
    if (!state) return;
    for (const { machine, candidates } of machinesOf(topology, state).unknown) {
      const { name, origin } = machine;
      const message =
        candidates.length === 0
          ? t`real machine \`${name}\` is not compared: the topology contains neither its name nor its addresses`
          : candidates.length === 1
            ? t`real machine \`${name}\` is not compared: ${machineText(candidates[0] ?? { kind: "node", path: name })} already has other state`
            : t`real machine \`${name}\` is not compared: it can be ${list(candidates.map(machineText))}`;
      yield finding(stateUnmatched, origin, message);
    }
  },
};
