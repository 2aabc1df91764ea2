import { formatIp, formatPrefix, parsePrefix } from "../../addressing/ip.ts";
import { number, plural } from "../../text/words.ts";
import type { Check } from "../check.ts";
import { appendFix, replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";
import { clusterAt } from "../topology.ts";
import { emptyPart, takenIn } from "./stacked-free.ts";

const lan = (cni: string): string => `segment lan { cidr 192.168.10.0/24; gateway gw }
router gw { attach lan 192.168.10.1 }
cluster prod {
  cni macvlan { ${cni} }
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
}
`;

export const stackedRangeTaken: Check = {
  code: "KN160",
  name: "stacked-range-taken",
  family: "addresses",
  severity: "error",
  summary: "The range of macvlan or ipvlan pods holds addresses that stations of the segment have.",
  documentation: `The pods' addresses come out of the nodes' own subnet, and the IPAM plugin does not know who is there already. A pod that gets a router's or a node's address
makes the segment unreliable: whoever answers ARP last has it.

Leave these addresses out with \`exclude\`, or take a part of the subnet in which nobody is.`,
  example: { bad: lan("range 192.168.10.0/24"), good: lan("range 192.168.10.128/25") },
  message: ({ range, count, address, station, exclude }) =>
    `the pods' range ${range} holds ${plural(Number(count), "address", "addresses")} of stations, such as ${address} of ${station}: pods would get ${Number(count) === 1 ? "it" : "them"} too; write exclude ${exclude}${Number(count) > 3 ? ` and ${number(Number(count) - 3)} more` : ""}, or take another part of the subnet`,
  fixes: (_, source, { topology }) => {
    const cni = clusterAt(topology, source)?.cni.source;
    const at = source.statement.args.findIndex(({ text }) => parsePrefix(text) !== undefined);
    const range = parsePrefix(source.statement.args[at]?.text ?? "")?.prefix;
    if (!cni || !range) return [];
    const taken = takenIn(topology, range);
    const part = emptyPart(topology, range);
    return [
      appendFix("Leave these addresses out", cni, `exclude ${taken.map(formatIp).join(" ")}`),
      ...(part
        ? [replaceFix(`Use ${formatPrefix(part)}, where nobody is`, sourceAt(source, at), formatPrefix(part))]
        : []),
    ];
  },
};
