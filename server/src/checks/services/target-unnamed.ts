import type { Check, CheckContext } from "../../findings/check.ts";
import { service, shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { workloadText, workloadTexts } from "../../findings/names.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { ofEach } from "../../questions/per-service.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { nearestFew } from "../../text/nearest.ts";
import type { Workload } from "../../topology/model.ts";
import { oneOfEach } from "../../topology/owners.ts";
import { targetIn } from "../../topology/service-endpoints.ts";

export const targetUnnamed: Check<"KN503"> = {
  code: "KN503",
  name: "service-target-unnamed",
  family: "services",
  severity: "error",
  summary: "No container has the port that a service's target port names.",
  documentation: `## What happens

Kubernetes resolves a named target port in each pod. Pods without a port of this name and protocol are not endpoints of the service
port. If no pod has such a port, clients receive "connection refused".

## How to fix it

Name the port of the container with \`listen 8080/tcp as http\`, or use the number as the target port.

## References

- kubernetes.io, *Service*, section *Port definitions*`,
  example: { bad: shop(service("", "app=api", "80 -> web")), good: shop(service("", "app=api", "80 -> http")) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) yield* unnamedTargets(cluster);
  },
};

const unnamedTargets = ofEach(function* (one, workloads): Iterable<Finding> {
  const selected = workloads();
  for (const port of one.ports) {
    if (typeof port.target === "number" || selected.length === 0) continue;
    if (selected.some((workload) => targetIn(workload, port) !== undefined)) continue;
    const names = new Set(
      selected.flatMap(({ containers }) => containers.flatMap(({ listeners }) => listeners.map(({ name }) => name))),
    );
    names.delete(undefined);
    const known = [...names].filter((name) => name !== undefined);
    const workloads = workloadTexts(selected);
    yield finding(
      targetUnnamed,
      port.targetSource,
      known.length === 0
        ? t`port ${port.port} of service \`${one.name}\` targets a port named \`${port.target}\`, but no pod of ${workloads} has it: their ports have no names`
        : t`port ${port.port} of service \`${one.name}\` targets a port named \`${port.target}\`, but no pod of ${workloads} has it: their ports are named ${list(known.map((name) => `\`${name}\``))}`,
      {
        related: oneOfEach(selected)
          .slice(0, 3)
          .map((one) => ({ source: one.source, message: workloadText(one) })),
        fixes: targets(port.target, known, selected).map((one) =>
          replaceFix(t`Change target port to \`${one}\``, port.targetSource, one),
        ),
      },
    );
  }
});

/** The existing names, most similar first; without names, the port number if there is only one port. */
function targets(wanted: string, known: readonly string[], selected: readonly Workload[]): readonly string[] {
  if (known.length > 0) return [...new Set([...nearestFew(wanted, known, 3), ...known])].slice(0, 3);
  const ports = selected.flatMap(({ containers }) =>
    containers.flatMap(({ listeners }) => listeners.map(({ first, proto }) => `${first}/${proto}`)),
  );
  const [only, ...others] = new Set(ports);
  return only !== undefined && others.length === 0 ? [only] : [];
}
