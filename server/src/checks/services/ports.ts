import { sourceAt } from "../../declared/navigate.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { appendFix, type Fix, removeFix, wordsEdit } from "../../fixes/fix.ts";
import { ofEach } from "../../questions/per-service.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Service, ServicePort, Workload } from "../../topology/model.ts";

const two = (a: string, b: string): string => shop(`service api {\n  select app=api\n  port ${a}\n  port ${b}\n}`);

export const servicePorts: Check<"KN509"> = {
  code: "KN509",
  name: "service-ports",
  family: "services",
  severity: "error",
  summary: "A service's ports are missing, unnamed, or duplicated.",
  documentation: `## What happens

kube-apiserver rejects a service with several ports if a port has no name, if two ports have the same name, or if two ports have the
same number and protocol. It also rejects a service without ports, unless the service is headless or of type \`ExternalName\`.

## How to fix it

Add a port to a service without ports, add a unique name to each port of a multi-port service (\`port 80 -> 9090 name http\`), and remove
duplicate ports.

## References

- kubernetes.io, *Service*, section *Multi-port Services*`,
  example: { bad: two("80 -> 9090", "81 -> 9090"), good: two("80 -> 9090 name http", "81 -> 9090 name other") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) yield* wrongPorts(cluster);
  },
};

const wrongPorts = ofEach(function* (service, selected): Iterable<Finding> {
  const { name, type, ports, source } = service;
  if (ports.length === 0 && type !== "headless" && type !== "external-name") {
    yield finding(
      servicePorts,
      source,
      t`service \`${name}\` has no port: kube-apiserver rejects the service; add, for example, \`port 80 -> 8080\``,
      {
        fixes: listening(selected()).map((port) => appendFix(t`Add \`port ${port}\``, source, `port ${port}`)),
      },
    );
  }
  if (ports.length < 2) return;
  const seen = new Map<string, (typeof ports)[number]>();
  for (const port of ports) {
    const number = `${port.port}/${port.proto}`;
    if (port.name === undefined) {
      yield finding(
        servicePorts,
        port.source,
        t`port ${number} of service \`${name}\` has no name: kube-apiserver requires a name for each port of a multi-port service`,
        { fixes: nameFixes(service, port) },
      );
    }
    const before = seen.get(number) ?? (port.name === undefined ? undefined : seen.get(`name ${port.name}`));
    if (before) {
      const message =
        before.port === port.port && before.proto === port.proto
          ? t`service \`${name}\` declares port ${number} twice: kube-apiserver rejects the service`
          : t`service \`${name}\` declares port name \`${port.name ?? ""}\` twice: kube-apiserver rejects the service`;
      yield finding(servicePorts, port.source, message, {
        related: [{ source: before.source, message: t`first declaration` }],
        fixes: [removeFix(t`Remove this port`, sourceAt(port.source, "whole"))],
      });
    }
    seen.set(number, port);
    if (port.name !== undefined) seen.set(`name ${port.name}`, port);
  }
});

/** Common port names, most of them IANA service names. */
const USUAL: Readonly<Record<number, string>> = {
  22: "ssh",
  25: "smtp",
  53: "dns",
  80: "http",
  443: "https",
  8080: "http",
};

/** Names for this port, and for all ports without a name. */
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
    { title: t`Add \`name ${names.get(port) ?? ""}\``, edits: [wordsEdit(port.source, `name ${names.get(port)}`)] },
    ...(all.length > 1 ? [{ title: t`Name all ${plural(all.length, "port")}`, edits: all }] : []),
  ];
}

function listening(workloads: readonly Workload[]): readonly string[] {
  const ports = workloads.flatMap(({ containers }) =>
    containers.flatMap(({ listeners }) => listeners.map(({ first, proto }) => `${first}/${proto}`)),
  );
  return [...new Set(ports)].slice(0, 3);
}
