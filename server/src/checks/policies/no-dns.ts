import { sourceAt } from "../../declared/navigate.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/policies.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import type { Fix } from "../../fixes/fix.ts";
import type { PodGroups } from "../../kubernetes/policy/groups.ts";
import { hasPort, portsOf } from "../../kubernetes/policy/ports.ts";
import { policyLabel, policyView, withPolicies, workloadName, workloadNames } from "../../questions/policy-view.ts";
import { either, list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Workload } from "../../topology/model.ts";
import type { Policy, PolicyRule } from "../../topology/policy.ts";
import { targetIn } from "../../topology/service-endpoints.ts";

const policy = (dns: string): string =>
  shop(`policy api {\n  select app=api\n  types egress\n  egress to app=db port 5432/tcp${dns}\n}`, {
    cluster: "namespace kube-system { pod dns { labels k8s-app=kube-dns; listen 53/udp 53/tcp } }",
  });
const ALLOW_DNS = "egress to namespace kube-system port 53/udp 53/tcp";

export const noDns: Check<"KN602"> = {
  code: "KN602",
  name: "policy-without-dns",
  family: "policies",
  severity: "warning",
  summary: "Pods with restricted egress cannot reach DNS.",
  documentation: `## What happens

A policy that isolates egress also blocks DNS: names do not resolve, and connections that the policy allows fail after several seconds,
with an error about the name and no mention of a policy. The same happens to all pods of the cluster if the policies of the DNS pods
allow no ingress on the DNS port.

Pods without any allowed egress are not reported: this is the purpose of a default-deny policy.

## How to fix it

Allow port 53 to the cluster DNS, over UDP and, for large responses, over TCP: \`${ALLOW_DNS}\`.

## References

- kubernetes.io, *Network Policies*, section *The two sorts of pod isolation*`,
  example: { bad: policy(""), good: policy(`\n  ${ALLOW_DNS}`) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of withPolicies(topology)) {
      const { set, isEnforced, selected, example } = policyView(cluster);
      if (!isEnforced) continue;
      const dns = dnsOf(cluster);
      for (const policy of cluster.policies) {
        if (policy.kind !== "network" || (policy.egress ?? []).length === 0) continue;
        const affected: Workload[] = [];
        let others: readonly Policy[] = [];
        for (const group of selected(policy)) {
          const policies = set.selecting(group, "egress");
          // Report these pods once, at their first policy that allows any egress.
          if (policies.find(allowsAnything) !== policy) continue;
          if (policies.some((one) => allowsDns(one, set.groups, dns.ports))) continue;
          const workload = example(group);
          if (workload) affected.push(workload);
          others = policies.filter((other) => other !== policy);
        }
        if (affected.length === 0) continue;
        const names = workloadNames(affected);
        const all = list([policy, ...others].map(policyLabel));
        yield finding(
          noDns,
          policy.source,
          others.length === 0
            ? t`${all} restricts the egress of ${names} and does not allow port 53: no name can be resolved there`
            : t`${all} restrict the egress of ${names} and do not allow port 53: no name can be resolved there`,
          {
            related: others.map((other) => ({
              source: other.source,
              message: t`${policyLabel(other)} also selects these pods`,
            })),
            fixes: dnsFix(policy, dns),
          },
        );
      }
      yield* closedDns(cluster, dns);
    }
  },
};

/** Policies of the DNS pods that allow no ingress on the DNS port: no pod in the cluster can resolve names. */
function* closedDns(cluster: Cluster, { ports, pods, namespace }: Dns): Iterable<Finding> {
  const { set, selected } = policyView(cluster);
  for (const workload of pods) {
    const group = set.groups.groupOfAll(workload);
    const policies = group ? set.selecting(group, "ingress") : [];
    const first = policies.find((policy) => policy.kind === "network" && group && selected(policy).includes(group));
    if (!first || policies.some((policy) => policy.kind !== "network" || admitsDns(policy, set.groups, ports)))
      continue;
    const name = `allow-${workload.name}`;
    const select = [...workload.labels].map(([key, value]) => `${key}=${value}`).join(" ");
    const text = `policy ${name} { select ${select}; ingress to ${bothProtocols(ports)} }`;
    const names = list(policies.map(policyLabel));
    const open = either([...ports].map(String));
    yield finding(
      noDns,
      first.source,
      policies.length === 1
        ? t`${names} allows no ingress to ${workloadName(workload)} (cluster DNS) on port ${open}: no pod can resolve names`
        : t`${names} allow no ingress to ${workloadName(workload)} (cluster DNS) on port ${open}: no pod can resolve names`,
      {
        related: [{ source: workload.source, message: t`cluster DNS in namespace \`${namespace}\`` }],
        fixes:
          select === ""
            ? []
            : [
                {
                  title: t`Add policy \`${name}\``,
                  edits: [{ kind: "before", source: sourceAt(first.source, "whole"), text }],
                },
              ],
      },
    );
    return;
  }
}

function admitsDns({ ingress }: Policy, groups: PodGroups, ports: ReadonlySet<number>): boolean {
  return (ingress ?? []).some((rule) => opens(rule, groups, [...ports]));
}

function opens(rule: PolicyRule, groups: PodGroups, ports: readonly number[]): boolean {
  if (rule.action === "deny") return false;
  const open = portsOf(rule.ports, (name, proto) => groups.all.flatMap((group) => group.named(name, proto)));
  return ports.some((port) => hasPort(open, "udp", port) || hasPort(open, "tcp", port));
}

function allowsAnything({ egress }: Policy): boolean {
  return egress?.some(({ action }) => action === "allow") === true;
}

interface Dns {
  readonly namespace: string;
  readonly ports: ReadonlySet<number>;
  readonly pods: readonly Workload[];
}

/**
 * The cluster DNS and the ports that policies are evaluated with: 53, or the target ports of the DNS service if they differ (5353 in
 * OpenShift). A policy that allows 53 instead of the target port is reported by KN614.
 */
function dnsOf({ services }: Cluster): Dns {
  const found = services.all.find(({ ports }) => ports.some(({ port, proto }) => port === 53 && proto === "udp"));
  const targets = (found?.ports ?? []).flatMap((port) =>
    port.port === 53 && found ? services.selected(found).flatMap((workload) => targetIn(workload, port) ?? []) : [],
  );
  return {
    namespace: found?.namespace ?? "kube-system",
    ports: new Set(targets.length > 0 ? targets : [53]),
    pods: found ? services.selected(found) : [],
  };
}

/** Whether a rule allows DNS; a named port matches if it is a DNS port of any pod. */
function allowsDns({ egress }: Policy, groups: PodGroups, ports: ReadonlySet<number>): boolean {
  return (egress ?? []).some((rule) => opens(rule, groups, [53, ...ports]));
}

function dnsFix({ source }: Policy, { namespace, ports }: Dns): readonly Fix[] {
  const text = `egress to namespace ${namespace} port ${bothProtocols(ports)}`;
  return [{ title: t`Allow DNS in namespace \`${namespace}\``, edits: [{ kind: "append", source, text }] }];
}

/** "53/udp 53/tcp": DNS uses both protocols. */
function bothProtocols(ports: ReadonlySet<number>): string {
  return [...ports].flatMap((port) => [`${port}/udp`, `${port}/tcp`]).join(" ");
}
