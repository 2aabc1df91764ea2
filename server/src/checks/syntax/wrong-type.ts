import type { Check } from "../check.ts";
import { suggestionFix, suggestionHint } from "./suggestion.ts";

export const wrongType: Check = {
  code: "KN006",
  name: "wrong-type",
  family: "syntax",
  severity: "error",
  summary: "An argument is not what the statement needs: not an address, a prefix, a port, a known word.",
  documentation: `Addresses are read strictly: no leading zeros (some programs read them as octal, RFC 6943 §3.1.1), four octets, a length instead of a
mask. Words must be one of those that the setting knows.`,
  example: {
    bad: `segment lan { cidr 192.168.10.0/24 }
router tor { attach lan 192.168.010.1 }
`,
    good: `segment lan { cidr 192.168.10.0/24 }
router tor { attach lan 192.168.10.1 }
`,
  },
  message: ({ keyword, text, expected, reason, suggestion }) =>
    `${keyword} needs ${expected} here, not "${text}": ${reason}${suggestionHint(suggestion)}`,
  fixes: suggestionFix,
};
