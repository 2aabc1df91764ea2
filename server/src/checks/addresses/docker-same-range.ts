import { plural } from "../../text/words.ts";
import type { Check } from "../check.ts";
import { overlayFix } from "../reachability/stacked-apart.ts";
import { clusterAt } from "../topology.ts";

const hosts = (
  cni: string,
  bridges: readonly [string, string],
): string => `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster hosts {
  ${cni}
  node n1 { attach lan 192.168.10.11${bridges[0]} }
  node n2 { attach lan 192.168.10.12${bridges[1]} }
  pod a on n1
  pod b on n2
}
`;

export const dockerSameRange: Check = {
  code: "KN140",
  name: "docker-same-range",
  family: "addresses",
  severity: "warning",
  summary: "Docker alone: containers of different hosts get the same addresses.",
  documentation: `An unmodified Docker gives docker0 172.17.0.1/16 on every host. The first container of each host is 172.17.0.2, and a packet to
that address never leaves the host. Containers reach each other across hosts only by published ports and the hosts'
addresses. It is the problem that CNI plugins solve.

Use a CNI plugin, or give each host a range of its own (\`docker-bridge\`) and routes to the others.`,
  example: {
    bad: hosts("cni docker", ["", ""]),
    good: hosts("cni docker { forward-policy accept; ip-masq false }", [
      "; docker-bridge 172.17.1.1/24; route 172.17.2.0/24 via 192.168.10.12",
      "; docker-bridge 172.17.2.1/24; route 172.17.1.0/24 via 192.168.10.11",
    ]),
  },
  message: ({ range, nodes }) =>
    `${plural(Number(nodes), "node")} give their containers addresses of the same range ${range}: containers of different hosts get the same addresses and cannot reach each other; use a CNI plugin, or a range of its own on each host`,
  fixes: (_data, source, { topology }) => {
    const cluster = clusterAt(topology, source);
    return cluster ? overlayFix(topology, cluster) : [];
  },
};
