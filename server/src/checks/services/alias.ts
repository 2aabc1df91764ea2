import { nearestFew } from "../../language/nearest.ts";
import type { Source } from "../../language/tree.ts";
import { serviceName, serviceNamed } from "../../topology/dns.ts";
import type { Cluster, Service } from "../../topology/model.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { finding, replaceFix } from "../finding.ts";
import { childOf } from "../source.ts";
import { aliasing } from "./each.ts";
import { shop } from "./example.ts";

const alias = (name: string): string =>
  shop(`service old { external-name ${name} }\nservice api { select app=api; port 80 -> 9090 }`);

export const aliases: Check = {
  code: "KN508",
  name: "service-alias-nowhere",
  family: "services",
  severity: "error",
  summary: "An alias leads to itself or to a service that does not exist.",
  documentation: `A service of type \`ExternalName\` is a CNAME. Where its name is that of a service of the cluster, that service must exist, and aliases must not lead to
each other: the resolver follows a few and gives up (*SERVFAIL*). Names outside the cluster are not looked at.`,
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
          yield finding(aliases, place, `service ${service.name} is an alias for ${name}, ${wrong}`, {
            fixes: otherNames(cluster, service, name, place),
          });
        }
      }
    }
  },
};

/** The nearest names that lead somewhere. */
function otherNames(cluster: Cluster, service: Service, name: string, place: Source): readonly Fix[] {
  const known = cluster.services.all.filter((one) => one !== service).map((one) => serviceName(cluster, one));
  return nearestFew(name, known, 3)
    .filter((one) => whyNowhere(cluster, service, one) === undefined)
    .map((one) => replaceFix(`Lead to ${one}`, place, one));
}

function whyNowhere(cluster: Cluster, service: Service, name: string): string | undefined {
  const seen = new Set<Service>([service]);
  let next = serviceNamed(cluster, name);
  if (!next) return "and the cluster has no such service";
  while (next.type === "external-name") {
    if (seen.has(next)) return "which leads back to it";
    seen.add(next);
    next = serviceNamed(cluster, next.externalName ?? "");
    if (!next) return undefined;
  }
  return undefined;
}
