import type { Check } from "../../findings/check.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const hostBits: Check<"KN014"> = {
  code: "KN014",
  name: "prefix-host-bits",
  family: "syntax",
  severity: "error",
  summary: "A prefix has host bits set.",
  documentation: `## What happens

10.244.1.0/16 is an address in the network 10.244.0.0/16, not a network: bits after the prefix length are set. Some
programs mask these bits silently; others, such as kube-apiserver and \`ip route\`, reject the prefix. knet cannot
determine whether the address or the prefix length is wrong, and continues with the masked prefix.

## How to fix it

Clear the host bits (10.244.0.0/16), or use a longer prefix length (10.244.1.0/24).`,
  example: {
    bad: `segment lan { cidr 192.168.10.5/24 }
`,
    good: `segment lan { cidr 192.168.10.0/24 }
`,
  },
  message: ({ text, prefix }) => t`${text} has host bits set; use ${prefix} or a longer prefix length`,
  fixes: ({ prefix }, source) => [replaceFix(t`Change to ${prefix}`, source, prefix)],
};
