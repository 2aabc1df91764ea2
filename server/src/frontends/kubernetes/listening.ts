/** The ports that services and endpoints show of pods, whose containers need not declare their ports. */
import { listAt, numberAt, type Path, textAt, textsAt } from "../../text/json.ts";
import type { KubeObject } from "./object.ts";
import type { ShownPort } from "./workloads.ts";

/** By namespace and labels: the target ports of the services that select the pods. */
export function servicePorts(
  all: readonly KubeObject[],
): (namespace: string | undefined, labels: ReadonlyMap<string, string>) => readonly ShownPort[] {
  const byNamespace = new Map<
    string,
    { readonly selector: ReadonlyMap<string, string>; readonly ports: readonly ShownPort[] }[]
  >();
  for (const object of all) {
    if (object.kind !== "Service" || object.apiVersion !== "v1") continue;
    const selector = textsAt(object.value, "spec", "selector");
    if (selector.size === 0) continue;
    const key = object.namespace ?? "default";
    byNamespace.set(key, [...(byNamespace.get(key) ?? []), { selector, ports: targetsOf(object) }]);
  }
  return (namespace, labels) =>
    (byNamespace.get(namespace ?? "default") ?? []).flatMap(({ selector, ports }) =>
      [...selector].every(([key, value]) => labels.get(key) === value) ? ports : [],
    );
}

/** Without `targetPort`, the port of the service; a name refers to a declared port. */
function targetsOf(object: KubeObject): readonly ShownPort[] {
  const ports: Path = ["spec", "ports"];
  return listAt(object.value, ...ports).flatMap((port, index): readonly ShownPort[] => {
    const target = textAt(port, "targetPort") ?? "";
    const isNamed = target !== "" && numberAt(port, "targetPort") === undefined;
    const number = numberAt(port, "targetPort") ?? numberAt(port, "port");
    const protocol = (textAt(port, "protocol") ?? "TCP").toLowerCase();
    return isNamed || number === undefined || number < 1 || number > 65_535
      ? []
      : [{ number, protocol, object, path: [...ports, index] }];
  });
}
