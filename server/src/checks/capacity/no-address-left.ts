import { formatPrefix, prefixOf } from "../../addressing/ip.ts";
import { prefixAt, sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { perNodeFix } from "../../fixes/per-node.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

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

export const noAddressLeft: Check<"KN402"> = {
  code: "KN402",
  name: "no-pod-address-left",
  family: "capacity",
  severity: "error",
  explains: ["small-pod-cidrs"],
  summary: "A node has more pods than pod addresses.",
  documentation: `## What happens

host-local fails with *no IP addresses available in range set*, and the pod stays in ContainerCreating. A node pod CIDR
with prefix length L has 2^(32 − L) − 3 pod addresses: 253 in a /24, 61 in a /26, 13 in a /28 (without the network,
gateway, and broadcast addresses).

## How to fix it

Use larger node pod CIDRs, or distribute the pods over more nodes.`,
  example: { bad: cluster("/28"), good: cluster("/24") },
  message: ({ cluster: name, count, node, pods, addresses }) =>
    count === 1
      ? t`node \`${node}\` has ${plural(pods, "pod")} but only ${plural(addresses, "pod address", "pod addresses")}; use a larger node pod CIDR, or distribute the pods over more nodes`
      : t`${plural(count, "node")} of cluster \`${name}\` have more pods than pod addresses (\`${node}\`: ${plural(pods, "pod")}, ${plural(addresses, "address", "addresses")}); use larger node pod CIDRs, or distribute the pods over more nodes`,
  fixes: ({ pods }, source) => {
    // The network, gateway, and broadcast addresses are not available to pods.
    const len = 32 - Math.ceil(Math.log2(pods + 3));
    const length = `/${len}`;
    if (source.decl.spec?.keyword === "pods") return perNodeFix(t`Use ${length} per node`, source, length);
    const given = prefixAt(sourceAt(source, 0));
    const wider = given && typeof given.ip === "number" && len < given.len;
    if (!wider) return [];
    const text = formatPrefix(prefixOf(given.ip, len));
    return [replaceFix(t`Change to ${text}`, sourceAt(source, 0), text)];
  },
};
