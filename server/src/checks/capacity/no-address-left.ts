import { formatPrefix, parsePrefix, prefixOf } from "../../addressing/ip.ts";
import { number, plural } from "../../text/words.ts";
import type { Check } from "../check.ts";
import { perNodeFix, replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

const cluster = (perNode: string): string => `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node ${perNode}
  services 10.96.0.0/12
  max-pods 10
  cni flannel { backend vxlan }
  node n1 { attach lan }
  deployment web replicas 20
}
`;

export const noAddressLeft: Check = {
  code: "KN402",
  name: "no-pod-address-left",
  family: "capacity",
  severity: "error",
  summary: "A node has more pods than addresses in its range.",
  documentation: `host-local answers *no IP addresses available in range set*, and the pod stays in ContainerCreating. A range of length L holds 2^(32 − L) − 3 pods: 253 in a
/24, 61 in a /26, 13 in a /28 (without network, gateway and broadcast address).`,
  example: { bad: cluster("/28"), good: cluster("/24") },
  message: ({ cluster: name, count, node, pods, addresses }) =>
    `${plural(Number(count), "node")} of cluster ${name} ${Number(count) === 1 ? "has" : "have"} more pods than addresses: ${node} has ${number(Number(pods))} pods and ${number(Number(addresses))} addresses; use larger blocks, or spread the pods over more nodes`,
  fixes: ({ pods }, source) => {
    // Network, gateway and broadcast address are nobody's.
    const len = 32 - Math.ceil(Math.log2(Number(pods) + 3));
    const length = `/${len}`;
    if (source.statement.keyword.text === "pods") return perNodeFix(`Give each node a ${length}`, source, length);
    const given = parsePrefix(source.statement.args[0]?.text ?? "")?.prefix;
    const wider = given && typeof given.ip === "number" && len < given.len;
    if (!wider) return [];
    const text = formatPrefix(prefixOf(given.ip, len));
    return [replaceFix(`Use ${text}`, sourceAt(source, 0), text)];
  },
};
