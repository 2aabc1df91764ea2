import { family, formatPrefix, type Prefix, prefixCovers, prefixEquals } from "../../addressing/ip.ts";
import { argumentWith, childOf, hasChild, sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { service, shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { type Fix, removeFix, replaceFix } from "../../fixes/fix.ts";
import { type PlannedRange, planOf } from "../../questions/plan.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Topology } from "../../topology/model.ts";

const proxy = (cidr: string): string => shop(service(""), `kube-proxy iptables { cluster-cidr ${cidr} }`);

export const proxyClusterCidr: Check<"KN516"> = {
  code: "KN516",
  name: "proxy-cluster-cidr",
  family: "services",
  severity: "warning",
  summary: "kube-proxy's cluster CIDR does not contain the pod CIDR.",
  documentation: `## What happens

kube-proxy masquerades packets to a ClusterIP if their source address is outside \`--cluster-cidr\` (chains \`KUBE-SVC-*\`,
\`! -s CIDR -j KUBE-MARK-MASQ\`). If the pod CIDR is outside, this applies to all connections from pods to services. Connections work,
but pods see node addresses instead of pod addresses, NetworkPolicies that allow pods by label do not match on other nodes, and source
ports run out.

Common cause: the pod CIDR was changed, but kube-proxy's ConfigMap was not.

## How to fix it

Set \`cluster-cidr\` to the pod CIDR, or remove the setting.

## References

- kubernetes.io, *kube-proxy*, \`--cluster-cidr\` and \`--detect-local-mode\``,
  example: { bad: proxy("10.200.0.0/16"), good: proxy("10.244.0.0/16") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const { mode, detectLocal, masqueradeAll, clusterCidrs, source } = cluster.services.kubeProxy;
      if (mode === "none" || detectLocal !== "cluster-cidr" || masqueradeAll) continue;
      for (const cidr of clusterCidrs) {
        const missed = rangesOf(topology, cluster, cidr).filter(
          ({ prefix }) => !clusterCidrs.some((one) => prefixCovers(one, prefix)),
        );
        const [first] = missed;
        if (!first) continue;
        const isStated = hasChild(source, "cluster-cidr");
        const place = childOf(source, "cluster-cidr");
        const prefixes = missed.map(({ prefix }) => prefix);
        const pods = list(prefixes.map(formatPrefix));
        yield finding(
          proxyClusterCidr,
          isStated ? written(place, cidr) : first.source,
          isStated
            ? t`kube-proxy treats ${formatPrefix(cidr)} as the pod CIDR of cluster \`${cluster.name}\`, but pods use ${pods}: it masquerades their packets to ClusterIPs, so policies and logs see node addresses`
            : t`pods of cluster \`${cluster.name}\` use ${pods}, but kube-proxy treats ${formatPrefix(cidr)} as the pod CIDR: it masquerades their packets to ClusterIPs, so policies and logs see node addresses`,
          {
            // A second pool in addition to the pod CIDR can be intentional.
            severity: isStated || !isUsed(cluster, cidr) ? "warning" : "info",
            related: cluster.podCidrs.map((one) => ({
              source: one.source,
              message: t`pod CIDR ${formatPrefix(one.prefix)}`,
            })),
            fixes: isStated ? fixesFor(cluster, place, cidr, prefixes) : podsFix(cluster, cidr, prefixes),
          },
        );
      }
    }
  },
};

/** The pod ranges of this family that are in use, including pools of the plugin. */
function rangesOf(topology: Topology, { name, nodes }: Cluster, { ip }: Prefix): readonly PlannedRange[] {
  const isUsed = (range: Prefix): boolean =>
    nodes.some(({ podCidrs }) => podCidrs.some((one) => prefixCovers(range, one.prefix)));
  return planOf(topology).ranges.filter(
    ({ kind, cluster, prefix, nodes: own }) =>
      kind === "pods" &&
      cluster === name &&
      // A node pod CIDR outside the pod CIDR is reported by KN123.
      own === 0 &&
      family(prefix.ip) === family(ip) &&
      (nodes.length === 0 || isUsed(prefix)),
  );
}

function isUsed({ nodes }: Cluster, range: Prefix): boolean {
  return nodes.some((node) => node.podCidrs.some(({ prefix }) => prefixCovers(range, prefix)));
}

/** Replaces a pod CIDR that no pod uses. */
function podsFix(cluster: Cluster, cidr: Prefix, [only, ...more]: readonly Prefix[]): readonly Fix[] {
  const stated = cluster.podCidrs.find(({ prefix }) => prefixEquals(prefix, cidr));
  if (!only || more.length > 0 || !stated || isUsed(cluster, cidr)) return [];
  const place = argumentWith(stated.source, (text) => text === formatPrefix(cidr));
  const text = formatPrefix(only);
  return place.part === "whole" ? [] : [replaceFix(t`Set \`pods\` to ${text}`, place, text)];
}

function written(place: Origin, cidr: Prefix): Origin {
  return argumentWith(sourceAt(place, "whole"), (text) => text === formatPrefix(cidr));
}

function fixesFor({ podCidrs }: Cluster, place: Origin, cidr: Prefix, missed: readonly Prefix[]): readonly Fix[] {
  const [only] = missed;
  const argument = written(place, cidr);
  const use =
    missed.length === 1 && only && argument.part !== "whole"
      ? [replaceFix(t`Change to ${formatPrefix(only)} (pod CIDR)`, argument, formatPrefix(only))]
      : [];
  return podCidrs.length > 0 ? [...use, removeFix(t`Remove \`cluster-cidr\` (defaults to the pod CIDR)`, place)] : use;
}
