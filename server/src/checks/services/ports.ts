import type { Check, CheckContext, Finding } from "../check.ts";
import { finding } from "../finding.ts";
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
    for (const { services } of topology.clusters) {
      for (const { name, type, ports, source } of services.all) {
        if (ports.length === 0 && type !== "headless" && type !== "external-name") {
          yield finding(
            servicePorts,
            source,
            `service ${name} has no port; write which one leads to which of the pods': port 80 -> 8080`,
          );
        }
        if (ports.length < 2) continue;
        const seen = new Map<string, (typeof ports)[number]>();
        for (const port of ports) {
          const number = `port ${port.port}/${port.proto}`;
          if (port.name === undefined) {
            yield finding(
              servicePorts,
              port.source,
              `${number} of service ${name} has no name, and a service with several ports needs one for each`,
            );
          }
          const before = seen.get(number) ?? (port.name === undefined ? undefined : seen.get(`name ${port.name}`));
          if (before) {
            const what =
              before.port === port.port && before.proto === port.proto ? number : `the port name ${port.name}`;
            yield finding(servicePorts, port.source, `service ${name} has ${what} twice`, {
              related: [{ source: before.source, message: "the first one" }],
            });
          }
          seen.set(number, port);
          if (port.name !== undefined) seen.set(`name ${port.name}`, port);
        }
      }
    }
  },
};
