import type { PodGroup } from "../../kubernetes/policy/groups.ts";
import { policyName } from "../../kubernetes/policy/text.ts";
import { list } from "../../text/words.ts";
import type { Cluster, Service, ServicePort, Workload } from "../../topology/model.ts";
import type { Policy, PolicyPort, PolicyRule } from "../../topology/policy.ts";
import { targetIn } from "../../topology/service-endpoints.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding } from "../finding.ts";
import { listens, saysPorts } from "../listeners.ts";
import { shop } from "./examples.ts";
import { type PolicyView, policyView, rulesOf, withPolicies, workloadName } from "./view.ts";

const policy = (port: string): string =>
  shop(`service api { select app=api; port 80 -> 9090/tcp }
policy api {
  select app=api
  ingress from app=web to ${port}
}`);

type PortRange = PolicyPort & { readonly kind: "range" };

export const policyServicePort: Check = {
  code: "KN614",
  name: "policy-service-port",
  family: "policies",
  severity: "warning",
  summary: "A policy names a service's port, where the pods listen on another one.",
  documentation: `Policies are asked about the packet as the pod gets it, and a service has translated it by then: from its own port to the pods' (\`targetPort\`). A rule for port 80
of a service that leads to 9090 allows what never comes, and forbids what does (kubernetes.io, *Network Policies*: ports are those of the pods).

Write the port on which the pods listen, or its name.`,
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
  const also =
    wrong.length > 1 ? ` (and ${list(wrong.slice(1).map((other) => `${other.port.first}/${other.port.proto}`))})` : "";
  const right = [...new Set(wrong.map((other) => String(other.target)))];
  yield finding(
    policyServicePort,
    port.source,
    `${policyName(one)} allows port ${port.first}/${port.proto}${also} of ${workloadName(workload)}, which listens on ${target}/${port.proto}: ${port.first} is the port of service ${service.name}, translated before a policy sees it; write ${list(right)}`,
    {
      related: [{ source: service.source, message: `service ${service.name} leads from ${port.first} to ${target}` }],
      fixes: [
        {
          title: `Use ${list(right)}`,
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

/** The workloads at the receiving end; none where the rule is about addresses or everybody. */
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

/** The service whose port it is, where none of the receivers listens on it. */
function behind(
  { services }: Cluster,
  receivers: readonly Workload[],
  { first, proto }: PortRange,
): { readonly service: Service; readonly target: number; readonly workload: Workload } | undefined {
  // Workloads of which nothing is known to listen may listen there.
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

/** Written beside it: whoever says both has thought of it. */
function allows(ports: readonly PolicyPort[], target: number, { proto }: PortRange): boolean {
  return ports.some(
    (port) => port.proto === proto && (port.kind === "name" || (port.first <= target && target <= port.last)),
  );
}
