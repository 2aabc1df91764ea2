import { sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { removeFix, setFix } from "../../fixes/fix.ts";
import { clusterAt } from "../../questions/owner.ts";
import { t } from "../../text/l10n.ts";

export const calicoIpamConfig: Check<"KN155"> = {
  code: "KN155",
  name: "calico-ipam-config",
  family: "addresses",
  severity: "error",
  summary: "An IPAM setting requires strict affinity.",
  documentation: `## What happens

Calico accepts \`auto-allocate-blocks false\` and a maximum number of blocks per node only with \`strict-affinity true\`.
Without strict affinity, a node that cannot claim blocks would borrow all of its addresses from the blocks of other
nodes.

## How to fix it

Set \`strict-affinity true\`, or remove the setting.

## References

- Calico: \`libcalico-go/lib/ipam\``,
  example: {
    bad: twoNodes("cni calico {\n  max-blocks-per-host 4\n}"),
    good: twoNodes("cni calico {\n  strict-affinity true\n  max-blocks-per-host 4\n}"),
  },
  message: ({ what }) => t`\`${what}\` requires \`strict-affinity true\`: Calico rejects the IPAM configuration`,
  fixes: ({ what }, source, { topology }) => {
    const cni = clusterAt(topology, source)?.cni.source;
    return [
      ...(cni ? [setFix(t`Set \`strict-affinity true\``, cni, "strict-affinity", "true")] : []),
      removeFix(t`Remove \`${what}\``, sourceAt(source, "whole")),
    ];
  },
};
