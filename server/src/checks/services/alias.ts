import { childOf } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { type Fix, replaceFix } from "../../fixes/fix.ts";
import { aliasing } from "../../questions/per-service.ts";
import { t } from "../../text/l10n.ts";
import { nearestFew } from "../../text/nearest.ts";
import { serviceName, serviceNamed } from "../../topology/dns.ts";
import type { Cluster, Service } from "../../topology/model.ts";

const alias = (name: string): string =>
  shop(`service old { external-name ${name} }\nservice api { select app=api; port 80 -> 9090 }`);

export const aliases: Check<"KN508"> = {
  code: "KN508",
  name: "service-alias-nowhere",
  family: "services",
  severity: "error",
  summary: "An ExternalName service resolves to itself or to a service that does not exist.",
  documentation: `## What happens

A service of type \`ExternalName\` is a CNAME record. If the name belongs to a service of the cluster, that service must exist, and
aliases must not form a loop: the resolver follows a few CNAME records and then returns SERVFAIL. Names outside the cluster are not
checked.

## How to fix it

Change \`external-name\` to the name of a service that exists, for example \`api.shop.svc.cluster.local\`, or to a name outside the
cluster.

## References

- kubernetes.io, *Service*, section *type: ExternalName*
- kubernetes/dns, \`docs/specification.md\`, section *Records for External Name Services*`,
  example: { bad: alias("old.shop.svc.cluster.local"), good: alias("api.shop.svc.cluster.local") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const suffix = `.svc.${cluster.services.domain}`;
      for (const service of aliasing(cluster)) {
        const name = service.externalName;
        if (!name?.endsWith(suffix)) continue;
        const wrong = whyNowhere(cluster, service, name);
        if (wrong !== undefined) {
          const place = childOf(service.source, "external-name", 0);
          const message =
            wrong === "loop"
              ? t`service \`${service.name}\` is an alias for \`${name}\`, which resolves back to it: DNS returns SERVFAIL`
              : t`service \`${service.name}\` is an alias for \`${name}\`, but cluster \`${cluster.name}\` has no such service`;
          yield finding(aliases, place, message, {
            fixes: otherNames(cluster, service, name, place),
          });
        }
      }
    }
  },
};

/** The most similar service names that resolve. */
function otherNames(cluster: Cluster, service: Service, name: string, place: Origin): readonly Fix[] {
  const known = cluster.services.all.filter((one) => one !== service).map((one) => serviceName(cluster, one));
  return nearestFew(name, known, 3)
    .filter((one) => whyNowhere(cluster, service, one) === undefined)
    .map((one) => replaceFix(t`Change to \`${one}\``, place, one));
}

function whyNowhere(cluster: Cluster, service: Service, name: string): "missing" | "loop" | undefined {
  const seen = new Set<Service>([service]);
  let next = serviceNamed(cluster, name);
  if (!next) return "missing";
  while (next.type === "external-name") {
    if (seen.has(next)) return "loop";
    seen.add(next);
    next = serviceNamed(cluster, next.externalName ?? "");
    if (!next) return undefined;
  }
  return undefined;
}
