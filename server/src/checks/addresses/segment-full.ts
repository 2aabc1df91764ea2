import { formatPrefix, prefixSize } from "../../addressing/ip.ts";
import { argumentWith } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { enlargeFixes } from "../../fixes/ranges.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

const pool = (cidr: string): string => `segment lan { cidr ${cidr} }
cluster prod {
  nodes w 1..10 { attach lan }
}
`;

export const segmentFull: Check<"KN121"> = {
  code: "KN121",
  name: "segment-full",
  family: "addresses",
  severity: "error",
  effect: "full-segment",
  summary: "A segment has no free address for an interface.",
  documentation: `## What happens

The network address and the broadcast address of an IPv4 prefix cannot be assigned (except in a /31 or /32), and
neither can an address that is already in use. A /28 has room for 14 machines, a /24 for 254.

## How to fix it

Set a larger prefix on the segment, or add a second one.`,
  example: { bad: pool("192.168.10.0/29"), good: pool("192.168.10.0/24") },
  message: ({ segment, cidrs, count, station }) =>
    t`segment \`${segment}\` (${cidrs}) is full: ${plural(count, "interface")} cannot get an address (first: \`${station}\`)`,
  fixes: ({ segment: name, count }, _source, { topology }) => {
    const segment = topology.segments.get(name);
    const [prefix] = segment?.cidrs ?? [];
    const [source] = segment?.cidrSources ?? [];
    if (!prefix || !source) return [];
    const place = argumentWith(source, (text) => text === formatPrefix(prefix));
    const more = Math.ceil(Math.log2(1 + count / Number(prefixSize(prefix))));
    return place.part === "whole" ? [] : enlargeFixes(topology, prefix, prefix.len - more, place);
  },
};
