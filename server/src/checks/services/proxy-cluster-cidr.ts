import { family, formatPrefix, type Prefix, prefixCovers, prefixEquals } from "../../addressing/ip.ts";
import type { Source } from "../../language/tree.ts";
import { list } from "../../text/words.ts";
import type { Cluster, Topology } from "../../topology/model.ts";
import { type PlannedRange, planOf } from "../addresses/plan.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { finding, removeFix, replaceFix } from "../finding.ts";
import { argumentWith, childOf, hasChild, sourceAt } from "../source.ts";
import { service, shop } from "./example.ts";

const proxy = (cidr: string): string => shop(service(""), `kube-proxy iptables { cluster-cidr ${cidr} }`);

export const proxyClusterCidr: Check = {
  code: "KN516",
  name: "proxy-cluster-cidr",
  family: "services",
  severity: "warning",
  summary: "kube-proxy does not take the pods' addresses for those of pods.",
  documentation: `What comes to a ClusterIP from an address outside \`--cluster-cidr\` gets the node's address as source (chain KUBE-SVC, \`! -s CIDR -j KUBE-MARK-MASQ\`). Where
the pods' range lies outside, that is every connection of pods to services: it works, but pods see nodes instead of pods, NetworkPolicies that allow pods by their
labels do not match on other nodes, and source ports run out. It happens when the range of the pods is changed and kube-proxy's ConfigMap is not.

Write the pods' range, or leave the setting out.`,
  example: { bad: proxy("10.200.0.0/16"), good: proxy("10.244.0.0/16") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const { mode, detectLocal, masqueradeAll, clusterCidrs, source } = cluster.services.kubeProxy;
      if (mode === "none" || detectLocal !== "cluster-cidr" || masqueradeAll) continue;
      const isStated = hasChild(source, "cluster-cidr");
      const place = childOf(source, "cluster-cidr");
      for (const cidr of clusterCidrs) {
        const missed = rangesOf(topology, cluster, cidr).filter(
          ({ prefix }) => !clusterCidrs.some((one) => prefixCovers(one, prefix)),
        );
        const [first] = missed;
        if (!first) continue;
        const prefixes = missed.map(({ prefix }) => prefix);
        yield finding(
          proxyClusterCidr,
          isStated ? written(place, cidr) : first.source,
          `kube-proxy of cluster ${cluster.name} takes ${formatPrefix(cidr)} for the pods' addresses, and pods have ${list(prefixes.map(formatPrefix))}: what these send to a ClusterIP gets the node's address as source, which hides them from policies and logs; ${isStated ? "write the pods' range" : "give the cluster a pods range that holds it"}`,
          {
            // A second pool beside the pods' range may be meant so.
            severity: isStated || !isUsed(cluster, cidr) ? "warning" : "info",
            related: cluster.podCidrs.map((one) => ({
              source: one.source,
              message: `pods ${formatPrefix(one.prefix)}`,
            })),
            fixes: isStated ? fixesFor(cluster, place, cidr, prefixes) : podsFix(cluster, cidr, prefixes),
          },
        );
      }
    }
  },
};

/** The cluster's ranges of the family that pods have addresses of; a plugin's own beside them too. */
function rangesOf(topology: Topology, { name, nodes }: Cluster, { ip }: Prefix): readonly PlannedRange[] {
  const isUsed = (range: Prefix): boolean =>
    nodes.some(({ podCidrs }) => podCidrs.some((one) => prefixCovers(range, one.prefix)));
  return planOf(topology).ranges.filter(
    ({ kind, cluster, prefix, nodes: own }) =>
      kind === "pods" &&
      cluster === name &&
      // One node's own range outside the cluster's is KN123.
      own === 0 &&
      family(prefix.ip) === family(ip) &&
      (nodes.length === 0 || isUsed(prefix)),
  );
}

function isUsed({ nodes }: Cluster, range: Prefix): boolean {
  return nodes.some((node) => node.podCidrs.some(({ prefix }) => prefixCovers(range, prefix)));
}

/** The cluster's range where nobody's pods are in it. */
function podsFix(cluster: Cluster, cidr: Prefix, [only, ...more]: readonly Prefix[]): readonly Fix[] {
  const stated = cluster.podCidrs.find(({ prefix }) => prefixEquals(prefix, cidr));
  if (!only || more.length > 0 || !stated || isUsed(cluster, cidr)) return [];
  const place = argumentWith(stated.source, (text) => text === formatPrefix(cidr));
  const text = formatPrefix(only);
  return place.part === "whole" ? [] : [replaceFix(`Give the cluster pods ${text}`, place, text)];
}

function written(place: Source, cidr: Prefix): Source {
  const at = place.statement.args.findIndex(({ text }) => text === formatPrefix(cidr));
  return at < 0 ? place : sourceAt(place, at);
}

function fixesFor({ podCidrs }: Cluster, place: Source, cidr: Prefix, missed: readonly Prefix[]): readonly Fix[] {
  const [only] = missed;
  const argument = written(place, cidr);
  const use =
    missed.length === 1 && only && argument.part !== "whole"
      ? [replaceFix(`Use ${formatPrefix(only)}, the pods' range`, argument, formatPrefix(only))]
      : [];
  return podCidrs.length > 0
    ? [...use, removeFix("Leave it out: the pods' range is what knet and kubeadm take", place)]
    : use;
}
