import type { Unit } from "../../declared/schema/types.ts";
import type { Check } from "../../findings/check.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { phrase, t, translated } from "../../text/l10n.ts";

/** The units in the language's schema, marked for translation. */
const UNITS: Readonly<Record<Unit, string>> = {
  bytes: phrase("bytes"),
  pods: phrase("pods"),
  seconds: phrase("seconds"),
};

export const numberRange: Check<"KN007"> = {
  code: "KN007",
  name: "number-out-of-range",
  family: "syntax",
  severity: "error",
  summary: "A number is outside the allowed range.",
  documentation: `## What happens

The protocol or the program limits the value: a port is 1 to 65535, a VNI is 1 to 16777215 (RFC 7348), and an MTU is at
least 68 bytes (RFC 791). knet ignores the value or uses the nearest allowed one.

## How to fix it

Use a number within the range in the message.

## References

- [RFC 7348: Virtual eXtensible Local Area Network (VXLAN)](https://www.rfc-editor.org/rfc/rfc7348)
- [RFC 791: Internet Protocol](https://www.rfc-editor.org/rfc/rfc791)`,
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
  message: ({ keyword, text, min, max, unit }) => {
    if (unit === undefined) return t`${text} is out of range for \`${keyword}\`: the allowed range is ${min} to ${max}`;
    const units = translated(UNITS[unit]);
    return t`${text} is out of range for \`${keyword}\`: the allowed range is ${min} to ${max} ${units}`;
  },
  fixes: ({ text, min, max }, source) => {
    // A port range or an index range has no single nearest value.
    if (!/^-?\d+$/.test(text)) return [];
    const nearest = text.startsWith("-") || Number(text) < min ? min : max;
    return [replaceFix(t`Change to ${nearest}`, source, String(nearest))];
  },
};
