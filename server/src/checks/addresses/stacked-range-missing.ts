import { formatPrefix } from "../../addressing/ip.ts";
import type { Check } from "../check.ts";
import { appendFix } from "../finding.ts";
import { clusterAt } from "../topology.ts";
import { emptyPart } from "./stacked-free.ts";

const lan = (cni: string): string => `segment lan { cidr 192.168.10.0/24; gateway gw }
router gw { attach lan 192.168.10.1 }
cluster prod {
  cni macvlan${cni}  # knet-ignore KN240 no probes in this lab
  node n1 { attach lan 192.168.10.11 }
  pod a on n1
}
`;

export const stackedRangeMissing: Check = {
  code: "KN162",
  name: "stacked-range-missing",
  family: "addresses",
  severity: "error",
  summary: "macvlan or ipvlan pods have no range to get addresses from.",
  documentation: `Without an IPAM plugin the pods' interfaces have no addresses. \`pods\` does not help: its blocks are for pods behind their node; these here are
stations of the nodes' segment and need addresses of its subnet.`,
  example: { bad: lan(""), good: lan(" { range 192.168.10.128/25 }") },
  message: ({ plugin }) =>
    `${plugin} pods get no addresses without a range; write range with a part of the segment's subnet that is free`,
  fixes: (_, source, { topology }) => {
    const segment = clusterAt(topology, source)?.nodes[0]?.interfaces[0]?.segment;
    const [cidr] = topology.segments.get(segment ?? "")?.cidrs ?? [];
    const part = cidr && emptyPart(topology, cidr);
    const text = part && formatPrefix(part);
    return text === undefined ? [] : [appendFix(`Use ${text}, where nobody is`, source, `range ${text}`)];
  },
};
