import type { Check, CheckContext } from "../../findings/check.ts";
import { service, shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { workloadText } from "../../findings/names.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { listens, saysPorts } from "../../questions/listeners.ts";
import { ofEach } from "../../questions/per-service.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Workload } from "../../topology/model.ts";
import { targetIn } from "../../topology/service-endpoints.ts";

export const targetClosed: Check<"KN502"> = {
  code: "KN502",
  name: "service-target-closed",
  family: "services",
  severity: "error",
  summary: "Nothing listens on a service's target port.",
  documentation: `## What happens

kube-proxy forwards packets to the target port whether or not anything listens there. The pod replies with a TCP reset, and the client
reports "connection refused", as if the service had no endpoints. Without \`->\`, the target port is the port of the service.

## How to fix it

Set the target port to the port that the containers listen on, or to the name of that port.

## References

- kubernetes.io, *Service*, section *Defining a Service*`,
  example: { bad: shop(service("", "app=api", "80 -> 8080")), good: shop(service("")) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) yield* closedTargets(cluster);
  },
};

const closedTargets = ofEach(function* (one, selected): Iterable<Finding> {
  for (const port of one.ports) {
    const hears = (workload: Workload): boolean => listens(workload, targetIn(workload, port) ?? 0, port.proto);
    const open = selected().filter((workload) => targetIn(workload, port) !== undefined);
    if (open.some(hears)) continue;
    const first = open.find(saysPorts);
    if (!first) continue;
    const ports = portsOf(first);
    const only = ports.length === 1 ? ports[0] : undefined;
    yield finding(
      targetClosed,
      port.targetSource,
      t`port ${port.port} of service \`${one.name}\` targets ${port.target}/${port.proto}, but ${workloadText(first)} listens on ${list(ports)}`,
      {
        related: [{ source: first.source, message: t`${workloadText(first)} listens on ${list(ports)}` }],
        fixes:
          only !== undefined && port.targetSource !== port.source
            ? [replaceFix(t`Change target port to ${only}`, port.targetSource, only)]
            : [],
      },
    );
  }
});

function portsOf({ containers }: Workload): readonly string[] {
  return containers.flatMap(({ listeners }) =>
    listeners.map(({ first, last, proto }) => `${first}${last === first ? "" : `-${last}`}/${proto}`),
  );
}
