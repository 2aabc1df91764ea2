import { formatIp, formatPrefix } from "../../addressing/ip.ts";
import { childOf, readAt } from "../../declared/navigate.ts";
import { howMany, reportCauses } from "../../findings/causes.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { type Fix, replaceFix, setFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster } from "../../topology/model.ts";

export const podNat: Check<"KN203"> = {
  code: "KN203",
  name: "nat-between-pods",
  family: "reachability",
  severity: "warning",
  summary: "Traffic between pods is NATed.",
  documentation: `## What happens

The Kubernetes network model requires that pods communicate without NAT, and that other pods see a pod's own address. With NAT between pods, NetworkPolicies that select pods do not match, and logs show nodes instead of pods.

Common causes:

- \`ip-masq\` of the bridge plugin, which masquerades everything that leaves the node pod CIDR, including packets to pods on
  other nodes.
- flannel's \`--ip-masq=false\`: the bridge plugin then masquerades instead.

## How to fix it

Exclude the pod CIDR from masquerading: set \`ip-masq false\` in the bridge plugin, set \`ip-masq true\` in flannel, or use
\`non-masquerade\` if the plugin supports it.`,
  example: {
    bad: twoNodes("cni bridge { ip-masq true }"),
    good: twoNodes("cni bridge { ip-masq false }"),
  },
  run: (context) =>
    reportCauses(podNat, context, {
      kind: "nat",
      message: (cause) => {
        const { from, to } = cause.example.probe;
        const seen = cause.example.failed.receiver?.src;
        const as = seen === undefined ? t`another address` : formatIp(seen);
        return t`${to.name} sees ${from.name} as ${as}, not as ${formatIp(from.ip)}${howMany(cause.pairs, cause.nodes)}: NAT between pods breaks the Kubernetes network model and NetworkPolicies`;
      },
      fixes: ({ example }) => {
        // The bridge plugin masquerades packets to pods; flannel excludes pods, and replaces the bridge plugin's masquerading.
        const { source } = example.probe.cluster.cni;
        const set = childOf(source, "ip-masq", 0);
        if (set === source || typeof set.part !== "number") return spared(example.probe.cluster);
        const value = readAt(set)?.text === "true" ? "false" : "true";
        return [replaceFix(t`Set \`ip-masq ${value}\``, set, value)];
      },
    }),
};

/** Excludes the pod CIDR from masquerading. If the plugin does not have the setting, the service does not offer the fix. */
function spared({ cni, podCidrs }: Cluster): readonly Fix[] {
  const [pods] = podCidrs;
  if (!pods) return [];
  const text = formatPrefix(pods.prefix);
  return [setFix(t`Exclude ${text} from masquerading (\`non-masquerade\`)`, cni.source, "non-masquerade", text)];
}
