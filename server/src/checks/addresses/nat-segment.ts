import type { Check } from "../check.ts";
import { appendFix } from "../finding.ts";

const office = (attach: string): string => `segment office { cidr 192.168.1.0/24 }
segment wan { cidr 203.0.113.0/24 }
router edge {
  attach office 192.168.1.1${attach}
  masquerade from 192.168.1.0/24 out wan
}
`;

export const natSegment: Check = {
  code: "KN126",
  name: "nat-not-attached",
  family: "addresses",
  severity: "error",
  summary: "A NAT rule names a segment to which the machine is not attached.",
  documentation: `\`out\` and \`in\` say by which interface the packets leave or come. Without an interface on that segment the rule never applies, and packets
pass as they are. Attach the machine, or name another segment.`,
  example: { bad: office(""), good: office("\n  attach wan 203.0.113.2") },
  message: ({ station, segment }) =>
    `${station} has no interface on segment ${segment}, so this rule never applies; attach it, or name another segment`,
  fixes: (data, _source, { topology }) => {
    const station = [...topology.routers, ...topology.hosts].find(({ path }) => path === data.station);
    return station
      ? [appendFix(`Attach ${data.station} to ${data.segment}`, station.source, `attach ${data.segment}`)]
      : [];
  },
};
