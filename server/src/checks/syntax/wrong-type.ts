import { parseIp } from "../../addressing/ip.ts";
import type { Check } from "../../findings/check.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { suggestionFix } from "../../fixes/suggestion.ts";
import { t } from "../../text/l10n.ts";

export const wrongType: Check<"KN006"> = {
  code: "KN006",
  name: "wrong-type",
  family: "syntax",
  severity: "error",
  summary: "An argument has the wrong type or an unknown value.",
  documentation: `## What happens

The argument does not have the type that the statement expects, such as an address, a prefix, or a port, or it is not
one of the allowed values. knet ignores the argument.

In an access list, the argument can also contradict the rest of the rule, so that no packet matches: ICMP packets have no
ports, and the source and the destination of a packet have one address family. knet ignores the rule.

Addresses are parsed strictly: an IPv4 address has four octets without leading zeros, because some programs read a
leading zero as octal (RFC 6943 §3.1.1), and a prefix has a prefix length, not a netmask.

## How to fix it

Replace the argument with a value of the expected type.

## References

- [RFC 6943 §3.1.1: Issues in Identifier Comparison for Security Purposes](https://www.rfc-editor.org/rfc/rfc6943#section-3.1.1)`,
  example: {
    bad: `segment lan { cidr 192.168.10.0/24 }
router tor { attach lan 192.168.010.1 }
`,
    good: `segment lan { cidr 192.168.10.0/24 }
router tor { attach lan 192.168.10.1 }
`,
  },
  message: ({ keyword, text, expected, reason, suggestion }) => {
    if (suggestion !== undefined)
      return t`invalid argument \`${text}\` for \`${keyword}\`: expected ${expected}; did you mean \`${suggestion}\`?`;
    if (reason !== undefined)
      return t`invalid argument \`${text}\` for \`${keyword}\`: expected ${expected}; ${reason}`;
    return t`invalid argument \`${text}\` for \`${keyword}\`: expected ${expected}`;
  },
  fixes: (data, source) => {
    const fixes = suggestionFix(data, source);
    const meant = strictly(data.text);
    return fixes.length > 0 || meant === undefined ? fixes : [replaceFix(t`Change to ${meant}`, source, meant)];
  },
};

/** A strict form of a loosely written address: no leading zeros, a prefix length instead of a netmask. */
function strictly(text: string): string | undefined {
  const [, octets, mask] = /^(\d{1,3}(?:\.\d{1,3}){3})(?:\/([\d.]+))?$/.exec(text) ?? [];
  if (octets === undefined) return undefined;
  const address = octets.split(".").map(Number).join(".");
  if (parseIp(address) === undefined) return undefined;
  if (mask === undefined) return address === text ? undefined : address;
  const len = lengthOf(mask);
  if (len === undefined) return undefined;
  // If the address and the prefix length are both well-formed, the statement expects an address without a prefix
  // length.
  return address !== octets || !/^\d+$/.test(mask) ? `${address}/${len}` : address;
}

/** 24, or 255.255.255.0. */
function lengthOf(mask: string): number | undefined {
  if (/^\d+$/.test(mask)) return Number(mask) <= 32 ? Number(mask) : undefined;
  const ip = parseIp(mask);
  if (typeof ip !== "number") return undefined;
  const bits = ip.toString(2).padStart(32, "0");
  return /^1*0*$/.test(bits) ? (bits.indexOf("0") < 0 ? 32 : bits.indexOf("0")) : undefined;
}
