import { formatPrefix, parsePrefix } from "../../addressing/ip.ts";
import type { Check } from "../check.ts";
import { replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";
import { emptyPart } from "./stacked-free.ts";

const lan = (range: string): string => `segment lan { cidr 192.168.10.0/24; gateway gw }
router gw { attach lan 192.168.10.1 }
cluster prod {
  cni macvlan { range ${range} }
  node n1 { attach lan 192.168.10.11 }
}
`;

export const stackedRangeOutside: Check = {
  code: "KN161",
  name: "stacked-range-outside",
  family: "addresses",
  severity: "error",
  summary: "The range of macvlan or ipvlan pods is not in the subnet of the nodes' segment.",
  documentation: `Such pods are stations of the nodes' segment: their neighbours ask for them by ARP, and routers have a route to the segment's subnet only. An address
outside of it is reached by nobody.`,
  example: { bad: lan("10.244.0.0/24"), good: lan("192.168.10.128/25") },
  message: ({ range, segment, cidr }) =>
    `the pods' range ${range} is not in ${cidr === "" ? "a subnet" : cidr} of segment ${segment}, where the pods' interfaces are: nobody finds them there; take a part of the segment's subnet`,
  fixes: ({ segment }, source, { topology }) => {
    const [cidr] = topology.segments.get(String(segment))?.cidrs ?? [];
    const part = cidr && emptyPart(topology, cidr);
    const at = source.statement.args.findIndex(({ text }) => parsePrefix(text) !== undefined);
    const text = part && formatPrefix(part);
    return text === undefined || at < 0 ? [] : [replaceFix(`Use ${text}, where nobody is`, sourceAt(source, at), text)];
  },
};
