import { childOf } from "../../declared/navigate.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { workloadText, workloadTexts } from "../../findings/names.ts";
import { appendFix, removeFix } from "../../fixes/fix.ts";
import { ofEach } from "../../questions/per-service.ts";
import { t } from "../../text/l10n.ts";
import { oneOfEach } from "../../topology/owners.ts";

const late = (more: string): string =>
  shop(`pod late { labels app=late; listen 80/tcp; not-ready }\nservice late { select app=late; port 80${more} }`);

export const noneReady: Check<"KN511"> = {
  code: "KN511",
  name: "service-none-ready",
  family: "services",
  severity: "warning",
  summary: "No pod of a service is ready.",
  documentation: `## What happens

Pods whose readiness probe fails are not endpoints. If this applies to all pods of a service, its clients receive "connection refused"
although the pods are running. With \`publish-not-ready\`, pods that are not ready are endpoints.

## How to fix it

Make a pod ready (remove \`not-ready\`). If the pods must reach each other before they are ready, for example the members of a StatefulSet, add \`publish-not-ready\` to the service.

## References

- kubernetes.io, *Pod Lifecycle*, section *Types of probe*
- Kubernetes API, \`ServiceSpec.publishNotReadyAddresses\``,
  example: { bad: late(""), good: late("; publish-not-ready") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) yield* unready(cluster);
  },
};

const unready = ofEach(function* (service, workloads): Iterable<Finding> {
  const selected = workloads();
  if (service.publishNotReady || selected.length === 0 || selected.some(({ notReady }) => notReady !== true)) return;
  const examples = oneOfEach(selected).slice(0, 3);
  yield finding(
    noneReady,
    childOf(service.source, "select", 0),
    t`no pod of service \`${service.name}\` is ready (${workloadTexts(selected)}): the service has no endpoints`,
    {
      related: examples.map((one) => ({ source: one.source, message: t`${workloadText(one)} is not ready` })),
      fixes: [
        appendFix(t`Add \`publish-not-ready\``, service.source, "publish-not-ready"),
        ...examples.flatMap(({ source, kind, name }) => {
          const probe = childOf(source, "not-ready");
          return probe === source ? [] : [removeFix(t`Remove \`not-ready\` from ${kind} \`${name}\``, probe)];
        }),
      ],
    },
  );
});
