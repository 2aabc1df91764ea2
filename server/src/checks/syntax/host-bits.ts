import type { Check } from "../check.ts";
import { replaceFix } from "../finding.ts";

export const hostBits: Check = {
  code: "KN014",
  name: "prefix-host-bits",
  family: "syntax",
  severity: "error",
  summary: "A prefix has bits set below its length.",
  documentation: `10.244.1.0/16 is an address in 10.244.0.0/16, not a network. Some programs mask it silently, others refuse it (kube-apiserver,
\`ip route\`), and whether the address or the length was meant nobody can tell. knet goes on with the masked one.`,
  example: {
    bad: `segment lan { cidr 192.168.10.5/24 }
`,
    good: `segment lan { cidr 192.168.10.0/24 }
`,
  },
  message: ({ text, prefix }) => `${text} has bits below its length; write ${prefix}, or a longer length`,
  fixes: ({ prefix }, source) => [replaceFix(`Change to ${prefix}`, source, String(prefix))],
};
