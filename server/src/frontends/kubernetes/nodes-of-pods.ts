/** The nodes of a dump without Node objects, as its pods show them: `spec.nodeName`, `status.hostIP`, and their addresses. */
import { formatPrefix, parseIp, prefixContains, prefixOf } from "../../addressing/ip.ts";
import { at, type Path, textAt } from "../../text/json.ts";
import type { KubeObject } from "./object.ts";
import { podIps } from "./workloads.ts";

interface Shown {
  readonly pod: KubeObject;
  readonly hostIp: string;
  readonly ips: number[];
}

export function nodesOfPods(pods: readonly KubeObject[]): readonly KubeObject[] {
  const nodes = new Map<string, Shown>();
  for (const pod of pods) {
    const name = textAt(pod.value, "spec", "nodeName");
    const hostIp = textAt(pod.value, "status", "hostIP");
    if (name === undefined || hostIp === undefined || parseIp(hostIp) === undefined) continue;
    const shown = nodes.get(name) ?? { pod, hostIp, ips: [] };
    nodes.set(name, shown);
    if (at(pod.value, "spec", "hostNetwork") === true) continue;
    for (const text of podIps(pod.value)) {
      const ip = parseIp(text);
      if (typeof ip === "number") shown.ips.push(ip);
    }
  }
  return [...nodes].map(([name, shown]) => nodeOf(name, shown, nodes));
}

/** The usual range of a node's pods, if all of its pods and no others are in it. */
function nodeOf(name: string, { pod, hostIp, ips }: Shown, nodes: ReadonlyMap<string, Shown>): KubeObject {
  const [first] = ips;
  const range = first === undefined ? undefined : prefixOf(first, 24);
  const isOwn =
    range !== undefined &&
    [...nodes].every(([other, shown]) => shown.ips.every((ip) => prefixContains(range, ip) === (other === name)));
  return {
    file: pod.file,
    apiVersion: "v1",
    kind: "Node",
    namespace: undefined,
    name,
    value: {
      metadata: { name },
      spec: range !== undefined && isOwn ? { podCIDR: formatPrefix(range) } : {},
      status: { addresses: [{ type: "InternalIP", address: hostIp }] },
    },
    locate: (path: Path) => pod.locate(path[0] === "status" ? ["status", "hostIP"] : ["spec", "nodeName"]),
  };
}
