import { family, formatPrefix, type Prefix, prefixCovers } from "../../addressing/ip.ts";
import type { Source } from "../../language/tree.ts";
import type { Cluster, Node } from "../../topology/model.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { finding, removeFix, replaceFix } from "../finding.ts";
import { childOf, hasChild, sourceAt } from "../source.ts";
import { list } from "../text.ts";
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
      const { kubeProxy } = cluster.services;
      const { mode, detectLocal, masqueradeAll, clusterCidrs, source } = kubeProxy;
      if (mode === "none" || detectLocal !== "cluster-cidr" || masqueradeAll || !hasChild(source, "cluster-cidr"))
        continue;
      const place = childOf(source, "cluster-cidr");
      for (const cidr of clusterCidrs) {
        const missed = rangesOf(cluster, cidr).filter((range) => !clusterCidrs.some((one) => prefixCovers(one, range)));
        const [first] = missed;
        if (!first) continue;
        yield finding(
          proxyClusterCidr,
          written(place, cidr),
          `kube-proxy of cluster ${cluster.name} takes ${formatPrefix(cidr)} for the pods' addresses, and pods have ${list(missed.map(formatPrefix))}: what these send to a ClusterIP gets the node's address as source, which hides them from policies and logs; write the pods' range`,
          {
            related: cluster.podCidrs.map((one) => ({
              source: one.source,
              message: `pods ${formatPrefix(one.prefix)}`,
            })),
            fixes: fixesFor(cluster, place, cidr, missed),
          },
        );
      }
    }
  },
};

/** The cluster's ranges of the family; where its nodes have others (a pool beside them), those. */
function rangesOf({ podCidrs, nodes }: Cluster, { ip }: Prefix): readonly Prefix[] {
  const stated = podCidrs.map(({ prefix }) => prefix).filter((prefix) => family(prefix.ip) === family(ip));
  const used = nodes.flatMap((node: Node) => node.podCidrs.map(({ prefix }) => prefix));
  const beside = used.filter(
    (prefix) => family(prefix.ip) === family(ip) && !stated.some((one) => prefixCovers(one, prefix)),
  );
  const isUsed = stated.filter((one) => nodes.length === 0 || used.some((prefix) => prefixCovers(one, prefix)));
  return [...isUsed, ...beside];
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
