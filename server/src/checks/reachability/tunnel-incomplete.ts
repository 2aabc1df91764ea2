import type { Check } from "../../findings/check.ts";
import { CARRIED, twoSites } from "../../findings/examples/tunnels.ts";
import { t } from "../../text/l10n.ts";

export const tunnelIncomplete: Check<"KN270"> = {
  code: "KN270",
  name: "tunnel-incomplete",
  family: "reachability",
  severity: "error",
  summary: "A tunnel cannot be created.",
  documentation: `## What happens

A tunnel connects two different machines that have outer addresses of one family, and it carries prefixes to one of
the two. IPIP tunnels (protocol 4) have IPv4 endpoints. knet ignores a tunnel without these properties.

## How to fix it

Name two machines in \`between\`, one of these after each \`to\`, and set \`endpoints\` to addresses of one family.`,
  example: {
    bad: twoSites(CARRIED.replace("to branch", "to isp")),
    good: twoSites(CARRIED),
  },
  message: ({ tunnel, cause }) => {
    switch (cause) {
      case "one-machine":
        return t`tunnel \`${tunnel}\` connects a machine with itself`;
      case "no-address":
        return t`the two sides of tunnel \`${tunnel}\` have no addresses of the same family`;
      case "not-a-side":
        return t`tunnel \`${tunnel}\` carries prefixes to a machine that is not one of its two sides`;
      case "family":
        return t`tunnel \`${tunnel}\` is an IPIP tunnel, which requires IPv4 endpoints`;
    }
  },
};
