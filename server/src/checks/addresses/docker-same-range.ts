import type { Check } from "../../findings/check.ts";
import { overlayFix } from "../../fixes/overlay.ts";
import { clusterAt } from "../../questions/owner.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

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

export const dockerSameRange: Check<"KN140"> = {
  code: "KN140",
  name: "docker-same-range",
  family: "addresses",
  severity: "warning",
  explains: ["lost-packets", "equal-pod-cidrs"],
  summary: "Without a CNI plugin, Docker containers on different hosts have the same addresses.",
  documentation: `## What happens

By default, Docker assigns 172.17.0.1/16 to \`docker0\` on every host. The first container of each host is 172.17.0.2, and
a packet to that address never leaves the host. Containers on different hosts reach each other only through published
ports and the addresses of the hosts. CNI plugins exist to solve this problem.

The severity is *warning* if the cluster has services, whose endpoints on other hosts are unreachable. For hosts that only run
containers, it is *info*: published ports (\`host-port\`) are the intended way between them.

## How to fix it

Use a CNI plugin, or set a different range on each host (\`docker-bridge\`) and add routes to the ranges of the other
hosts.`,
  example: {
    bad: hosts("cni docker", ["", ""]),
    good: hosts("cni docker { forward-policy accept; ip-masq false }", [
      "; docker-bridge 172.17.1.1/24; route 172.17.2.0/24 via 192.168.10.12",
      "; docker-bridge 172.17.2.1/24; route 172.17.1.0/24 via 192.168.10.11",
    ]),
  },
  severityOf: ({ isKubernetes }) => (isKubernetes ? "warning" : "info"),
  message: ({ range, nodes }) =>
    t`${plural(nodes, "node")} use the same container range ${range}: containers have the same addresses and cannot reach other hosts; use a CNI plugin, or a different range on each host`,
  fixes: (_data, source, { topology }) => {
    const cluster = clusterAt(topology, source);
    return cluster ? overlayFix(topology, cluster) : [];
  },
};
