import { nearest } from "../../language/nearest.ts";
import type { Cluster, Service } from "../../topology/model.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { finding } from "../finding.ts";
import { labelFixes } from "../labels.ts";
import { childOf } from "../source.ts";
import { ofEach } from "./each.ts";
import { service, shop } from "./example.ts";

export const serviceSelectsNothing: Check = {
  code: "KN501",
  name: "service-selects-nothing",
  family: "services",
  severity: "warning",
  summary: "A service's selector matches no pod of its namespace.",
  documentation: `The service has no endpoints: kube-proxy refuses every connection to it (ICMP port unreachable, ECONNREFUSED), and DNS of a headless service
answers no address. A selector sees pods of the service's own namespace only, and a pod needs all of its labels.

Correct the selector or the pods' labels.`,
  example: { bad: shop(service("", "app=apii")), good: shop(service("")) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) yield* selecting(cluster);
  },
};

const selecting = ofEach(function* (one, cluster): Iterable<Finding> {
  const { selector, source, type } = one;
  if (selector === undefined || type === "external-name" || cluster.services.selected(one).length > 0) return;
  const wanted = [...selector].map(([key, value]) => `${key}=${value}`).join(" ");
  yield finding(
    serviceSelectsNothing,
    childOf(source, "select", 0),
    `no pod of namespace ${one.namespace} has the labels ${wanted} that service ${one.name} selects${hint(cluster, one)}`,
    { fixes: otherLabels(cluster, one) },
  );
});

/** Another namespace that has such pods, or labels that were probably meant. */
function hint(cluster: Cluster, { namespace, selector }: Service): string {
  const wanted = [...(selector ?? [])];
  const elsewhere = cluster.workloads.find(({ labels }) => wanted.every(([key, value]) => labels.get(key) === value));
  if (elsewhere) return `; ${elsewhere.kind} ${elsewhere.name} of namespace ${elsewhere.namespace} has them`;
  const known = cluster.workloads
    .filter((workload) => workload.namespace === namespace)
    .flatMap(({ labels }) => [...labels].map(([key, value]) => `${key}=${value}`));
  const meant = wanted.map(([key, value]) => nearest(`${key}=${value}`, known)).find((one) => one !== undefined);
  return meant === undefined ? "" : `; did you mean ${meant}?`;
}

function otherLabels(cluster: Cluster, { namespace, selector, source }: Service): readonly Fix[] {
  const wanted = [...(selector ?? [])].map(([key, value]) => ({ key, operator: "In" as const, values: [value] }));
  const own = cluster.workloads.filter((workload) => workload.namespace === namespace);
  return labelFixes(
    childOf(source, "select"),
    wanted,
    own.map(({ labels }) => labels),
  );
}
