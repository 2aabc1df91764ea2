import { number } from "../../text/words.ts";
import type { Check } from "../check.ts";
import { replaceFix } from "../finding.ts";

export const numberRange: Check = {
  code: "KN007",
  name: "number-out-of-range",
  family: "syntax",
  severity: "error",
  summary: "A number is smaller or larger than the setting allows.",
  documentation: `The limits are those of the protocol or the program: a port is 1 to 65535, a VNI 1 to 16,777,215 (RFC 7348), an MTU at least 68
(RFC 791).`,
  example: {
    bad: `segment lan {
  cidr 192.168.10.0/24
  vlan 5000
}
`,
    good: `segment lan {
  cidr 192.168.10.0/24
  vlan 500
}
`,
  },
  message: ({ keyword, text, min, max, unit }) =>
    `${keyword} takes ${number(Number(min))} to ${number(Number(max))}${unit === undefined ? "" : ` ${unit}`}, not ${text}`,
  fixes: ({ text, min, max }, source) => {
    // Only a plain number has a nearest allowed one.
    if (!/^-?\d+$/.test(String(text))) return [];
    const nearest = String(text).startsWith("-") || Number(text) < Number(min) ? min : max;
    return [replaceFix(`Change to ${nearest}`, source, String(nearest))];
  },
};
