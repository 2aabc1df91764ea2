import { childOf, hasChild } from "../../declared/navigate.ts";
import { t } from "../../text/l10n.ts";
import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { removeFix } from "../finding.ts";

export const calicoPeerConfig: Check = {
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
  message: ({ peer, what }) => t`Calico rejects BGPPeer \`${peer}\`: ${what}`,
  fixes: ({ what }, source) => {
    const words = new Set(String(what).match(/[a-z]+(?:-[a-z]+)*/g));
    const named = ["as-number", "node", "node-selector", "peer-ip", "peer-selector"].filter((keyword) =>
      words.has(keyword),
    );
    return named
      .filter((keyword) => hasChild(source, keyword))
      .map((keyword) => removeFix(t`Remove \`${keyword}\``, childOf(source, keyword)));
  },
};
