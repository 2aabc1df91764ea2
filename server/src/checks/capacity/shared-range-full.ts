import { formatPrefix, parsePrefix, prefixCovers, prefixSize } from "../../addressing/ip.ts";
import { number } from "../../text/words.ts";
import { emptyPart } from "../addresses/stacked-free.ts";
import type { Check } from "../check.ts";
import { replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

const lan = (range: string): string => `segment lan { cidr 192.168.10.0/24; gateway gw }
router gw { attach lan 192.168.10.1 }
cluster prod {
  cni macvlan {  # knet-ignore KN240 no probes in this lab
    range ${range}
  }
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  deployment web replicas 20
}
`;

export const sharedRangeFull: Check = {
  code: "KN430",
  name: "shared-range-full",
  family: "capacity",
  severity: "error",
  summary: "A cluster has more pods than addresses in the range that they share.",
  documentation: `The IPAM plugin finds no free address, and the pods that come last stay in ContainerCreating. What is excluded does not count.`,
  example: { bad: lan("192.168.10.128/28"), good: lan("192.168.10.128/25") },
  message: ({ cluster, pods, addresses }) =>
    `cluster ${cluster} has ${number(Number(pods))} pods and ${number(Number(addresses))} addresses for them: the others do not start; take a larger range`,
  fixes: ({ pods }, source, { topology }) => {
    const index = source.statement.args.findIndex(({ text }) => parsePrefix(text) !== undefined);
    const range = parsePrefix(source.statement.args[index]?.text ?? "")?.prefix;
    const around =
      range && [...topology.segments.values()].flatMap(({ cidrs }) => cidrs).find((cidr) => prefixCovers(cidr, range));
    const part = around && emptyPart(topology, around);
    // Network and broadcast address are not given out.
    if (!part || Number(prefixSize(part)) - 2 < Number(pods)) return [];
    return [replaceFix(`Use ${formatPrefix(part)}, where nobody is`, sourceAt(source, index), formatPrefix(part))];
  },
};
