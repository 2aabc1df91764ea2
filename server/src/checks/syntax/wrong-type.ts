import { parseIp } from "../../addressing/ip.ts";
import type { Check } from "../check.ts";
import { replaceFix } from "../finding.ts";
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
  fixes: (data, source) => {
    const fixes = suggestionFix(data, source);
    const meant = strictly(String(data.text));
    return fixes.length > 0 || meant === undefined ? fixes : [replaceFix(`Write ${meant}`, source, meant)];
  },
};

/** An address as it was probably meant: without leading zeros, without a length or with one instead of a mask. */
function strictly(text: string): string | undefined {
  const [, octets, mask] = /^(\d{1,3}(?:\.\d{1,3}){3})(?:\/([\d.]+))?$/.exec(text) ?? [];
  if (octets === undefined) return undefined;
  const address = octets.split(".").map(Number).join(".");
  if (parseIp(address) === undefined) return undefined;
  if (mask === undefined) return address === text ? undefined : address;
  const len = lengthOf(mask);
  if (len === undefined) return undefined;
  // Where the mask was the mistake it becomes a length; where the address was right, its length was.
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
