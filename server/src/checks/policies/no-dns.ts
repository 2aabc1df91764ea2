import type { PodGroups } from "../../kubernetes/policy/groups.ts";
import { hasPort, portsOf } from "../../kubernetes/policy/ports.ts";
import { policyName } from "../../kubernetes/policy/text.ts";
import { list } from "../../text/words.ts";
import type { Cluster, Workload } from "../../topology/model.ts";
import type { Policy, PolicyRule } from "../../topology/policy.ts";
import { targetIn } from "../../topology/service-endpoints.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { finding } from "../finding.ts";
import { sourceAt } from "../source.ts";
import { shop } from "./examples.ts";
import { policyView, withPolicies, workloadName } from "./view.ts";

const policy = (dns: string): string =>
  shop(`policy api {\n  select app=api\n  types egress\n  egress to app=db port 5432/tcp${dns}\n}`, {
    cluster: "namespace kube-system { pod dns { labels k8s-app=kube-dns; listen 53/udp 53/tcp } }",
  });
const ALLOW_DNS = "egress to namespace kube-system port 53/udp 53/tcp";

export const noDns: Check = {
  code: "KN602",
  name: "policy-without-dns",
  family: "policies",
  severity: "warning",
  summary: "Pods may call others, but not DNS.",
  documentation: `A policy that isolates egress closes DNS as well: names are not resolved, and connections that the policy allows fail after seconds of waiting, with
an error about the name and none about a policy. Allow port 53 by UDP and, for long answers, by TCP, to the cluster's DNS.

Pods that may call nobody at all are not reported: that is what a default-deny policy is for.`,
  example: { bad: policy(""), good: policy(`\n  ${ALLOW_DNS}`) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of withPolicies(topology)) {
      const { set, isEnforced, selected, example } = policyView(cluster);
      if (!isEnforced) continue;
      const dns = dnsOf(cluster);
      for (const policy of cluster.policies) {
        if (policy.kind !== "network" || (policy.egress ?? []).length === 0) continue;
        const names: string[] = [];
        let others: readonly Policy[] = [];
        for (const group of selected(policy)) {
          const policies = set.selecting(group, "egress");
          // Reported once, where the first policy of these pods is that allows anything.
          if (policies.find(allowsAnything) !== policy) continue;
          if (policies.some((one) => allowsDns(one, set.groups, dns.ports))) continue;
          const workload = example(group);
          if (workload) names.push(workloadName(workload));
          others = policies.filter((other) => other !== policy);
        }
        if (names.length === 0) continue;
        yield finding(
          noDns,
          policy.source,
          `pods of ${list(names)} may call only what ${list([policy, ...others].map(policyName))} ${others.length === 0 ? "allows" : "allow"}, and port 53 is not among it: they cannot resolve names; allow DNS`,
          {
            related: others.map((other) => ({
              source: other.source,
              message: `${policyName(other)} selects them, too`,
            })),
            fixes: dnsFix(policy, dns),
          },
        );
      }
      yield* closedDns(cluster, dns);
    }
  },
};

/** Policies of the DNS pods' own namespace that let nobody in: nothing in the cluster resolves a name then. */
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
    yield finding(
      noDns,
      first.source,
      `${workloadName(workload)} is the cluster's DNS, and ${list(policies.map(policyName))} ${policies.length === 1 ? "lets" : "let"} nobody in on port ${[...ports].join(" or ")}: no pod resolves names; allow it`,
      {
        related: [{ source: workload.source, message: `the DNS of namespace ${namespace}` }],
        fixes:
          select === ""
            ? []
            : [
                {
                  title: `Add a policy ${name}`,
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
 * Where the cluster's DNS is, and on which ports a policy sees it: 53, or those of its pods where its service leads to others (5353 in
 * OpenShift). That somebody allows 53 and not these is another finding (KN614).
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

/** A port's name may stand for DNS in some pod. */
function allowsDns({ egress }: Policy, groups: PodGroups, ports: ReadonlySet<number>): boolean {
  return (egress ?? []).some((rule) => opens(rule, groups, [53, ...ports]));
}

function dnsFix({ source }: Policy, { namespace, ports }: Dns): readonly Fix[] {
  const text = `egress to namespace ${namespace} port ${bothProtocols(ports)}`;
  return [{ title: `Allow DNS in ${namespace}`, edits: [{ kind: "append", source, text }] }];
}

/** "53/udp 53/tcp": DNS is asked by either. */
function bothProtocols(ports: ReadonlySet<number>): string {
  return [...ports].flatMap((port) => [`${port}/udp`, `${port}/tcp`]).join(" ");
}
