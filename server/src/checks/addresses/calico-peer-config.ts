import { childOf, hasChild } from "../../declared/navigate.ts";
import type { Check, ProblemData } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { removeFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const calicoPeerConfig: Check<"KN156"> = {
  code: "KN156",
  name: "calico-peer-config",
  family: "addresses",
  severity: "error",
  summary: "A BGPPeer has an invalid combination of fields.",
  documentation: `## What happens

A BGPPeer specifies the nodes that it applies to and their peers:

- Nodes: \`node\` or \`node-selector\`; without either, all nodes.
- Peers: \`peer-ip\` with \`as-number\`, or \`peer-selector\`. The nodes that \`peer-selector\` matches have their own AS
  numbers.

Calico rejects other combinations.

## How to fix it

Remove one of the conflicting fields, or add the missing one.

## References

- Calico: \`libcalico-go/lib/validator/v3\``,
  example: {
    bad: twoNodes("cni calico {\n  peer rr {\n    peer-selector role=rr\n    as-number 64512\n  }\n}", "").replace(
      "n1 { attach",
      "n1 { labels role=rr; attach",
    ),
    good: twoNodes("cni calico {\n  peer rr { peer-selector role=rr }\n}", "").replace(
      "n1 { attach",
      "n1 { labels role=rr; attach",
    ),
  },
  message: ({ peer, conflict }) => t`Calico rejects BGPPeer \`${peer}\`: ${reasonOf(conflict)}`,
  fixes: ({ fields }, source) =>
    fields
      .filter((keyword) => hasChild(source, keyword))
      .map((keyword) => removeFix(t`Remove \`${keyword}\``, childOf(source, keyword))),
};

function reasonOf(conflict: ProblemData["KN156"]["conflict"]): string {
  switch (conflict) {
    case "two-nodes":
      return t`\`node\` and \`node-selector\` are mutually exclusive`;
    case "two-peers":
      return t`\`peer-ip\` and \`peer-selector\` are mutually exclusive`;
    case "no-peer":
      return t`\`peer-ip\` or \`peer-selector\` is required`;
    case "as-number":
      return t`\`as-number\` is not allowed with \`peer-selector\`, which uses the nodes' own AS numbers`;
  }
}
