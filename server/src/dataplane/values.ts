/** Values in the notation of iproute2 and iptables. */
import { type Family, hostPrefix, type Ip, type Prefix, parseIp, parsePrefix } from "../addressing/ip.ts";

/** "10.0.0.0/8", "10.0.0.1" for a single address, "0/0", or an address with a netmask. */
export function prefixOfText(text: string): Prefix | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) {
    const ip = parseIp(text);
    return ip === undefined ? undefined : hostPrefix(ip);
  }
  const known = parsePrefix(text)?.prefix;
  if (known) return known;
  const mask = parseIp(text.slice(slash + 1));
  if (typeof mask !== "number") return undefined;
  return parsePrefix(`${text.slice(0, slash)}/${Math.clz32(~mask)}`)?.prefix;
}

/** The destination of a route; `default` does not show the family. */
export function destinationOf(text: string, family: Family): Prefix | undefined {
  return text === "default" || text === "all" || text === "any" ? everything(family) : prefixOfText(text);
}

export function everything(family: Family): Prefix {
  return family === 4 ? { ip: 0, len: 0 } : { ip: 0n, len: 0 };
}

export function familyOfIp(ip: Ip): Family {
  return typeof ip === "number" ? 4 : 6;
}

/** "10.0.0.1:80" or "[fd00::1]:80". */
export function ipAndPort(text: string): { readonly ip: Ip; readonly port: number } | undefined {
  const colon = text.lastIndexOf(":");
  if (colon < 0) return undefined;
  const ip = parseIp(text.slice(0, colon).replace(/^\[|\]$/g, ""));
  const port = wholeNumber(text.slice(colon + 1));
  return ip === undefined || port === undefined || port > 65535 ? undefined : { ip, port };
}

/** A decimal number, or a hexadecimal one with 0x. */
export function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^(?:\d+|0x[0-9a-f]+)$/i.test(text) ? Number(text) : undefined;
}

/** "0x200/0xf00"; without a mask, all bits. */
export function markOf(text: string): { readonly value: number; readonly mask: number } | undefined {
  const [value, mask] = text.split("/");
  const first = wholeNumber(value);
  const second = mask === undefined ? 0xffffffff : wholeNumber(mask);
  return first === undefined || second === undefined ? undefined : { value: first, mask: second };
}
