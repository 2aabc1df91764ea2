import { sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

const cluster = (backend: string): string => `segment lan {
  cidr 192.168.10.0/24 fd00:10::/64
  gateway 192.168.10.1 fd00:10::1
}
cluster prod {
  pods 10.244.0.0/16 per-node /24
  pods fd00:10:244::/56 per-node /64
  services 10.96.0.0/12
  cni flannel { backend ${backend} }
  node n1 { attach lan }
  node n2 { attach lan }
}
`;

export const flannelNoIpv6: Check<"KN228"> = {
  code: "KN228",
  name: "flannel-backend-ipv4-only",
  family: "reachability",
  severity: "error",
  explains: ["lost-packets"],
  summary: "The backend carries IPv4 only, but the pods have IPv6 addresses.",
  documentation: `## What happens

flannel supports dual stack in the \`vxlan\`, \`host-gw\`, and \`wireguard\` backends; \`udp\` and \`ipip\` carry only IPv4. IPv6
packets to pods on other nodes have no specific route and follow the default route.

## How to fix it

Use one of the backends that support dual stack.`,
  example: { bad: cluster("udp"), good: cluster("host-gw") },
  message: ({ backend, network }) =>
    t`backend \`${backend}\` carries only IPv4: pods on different nodes cannot reach each other on ${network}; use \`vxlan\`, \`host-gw\`, or \`wireguard\``,
  fixes: (_data, source) =>
    source.decl.spec?.keyword === "backend" && !source.decl.block
      ? ["vxlan", "host-gw"].map((type) => replaceFix(t`Use backend \`${type}\``, sourceAt(source, 0), type))
      : [],
};
