import { list } from "../../text/words.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { appendFix, finding, removeFix } from "../finding.ts";
import { childOf } from "../source.ts";
import { ofEach } from "./each.ts";
import { shop } from "./example.ts";

const late = (more: string): string =>
  shop(`pod late { labels app=late; listen 80/tcp; not-ready }\nservice late { select app=late; port 80${more} }`);

export const noneReady: Check = {
  code: "KN511",
  name: "service-none-ready",
  family: "services",
  severity: "warning",
  summary: "No pod of a service is ready.",
  documentation: `Pods whose readiness probe fails are no endpoints: the service refuses connections although its pods run. With \`publish-not-ready\` they count
(for stateful sets whose members must find each other first).`,
  example: { bad: late(""), good: late("; publish-not-ready") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) yield* unready(cluster);
  },
};

const unready = ofEach(function* (service, { services }): Iterable<Finding> {
  const selected = services.selected(service);
  if (service.publishNotReady || selected.length === 0 || selected.some(({ notReady }) => notReady !== true)) return;
  yield finding(
    noneReady,
    childOf(service.source, "select", 0),
    `none of the pods of service ${service.name} is ready (${list(selected.map(({ name }) => name))}): it has no endpoints`,
    {
      related: selected
        .slice(0, 3)
        .map(({ source, kind, name }) => ({ source, message: `${kind} ${name} is not ready` })),
      fixes: [
        appendFix("Publish addresses of pods that are not ready", service.source, "publish-not-ready"),
        ...selected.slice(0, 3).flatMap(({ source, kind, name }) => {
          const probe = childOf(source, "not-ready");
          return probe === source ? [] : [removeFix(`Take ${kind} ${name} for ready`, probe)];
        }),
      ],
    },
  );
});
