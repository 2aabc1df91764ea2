import { nearestFew } from "../../language/nearest.ts";
import { list } from "../../text/words.ts";
import type { Workload } from "../../topology/model.ts";
import { targetIn } from "../../topology/service-endpoints.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, replaceFix } from "../finding.ts";
import { ofEach } from "./each.ts";
import { service, shop } from "./example.ts";

export const targetUnnamed: Check = {
  code: "KN503",
  name: "service-target-unnamed",
  family: "services",
  severity: "error",
  summary: "No container has a port with the name to which a service leads.",
  documentation: `A target port that is a name is looked up in each pod. Pods without a port of that name and protocol are no endpoints of this port of the service,
and where none has it, connections are refused. Name the port with \`listen 8080/tcp as http\`, or write its number.`,
  example: { bad: shop(service("", "app=api", "80 -> web")), good: shop(service("", "app=api", "80 -> http")) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) yield* unnamedTargets(cluster);
  },
};

const unnamedTargets = ofEach(function* (one, { services }): Iterable<Finding> {
  const selected = services.selected(one);
  for (const port of one.ports) {
    if (typeof port.target === "number" || selected.length === 0) continue;
    if (selected.some((workload) => targetIn(workload, port) !== undefined)) continue;
    const names = new Set(
      selected.flatMap(({ containers }) => containers.flatMap(({ listeners }) => listeners.map(({ name }) => name))),
    );
    names.delete(undefined);
    const known = [...names].filter((name) => name !== undefined);
    const shown = known.length === 0 ? "their ports have no names" : `their ports are called ${list(known)}`;
    yield finding(
      targetUnnamed,
      port.targetSource,
      `port ${port.port} of service ${one.name} leads to a port called ${port.target}, which no pod of ${list(selected.map(({ name }) => name))} has: ${shown}`,
      {
        related: selected.slice(0, 3).map(({ source, kind, name }) => ({ source, message: `${kind} ${name}` })),
        fixes: targets(port.target, known, selected).map((one) => replaceFix(`Lead to ${one}`, port.targetSource, one)),
      },
    );
  }
});

/** The names that are there, the nearest one first; the number where none is and there is one port only. */
function targets(wanted: string, known: readonly string[], selected: readonly Workload[]): readonly string[] {
  if (known.length > 0) return [...new Set([...nearestFew(wanted, known, 3), ...known])].slice(0, 3);
  const ports = selected.flatMap(({ containers }) =>
    containers.flatMap(({ listeners }) => listeners.map(({ first, proto }) => `${first}/${proto}`)),
  );
  const [only, ...others] = new Set(ports);
  return only !== undefined && others.length === 0 ? [only] : [];
}
