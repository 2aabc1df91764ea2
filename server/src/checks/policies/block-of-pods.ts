import { bits, formatPrefix, type Ip, type Prefix, prefixCovers, prefixEquals } from "../../addressing/ip.ts";
import type { Network } from "../../dataplane/model.ts";
import { argument, sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/policies.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { type Fix, removeFix } from "../../fixes/fix.ts";
import { labelsText, podsText } from "../../fixes/policies.ts";
import { policyLabel, rulesOf } from "../../questions/policy-view.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Listener } from "../../topology/model.ts";
import type { Policy, PolicyPort, PolicyRule } from "../../topology/policy.ts";

const policy = (rule: string): string =>
  shop(`policy web {\n  select app=web\n  types egress\n  egress { ${rule}; port 9090/tcp 53/udp }\n}`);

export const blockOfPods: Check<"KN607"> = {
  code: "KN607",
  name: "policy-block-of-pods",
  family: "policies",
  severity: "warning",
  summary: "An ipBlock contains pod or service addresses.",
  documentation: `## What happens

\`ipBlock\` is intended for addresses outside the cluster. Pod addresses change, and whether a block matches pods at all depends on the
policy engine: Calico and kube-router match it against any address; Cilium's CIDR rules do not apply to pods.

A policy is never evaluated against a ClusterIP: kube-proxy has already rewritten it to the address of a pod. A rule for the service
CIDR therefore allows nothing.

The address of a node's bridge or tunnel device is also in the pod CIDR; a block for one of these addresses is not reported, because
masqueraded packets arrive with it.

An ingress rule for the whole pod CIDR is not reported: it is the only way to allow pods on the host network whose packets have the
address of a tunnel device (\`flannel.1\`, \`vxlan.calico\`).

## How to fix it

Select the pods by label.

## References

- kubernetes.io, *Network Policies*, section *Behavior of to and from selectors* (\`ipBlock\`)
- k8s.io/api, \`networking/v1/types.go\`, \`IPBlock\``,
  example: { bad: policy("to cidr 10.96.0.0/12"), good: policy("to app=api") },
  *run({ topology, open }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const isNodes = nodeAddresses(open, cluster);
      for (const policy of cluster.policies) {
        if (policy.kind === "admin" || policy.kind === "baseline") continue;
        for (const rule of rulesOf(policy)) yield* inRule(cluster, policy, rule, isNodes);
      }
    }
  },
};

/**
 * Nodes have addresses of the pod CIDR on their bridges and tunnel devices. Masqueraded packets of a node arrive with them, so a
 * block for one of them is right.
 */
function nodeAddresses(network: Network, { nodes }: Cluster): (cidr: Prefix) => boolean {
  let known: ReadonlySet<Ip> | undefined;
  return ({ ip, len }) => {
    if (len < bits(ip)) return false;
    known ??= new Set(nodes.flatMap(({ path }) => addressesIn(network, path)));
    return known.has(ip);
  };
}

function addressesIn(network: Network, netns: string): readonly Ip[] {
  const devices = [...(network.netns(netns)?.devices.values() ?? [])];
  return devices.flatMap(({ addresses }) => addresses.map(({ ip }) => ip));
}

function* inRule(
  cluster: Cluster,
  policy: Policy,
  rule: PolicyRule,
  isNodes: (cidr: Prefix) => boolean,
): Iterable<Finding> {
  for (const peer of rule.peers ?? []) {
    if (peer.kind !== "cidr" || isNodes(peer.cidr)) continue;
    const range = rangeAround(cluster, peer.cidr);
    if (range === undefined || (range.kind === "pods" && isOfTunnels(policy, rule, peer.cidr, range.prefix))) continue;
    const cidr = formatPrefix(peer.cidr);
    const prefix = formatPrefix(range.prefix);
    yield finding(
      blockOfPods,
      { ...peer.source, part: "keyword" },
      range.kind === "services"
        ? t`\`cidr ${cidr}\` in ${policyLabel(policy)} is within the service CIDR ${prefix} of cluster \`${cluster.name}\`: kube-proxy rewrites service addresses before policies are evaluated, so the block allows nothing`
        : t`\`cidr ${cidr}\` in ${policyLabel(policy)} is within the pod CIDR ${prefix} of cluster \`${cluster.name}\`: pod addresses change, and not every policy engine compares CIDRs with pods; select the pods by label`,
      {
        related: [
          {
            source: range.source,
            message: range.kind === "services" ? t`service CIDR ${prefix}` : t`pod CIDR ${prefix}`,
          },
        ],
        fixes: [...selectFixes(cluster, policy, rule, peer.source), ...removal(rule, range.kind)],
      },
    );
  }
}

/**
 * Whether the rule allows ingress from the whole pod CIDR. Nodes and pods on the host network have no labels, and their packets
 * to pods of other nodes have the address of the node's tunnel device, which is in the pod CIDR.
 */
function isOfTunnels({ ingress }: Policy, rule: PolicyRule, cidr: Prefix, pods: Prefix): boolean {
  return ingress?.includes(rule) === true && prefixEquals(cidr, pods);
}

function rangeAround({ podCidrs, serviceCidrs }: Cluster, cidr: Prefix) {
  for (const { prefix, source } of serviceCidrs)
    if (prefixCovers(prefix, cidr)) return { kind: "services", prefix, source } as const;
  for (const { prefix, source } of podCidrs)
    if (prefixCovers(prefix, cidr)) return { kind: "pods", prefix, source } as const;
  return undefined;
}

/** Replaces the block with the labels of the pods that listen on the rule's ports. */
function selectFixes(cluster: Cluster, policy: Policy, { ports }: PolicyRule, place: Origin): readonly Fix[] {
  if (!argument(place, "cidr") || argument(place, "except")) return [];
  const from = policy.namespace ?? "default";
  const listening = cluster.workloads.filter(({ containers, hostNetwork }) =>
    containers.some(({ listeners }) => !hostNetwork && listeners.some((one) => isMeant(one, ports ?? []))),
  );
  const texts = listening.map(({ labels, namespace }) => podsText(labelsText(labels), namespace, from));
  return [...new Set(texts)].slice(0, 3).map((text) => ({
    title: t`Replace the CIDR with \`${text}\``,
    edits: [{ kind: "argument", source: place, name: "cidr", text }],
  }));
}

function isMeant({ name, proto, first, last }: Listener, ports: readonly PolicyPort[]): boolean {
  return ports.some((port) => {
    if (port.kind === "icmp") return false;
    if (port.kind === "name") return port.name === name && (port.proto === undefined || port.proto === proto);
    return port.proto === proto && port.first <= last && first <= port.last;
  });
}

/** A rule that has only service addresses allows nothing. */
function removal({ peers, source }: PolicyRule, kind: "services" | "pods"): readonly Fix[] {
  return kind === "services" && peers?.length === 1 ? [removeFix(t`Remove this rule`, sourceAt(source, "whole"))] : [];
}
