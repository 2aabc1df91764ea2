import { keywordOf, sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { removeFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

const lan = (mtu: number): string => `segment lan { cidr 192.168.10.0/24; gateway gw }
router gw { attach lan 192.168.10.1 }
cluster prod {
  cni macvlan {
    range 192.168.10.128/25
    mtu ${mtu}
  }
  node n1 { attach lan 192.168.10.11 }
}
`;

export const stackedRefused: Check<"KN163"> = {
  code: "KN163",
  name: "stacked-refused",
  family: "addresses",
  severity: "error",
  explains: ["lost-packets"],
  summary: "The macvlan or ipvlan plugin cannot create a pod's interface.",
  documentation: `## What happens

The pod stays in ContainerCreating with the quoted error. Possible causes:

- The node has no interface with the name in \`master\`.
- The MTU is larger than the MTU of the master interface.
- The mode is \`passthru\`, and a second pod on the node needs an interface.

## How to fix it

Fix the setting that the error names, or remove it.

## References

- CNI plugins: \`plugins/main/macvlan/macvlan.go\``,
  example: { bad: lan(9000), good: lan(1400) },
  message: ({ plugin, node, error }) => t`${plugin} cannot create interfaces for pods on node \`${node}\`: "${error}"`,
  fixes: (_, source) => {
    const keyword = keywordOf(source);
    return keyword === "cni" ? [] : [removeFix(t`Remove \`${keyword ?? ""}\``, sourceAt(source, "whole"))];
  },
};
