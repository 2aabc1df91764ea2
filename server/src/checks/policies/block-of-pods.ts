import { formatPrefix, type Prefix, prefixCovers } from "../../addressing/ip.ts";
import { policyName } from "../../kubernetes/policy/text.ts";
import type { Source } from "../../language/tree.ts";
import type { Cluster, Listener } from "../../topology/model.ts";
import type { Policy, PolicyPort, PolicyRule } from "../../topology/policy.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { finding, removeFix } from "../finding.ts";
import { sourceAt } from "../source.ts";
import { labelsText, podsText } from "./allow.ts";
import { shop } from "./examples.ts";
import { rulesOf } from "./view.ts";

const policy = (rule: string): string =>
  shop(`policy web {\n  select app=web\n  types egress\n  egress { ${rule}; port 9090/tcp 53/udp }\n}`);

export const blockOfPods: Check = {
  code: "KN607",
  name: "policy-block-of-pods",
  family: "policies",
  severity: "warning",
  summary: "An ipBlock names addresses of pods or services.",
  documentation: `\`ipBlock\` is meant for addresses outside the cluster (networking/v1 types.go). Pods change their addresses, and whether a block matches pods at all is
the engine's choice: Calico and kube-router compare it with any address, Cilium's rules for CIDRs leave pods out. A service's virtual address never comes to a
policy: kube-proxy has translated it to a pod's by then, so that a rule for the service range allows nothing. Say whom you mean by labels.`,
  example: { bad: policy("to cidr 10.96.0.0/12"), good: policy("to app=api") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      for (const policy of cluster.policies) {
        if (policy.kind === "admin" || policy.kind === "baseline") continue;
        for (const rule of rulesOf(policy)) yield* inRule(cluster, policy, rule);
      }
    }
  },
};

function* inRule(cluster: Cluster, policy: Policy, rule: PolicyRule): Iterable<Finding> {
  for (const peer of rule.peers ?? []) {
    if (peer.kind !== "cidr") continue;
    const range = rangeAround(cluster, peer.cidr);
    if (range === undefined) continue;
    const why =
      range.kind === "services"
        ? "a service's address is translated before a policy sees it, so that the rule allows nothing"
        : "pods change their addresses, and not every engine compares a block with pods";
    yield finding(
      blockOfPods,
      { ...peer.source, part: "keyword" },
      `cidr ${formatPrefix(peer.cidr)} in ${policyName(policy)} lies in the ${range.kind} range ${formatPrefix(range.prefix)} of cluster ${cluster.name}: ${why}; select the pods by their labels`,
      {
        related: [{ source: range.source, message: `the ${range.kind} range` }],
        fixes: [...selectFixes(cluster, policy, rule, peer.source), ...removal(rule, range.kind)],
      },
    );
  }
}

function rangeAround({ podCidrs, serviceCidrs }: Cluster, cidr: Prefix) {
  for (const { prefix, source } of serviceCidrs)
    if (prefixCovers(prefix, cidr)) return { kind: "services", prefix, source } as const;
  for (const { prefix, source } of podCidrs)
    if (prefixCovers(prefix, cidr)) return { kind: "pods", prefix, source } as const;
  return undefined;
}

/** The pods that listen on the rule's ports, by their labels in place of the block. */
function selectFixes(cluster: Cluster, policy: Policy, { ports }: PolicyRule, place: Source): readonly Fix[] {
  const { args } = place.statement;
  const at = args.findIndex(({ text }) => text === "cidr");
  if (at < 0 || args.some(({ text }) => text === "except")) return [];
  const from = policy.namespace ?? "default";
  const listening = cluster.workloads.filter(({ containers, hostNetwork }) =>
    containers.some(({ listeners }) => !hostNetwork && listeners.some((one) => isMeant(one, ports ?? []))),
  );
  const texts = listening.map(({ labels, namespace }) => podsText(labelsText(labels), namespace, from));
  return [...new Set(texts)].slice(0, 3).map((text) => ({
    title: `Select ${text}`,
    edits: [
      { kind: "replace", source: sourceAt(place, at), text },
      { kind: "remove", source: sourceAt(place, at + 1) },
    ],
  }));
}

function isMeant({ name, proto, first, last }: Listener, ports: readonly PolicyPort[]): boolean {
  return ports.some((port) =>
    port.kind === "name"
      ? port.name === name && port.proto === proto
      : port.proto === proto && port.first <= last && first <= port.last,
  );
}

/** A rule for services alone lets nothing through. */
function removal({ peers, source }: PolicyRule, kind: "services" | "pods"): readonly Fix[] {
  return kind === "services" && peers?.length === 1 ? [removeFix("Remove the rule", sourceAt(source, "whole"))] : [];
}
