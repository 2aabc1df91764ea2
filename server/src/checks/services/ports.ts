import type { Service, ServicePort, Workload } from "../../topology/model.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { appendFix, finding, removeFix, wordsEdit } from "../finding.ts";
import { sourceAt } from "../source.ts";
import { ofEach } from "./each.ts";
import { shop } from "./example.ts";

const two = (a: string, b: string): string => shop(`service api {\n  select app=api\n  port ${a}\n  port ${b}\n}`);

export const servicePorts: Check = {
  code: "KN509",
  name: "service-ports",
  family: "services",
  severity: "error",
  summary: "A service's ports are missing, unnamed or the same.",
  documentation: `kube-apiserver refuses a service with several ports of which one has no name, with two of the same name, or with two of the same number and protocol. A
service without ports is refused too, unless it is headless or an alias.`,
  example: { bad: two("80 -> 9090", "81 -> 9090"), good: two("80 -> 9090 name http", "81 -> 9090 name other") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) yield* wrongPorts(cluster);
  },
};

const wrongPorts = ofEach(function* (service, { services }): Iterable<Finding> {
  const { name, type, ports, source } = service;
  if (ports.length === 0 && type !== "headless" && type !== "external-name") {
    yield finding(
      servicePorts,
      source,
      `service ${name} has no port; write which one leads to which of the pods': port 80 -> 8080`,
      {
        fixes: listening(services.selected(service)).map((port) =>
          appendFix(`Add port ${port}`, source, `port ${port}`),
        ),
      },
    );
  }
  if (ports.length < 2) return;
  const seen = new Map<string, (typeof ports)[number]>();
  for (const port of ports) {
    const number = `port ${port.port}/${port.proto}`;
    if (port.name === undefined) {
      yield finding(
        servicePorts,
        port.source,
        `${number} of service ${name} has no name, and a service with several ports needs one for each`,
        { fixes: nameFixes(service, port) },
      );
    }
    const before = seen.get(number) ?? (port.name === undefined ? undefined : seen.get(`name ${port.name}`));
    if (before) {
      const what = before.port === port.port && before.proto === port.proto ? number : `the port name ${port.name}`;
      yield finding(servicePorts, port.source, `service ${name} has ${what} twice`, {
        related: [{ source: before.source, message: "the first one" }],
        fixes: [removeFix("Remove the second one", sourceAt(port.source, "whole"))],
      });
    }
    seen.set(number, port);
    if (port.name !== undefined) seen.set(`name ${port.name}`, port);
  }
});

/** As IANA and everybody call them. */
const USUAL: Readonly<Record<number, string>> = {
  22: "ssh",
  25: "smtp",
  53: "dns",
  80: "http",
  443: "https",
  8080: "http",
};

/** A name for this port, and names for all that have none. */
function nameFixes({ ports }: Service, port: ServicePort): readonly Fix[] {
  const taken = new Set(ports.map(({ name }) => name));
  const unnamed = ports.filter(({ name }) => name === undefined);
  const names = new Map(
    unnamed.map((one) => {
      const usual = typeof one.target === "string" ? one.target : USUAL[one.port];
      const wanted = usual === undefined || taken.has(usual) ? `port-${one.port}` : usual;
      const name = taken.has(wanted) ? `${wanted}-${one.proto}` : wanted;
      taken.add(name);
      return [one, name] as const;
    }),
  );
  const all = [...names].map(([one, name]) => wordsEdit(one.source, `name ${name}`));
  return [
    { title: `Call it ${names.get(port)}`, edits: [wordsEdit(port.source, `name ${names.get(port)}`)] },
    ...(all.length > 1 ? [{ title: `Name all ${all.length} ports`, edits: all }] : []),
  ];
}

function listening(workloads: readonly Workload[]): readonly string[] {
  const ports = workloads.flatMap(({ containers }) =>
    containers.flatMap(({ listeners }) => listeners.map(({ first, proto }) => `${first}/${proto}`)),
  );
  return [...new Set(ports)].slice(0, 3);
}
