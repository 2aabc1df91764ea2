import { formatIp, formatPrefix } from "../../addressing/ip.ts";
import type { Check } from "../../findings/check.ts";
import { repliedTo, reportHalfOpen, whereLost, whoReceivesNoReply } from "../../findings/half-open.ts";
import { onEach } from "../../fixes/return-path.ts";
import { t } from "../../text/l10n.ts";
import type { Interface } from "../../topology/model.ts";

const nodes = (route: string): string => `segment private { cidr 192.168.0.0/16; gateway inside }
segment public { cidr 203.0.113.0/24; gateway isp }
router inside { attach private 192.168.254.254 }
router isp { attach public 203.0.113.1 }
cluster prod {
  services 10.96.0.0/12
  cni calico { pool default 10.244.0.0/16 { ipip always; nat-outgoing true } }
  node master { attach private 192.168.0.1 }
  node n1 {
    attach private 192.168.1.1
    attach public 203.0.113.11
    route default via 203.0.113.1${route}
  }
  pod api on master { host-network; labels app=api; listen 6443/tcp }
  service api { select app=api; port 443 -> 6443/tcp }
}
`;

export const wrongSourceAddress: Check<"KN244"> = {
  code: "KN244",
  name: "wrong-source-address",
  family: "reachability",
  severity: "warning",
  summary: "A node's connections to a service carry the address of another interface.",
  documentation: `## What happens

The kernel selects the source address when a program connects, from the route to the ClusterIP: usually the default route. Then kube-proxy
rewrites the destination to an endpoint, and the packet leaves through the route to the endpoint. On a node with two networks, this can be
another interface, while the source address stays. The endpoint replies to an address of a network that it cannot reach.

## How to fix it

Add a route to the service CIDR through the interface that the packets to the endpoints use: the kernel then selects this interface's address.
The route is only used to select the address; its next hop receives no packets.

## References

- Linux: \`ip_route_output_key_hash_rcu\`, \`inet_select_addr\``,
  example: { bad: nodes(""), good: nodes("\n    route 10.96.0.0/12 dev eth0") },
  run: (context) =>
    reportHalfOpen(wrongSourceAddress, context, {
      kind: "source-address",
      message: (one) => {
        const { chosen, used } = one.cause;
        return t`the source address of connections to services is ${repliedTo(one)} (\`${chosen.device}\`), but the packets leave through \`${used.device}\` (${ownAddress(used)}): ${whoReceivesNoReply(one)}, because ${whereLost(one)}`;
      },
      fixes: ({ cause: { station, used, range } }) =>
        range ? onEach(context.peopled, station, `route ${formatPrefix(range)} dev ${used.device}`) : [],
    }),
};

function ownAddress({ addresses: [first] }: Interface): string {
  return first ? formatIp(first.ip) : "";
}
