import { formatIp, formatPrefix } from "../../addressing/ip.ts";
import { prefixAt, prefixIn } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { machineText } from "../../findings/machines.ts";
import { appendFix, replaceFix } from "../../fixes/fix.ts";
import { clusterAt } from "../../questions/owner.ts";
import { emptyPart, takenIn } from "../../questions/stacked-free.ts";
import { list, number } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

const lan = (cni: string): string => `segment lan { cidr 192.168.10.0/24; gateway gw }
router gw { attach lan 192.168.10.1 }
cluster prod {
  cni macvlan { ${cni} }
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
}
`;

export const stackedRangeTaken: Check<"KN160"> = {
  code: "KN160",
  name: "stacked-range-taken",
  family: "addresses",
  severity: "error",
  summary: "The range of macvlan or ipvlan pods contains addresses that are in use on the segment.",
  documentation: `## What happens

The pods' addresses are part of the nodes' subnet, and the IPAM plugin does not detect addresses that are already in
use. A pod with the address of a router or a node makes the segment unreliable: the machine that sends the last ARP
reply receives the packets.

## How to fix it

Exclude these addresses with \`exclude\`, or use an unused part of the subnet.`,
  example: { bad: lan("range 192.168.10.0/24"), good: lan("range 192.168.10.128/25") },
  message: ({ range, count, address, station }) =>
    count === 1
      ? t`range ${range} contains ${address}, which ${machineText(station)} uses: a pod can be assigned the same address`
      : t`range ${range} contains ${number(count)} addresses that are in use, such as ${address} of ${machineText(station)}: pods can be assigned the same addresses`,
  fixes: (_, source, { topology }) => {
    const cni = clusterAt(topology, source)?.cni.source;
    const at = prefixIn(source);
    const range = prefixAt(at);
    if (!cni || !at || !range) return [];
    const taken = takenIn(topology, range);
    const part = emptyPart(topology, range);
    return [
      appendFix(t`Exclude ${list(taken.map(formatIp))}`, cni, `exclude ${taken.map(formatIp).join(" ")}`),
      ...(part ? [replaceFix(t`Change to ${formatPrefix(part)} (unused)`, at, formatPrefix(part))] : []),
    ];
  },
};
