import { childOf } from "../../declared/navigate.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { service, shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { workloadText } from "../../findings/names.ts";
import { hasUnreadObjects } from "../../findings/partial.ts";
import type { Fix } from "../../fixes/fix.ts";
import { labelFixes, nearLabel } from "../../fixes/labels.ts";
import { memo } from "../../memo/memo.ts";
import { ofEach } from "../../questions/per-service.ts";
import { t } from "../../text/l10n.ts";
import type { Service, Workload } from "../../topology/model.ts";

export const serviceSelectsNothing: Check<"KN501"> = {
  code: "KN501",
  name: "service-selects-nothing",
  family: "services",
  severity: "warning",
  summary: "A service's selector matches no pods in its namespace.",
  documentation: `## What happens

The service has no endpoints: kube-proxy rejects every connection to it (ICMP port unreachable, ECONNREFUSED), and DNS returns no
addresses for a headless service. A selector matches only pods in the namespace of the service, and a pod must have all labels of the
selector.

If the source contains objects that knet does not read, the severity is *info*, unless a similar label exists: an operator can create the
pods.

## How to fix it

Fix the selector or the labels of the pods.

## References

- kubernetes.io, *Debug Services*, section *Does the Service have any EndpointSlices?*`,
  example: { bad: shop(service("", "app=apii")), good: shop(service("")) },
  *run(context: CheckContext): Iterable<Finding> {
    for (const cluster of context.topology.clusters) {
      for (const one of idle(cluster)) {
        const found = idleFinding(one, cluster.workloads);
        yield isTypo(one, cluster.workloads) || !hasUnreadObjects(context) ? found : { ...found, severity: "info" };
      }
    }
  },
};

/** Services with a selector that matches no workload. */
const idle = ofEach((one, selected) =>
  one.selector === undefined || one.type === "external-name" || selected().length > 0 ? [] : [one],
);

const idleFinding = memo((one: Service, workloads: readonly Workload[]): Finding => {
  const wanted = [...(one.selector ?? [])].map(([key, value]) => `${key}=${value}`).join(" ");
  return finding(serviceSelectsNothing, childOf(one.source, "select", 0), messageOf(workloads, one, wanted), {
    fixes: otherLabels(workloads, one),
  });
});

/** Adds a matching workload in a different namespace, or the most similar label. */
function messageOf(workloads: readonly Workload[], { name, namespace, selector }: Service, labels: string): string {
  const wanted = [...(selector ?? [])];
  const elsewhere = workloads.find(({ labels }) => wanted.every(([key, value]) => labels.get(key) === value));
  if (elsewhere) {
    return t`service \`${name}\` selects \`${labels}\`, but no pod in namespace \`${namespace}\` matches: the service has no endpoints; ${workloadText(elsewhere)} in namespace \`${elsewhere.namespace}\` matches`;
  }
  const known = workloads.filter((workload) => workload.namespace === namespace).map((one) => one.labels);
  const meant = wanted.map(([key, value]) => nearLabel(key, value, known)).find((one) => one !== undefined);
  return meant === undefined
    ? t`service \`${name}\` selects \`${labels}\`, but no pod in namespace \`${namespace}\` matches: the service has no endpoints`
    : t`service \`${name}\` selects \`${labels}\`, but no pod in namespace \`${namespace}\` matches: the service has no endpoints; did you mean \`${meant}\`?`;
}

/** Whether the declared pods show that the selector is wrong. */
function isTypo({ namespace, selector }: Service, workloads: readonly Workload[]): boolean {
  const wanted = [...(selector ?? [])];
  const own = workloads.filter((workload) => workload.namespace === namespace).map(({ labels }) => labels);
  return (
    workloads.some(({ labels }) => wanted.every(([key, value]) => labels.get(key) === value)) ||
    wanted.some(([key, value]) => nearLabel(key, value, own) !== undefined)
  );
}

function otherLabels(workloads: readonly Workload[], { namespace, selector, source }: Service): readonly Fix[] {
  const wanted = [...(selector ?? [])].map(([key, value]) => ({ key, operator: "In" as const, values: [value] }));
  const own = workloads.filter((workload) => workload.namespace === namespace);
  return labelFixes(
    childOf(source, "select"),
    wanted,
    own.map(({ labels }) => labels),
  );
}
