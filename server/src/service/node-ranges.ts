/** A node's pod addresses as text. */
import { addIp, family, formatIp, formatPrefix, type Ip, lastAddress } from "../addressing/ip.ts";
import type { NodeCidr } from "../topology/model.ts";

/**
 * Prefixes, in order; the addresses of a cloud machine's interfaces are many small prefixes of different lengths and are shown as
 * ranges: "10.0.0.245-10.0.0.254".
 */
export function rangeTexts(cidrs: readonly NodeCidr[]): readonly string[] {
  const lengths = ([4, 6] as const).map(
    (of) => new Set(cidrs.flatMap(({ prefix }) => (family(prefix.ip) === of ? prefix.len : []))),
  );
  if (lengths.every(({ size }) => size < 2)) return cidrs.map(({ prefix }) => formatPrefix(prefix));
  const runs: { first: Ip; last: Ip }[] = [];
  const sorted = cidrs.map(({ prefix }) => prefix).sort((a, b) => (a.ip < b.ip ? -1 : 1));
  for (const prefix of sorted) {
    const run = runs.at(-1);
    if (run && addIp(run.last, 1) === prefix.ip) run.last = lastAddress(prefix);
    else runs.push({ first: prefix.ip, last: lastAddress(prefix) });
  }
  return runs.map(({ first, last }) => (first === last ? formatIp(first) : `${formatIp(first)}-${formatIp(last)}`));
}
