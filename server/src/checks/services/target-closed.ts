import { list } from "../../text/words.ts";
import type { Workload } from "../../topology/model.ts";
import { targetIn } from "../../topology/service-endpoints.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, replaceFix } from "../finding.ts";
import { listens, saysPorts } from "../listeners.ts";
import { ofEach } from "./each.ts";
import { service, shop } from "./example.ts";

export const targetClosed: Check = {
  code: "KN502",
  name: "service-target-closed",
  family: "services",
  severity: "error",
  summary: "Nobody listens on the port to which a service leads.",
  documentation: `kube-proxy translates to the target port whether somebody listens there or not: the pod answers with a reset, and the client sees *connection
refused* as if the service had no endpoints. Without \`->\` the target is the service's own port number.

Write the port on which the containers listen, or the name of that port.`,
  example: { bad: shop(service("", "app=api", "80 -> 8080")), good: shop(service("")) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) yield* closedTargets(cluster);
  },
};

const closedTargets = ofEach(function* (one, { services }): Iterable<Finding> {
  for (const port of one.ports) {
    const hears = (workload: Workload): boolean => listens(workload, targetIn(workload, port) ?? 0, port.proto);
    const open = services.selected(one).filter((workload) => targetIn(workload, port) !== undefined);
    if (open.some(hears)) continue;
    const first = open.find(saysPorts);
    if (!first) continue;
    const ports = portsOf(first);
    const only = ports.length === 1 ? ports[0] : undefined;
    yield finding(
      targetClosed,
      port.targetSource,
      `port ${port.port} of service ${one.name} leads to ${port.target}/${port.proto}, and ${first.kind} ${first.name} listens on ${list(ports)}`,
      {
        related: [{ source: first.source, message: `${first.kind} ${first.name} listens on ${list(ports)}` }],
        fixes:
          only !== undefined && port.targetSource !== port.source
            ? [replaceFix(`Lead to ${only}`, port.targetSource, only)]
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
