import { formatPrefix, prefixSize } from "../../addressing/ip.ts";
import { plural } from "../../text/words.ts";
import type { Check } from "../check.ts";
import { argumentWith } from "../source.ts";
import { enlargeFixes } from "./free.ts";

const pool = (cidr: string): string => `segment lan { cidr ${cidr} }
cluster prod {
  nodes w 1..10 { attach lan }
}
`;

export const segmentFull: Check = {
  code: "KN121",
  name: "segment-full",
  family: "addresses",
  severity: "error",
  summary: "A segment has no address left for an interface.",
  documentation: `Of an IPv4 prefix the network and the broadcast address cannot be used (except /31 and /32), nor can addresses that other stations have. A
/28 holds 14 stations, a /24 254. Give the segment a larger prefix or a second one.`,
  impliedBy: ["KN411"],
  example: { bad: pool("192.168.10.0/29"), good: pool("192.168.10.0/24") },
  message: ({ segment, cidrs, count, station }) =>
    `segment ${segment} (${cidrs}) is full: ${plural(Number(count), "interface")} get no address there, ${station} first; give the segment a larger or a second range`,
  fixes: ({ segment: name, count }, _source, { topology }) => {
    const segment = topology.segments.get(String(name));
    const [prefix] = segment?.cidrs ?? [];
    const [source] = segment?.cidrSources ?? [];
    if (!prefix || !source) return [];
    const place = argumentWith(source, (text) => text === formatPrefix(prefix));
    const more = Math.ceil(Math.log2(1 + Number(count) / Number(prefixSize(prefix))));
    return place.part === "whole" ? [] : enlargeFixes(topology, prefix, prefix.len - more, place);
  },
};
