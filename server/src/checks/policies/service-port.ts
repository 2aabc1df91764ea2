import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/policies.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import type { PodGroup } from "../../kubernetes/policy/groups.ts";
import { listens, saysPorts } from "../../questions/listeners.ts";
import {
  type PolicyView,
  policyLabel,
  policyView,
  rulesOf,
  withPolicies,
  workloadName,
} from "../../questions/policy-view.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Service, ServicePort, Workload } from "../../topology/model.ts";
import type { Policy, PolicyPort, PolicyRule } from "../../topology/policy.ts";
import { targetIn } from "../../topology/service-endpoints.ts";

const policy = (port: string): string =>
  shop(`service api { select app=api; port 80 -> 9090/tcp }
policy api {
  select app=api
  ingress from app=web to ${port}
}`);

type PortRange = PolicyPort & { readonly kind: "range" };

export const policyServicePort: Check<"KN614"> = {
  code: "KN614",
  name: "policy-service-port",
  family: "policies",
  severity: "warning",
  summary: "A policy uses the service port instead of the target port.",
  documentation: `## What happens

A policy is evaluated against the packet that the pod receives. kube-proxy has already rewritten its port from the service port to
the target port (\`targetPort\`). If a service targets port 9090, a rule for its port 80 allows packets that never arrive, and denies
the packets that do arrive.

## How to fix it

Use the port that the pods listen on, or its name.

## References

- kubernetes.io, *Network Policies* (ports are the ports of the pods)`,
  example: { bad: policy("80/tcp"), good: policy("9090/tcp") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of withPolicies(topology)) {
      if (cluster.services.all.length === 0) continue;
      const view = policyView(cluster);
      for (const one of cluster.policies) for (const rule of rulesOf(one)) yield* inRule(view, one, rule);
    }
  },
};

function* inRule(view: PolicyView, one: Policy, rule: PolicyRule): Iterable<Finding> {
  const { ports, action } = rule;
  if (action !== "allow" || ports === undefined) return;
  const receivers = receiversOf(view, one, rule);
  const wrong = ports.flatMap((port) => {
    if (port.kind !== "range" || port.first !== port.last) return [];
    const meant = behind(view.cluster, receivers, port);
    return meant && !allows(ports, meant.target, port) ? [{ ...meant, port }] : [];
  });
  const [first] = wrong;
  if (!first) return;
  const { service, target, workload, port } = first;
  const allowed = list(wrong.map((other) => `${other.port.first}/${other.port.proto}`));
  const right = [...new Set(wrong.map((other) => String(other.target)))];
  yield finding(
    policyServicePort,
    port.source,
    t`${policyLabel(one)} allows ${allowed} to ${workloadName(workload)}, which listens on ${target}/${port.proto}: ${port.first} is the port of service \`${service.name}\`, which kube-proxy rewrites before policies are evaluated`,
    {
      related: [
        { source: service.source, message: t`service \`${service.name}\` forwards port ${port.first} to ${target}` },
      ],
      fixes: [
        {
          title: t`Change to ${list(right)}`,
          edits: wrong.map((other) => ({
            kind: "replace",
            source: other.port.source,
            text: `${other.target}/${other.port.proto}`,
          })),
        },
      ],
    },
  );
}

/** The destination workloads; none for an egress rule with address peers or without peers. */
function receiversOf(view: PolicyView, one: Policy, { direction, peers }: PolicyRule): readonly Workload[] {
  const groups: readonly PodGroup[] =
    direction === "ingress"
      ? view.selected(one)
      : (peers ?? []).flatMap((peer) => (peer.kind === "pods" ? view.meant(peer) : []));
  if (direction === "egress" && !peers?.every(({ kind }) => kind === "pods")) return [];
  const wanted = new Set(groups);
  return view.cluster.workloads.filter((workload) => {
    const group = view.set.groups.groupOfAll(workload);
    return group !== undefined && wanted.has(group);
  });
}

/** The service that has this port, if none of the receivers listens on it. */
function behind(
  { services }: Cluster,
  receivers: readonly Workload[],
  { first, proto }: PortRange,
): { readonly service: Service; readonly target: number; readonly workload: Workload } | undefined {
  // A workload without `listen` statements might listen on any port.
  if (receivers.some((workload) => !saysPorts(workload) || listens(workload, first, proto))) return undefined;
  for (const service of services.all) {
    const port = service.ports.find((one) => one.port === first && one.proto === proto);
    if (!port) continue;
    const selected = services.selected(service);
    const workload = receivers.find((one) => selected.includes(one) && leadsElsewhere(one, port));
    const target = workload && targetIn(workload, port);
    if (workload && target !== undefined) return { service, target, workload };
  }
  return undefined;
}

function leadsElsewhere(workload: Workload, port: ServicePort): boolean {
  const target = targetIn(workload, port);
  return target !== undefined && target !== port.port && listens(workload, target, port.proto);
}

/** Whether the rule also allows the target port: the service port is then intentional. */
function allows(ports: readonly PolicyPort[], target: number, { proto }: PortRange): boolean {
  return ports.some((port) => {
    if (port.kind === "icmp") return false;
    if (port.kind === "name") return port.proto === undefined || port.proto === proto;
    return port.proto === proto && port.first <= target && target <= port.last;
  });
}
