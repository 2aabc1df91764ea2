import { sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { service, shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { type Fix, removeFix, replaceFix } from "../../fixes/fix.ts";
import { withStatedPort } from "../../questions/per-service.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster } from "../../topology/model.ts";

const second = (port: number): string => `${service("node-port 30080")}
service web {
  select app=web
  port 80 -> 8080
  node-port ${port}
}`;

export const nodePortTwice: Check<"KN505"> = {
  code: "KN505",
  name: "node-port-twice",
  family: "services",
  severity: "error",
  summary: "A node port is used by two services, or by a process on the nodes.",
  documentation: `## What happens

A node port forwards to one service: kube-apiserver rejects a second service with the same port and protocol ("provided port is already
allocated"). If a process on a node, including a pod on the host network, listens on the same port, it receives no packets: kube-proxy's
rules rewrite them first.

## How to fix it

Choose a different node port, or remove \`node-port\`: kube-apiserver then allocates a free port.

## References

- kubernetes.io, *Service*, section *type: NodePort*`,
  example: { bad: shop(second(30080)), good: shop(second(30081)) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const programs = listening(cluster);
      const taken = new Map<string, { readonly name: string; readonly source: Origin }>();
      // Allocated node ports are unique, so only services with a port in the file can conflict.
      for (const one of withStatedPort(cluster)) {
        for (const { nodePort, proto, nodePortGiven, nodePortSource } of one.ports) {
          if (nodePort === undefined) continue;
          const key = `${nodePort}/${proto}`;
          const before = taken.get(key) ?? (nodePortGiven ? programs().get(key) : undefined);
          if (before) {
            yield finding(
              nodePortTwice,
              nodePortSource,
              t`duplicate node port ${key}: service \`${one.name}\` and ${before.name} both use it`,
              {
                related: [{ source: before.source, message: t`${before.name} uses ${key}` }],
                fixes: nodePortGiven ? otherPort(cluster, nodePort, nodePortSource, programs()) : [],
              },
            );
          } else taken.set(key, { name: t`service \`${one.name}\``, source: nodePortSource });
        }
      }
    }
  },
};

/** The next free port of the range; or no port, so that kube-apiserver allocates one. */
function otherPort(
  { services }: Cluster,
  nodePort: number,
  place: Origin,
  programs: ReadonlyMap<string, unknown>,
): readonly Fix[] {
  const { first, last } = services.nodePorts;
  const isFree = (port: number): boolean =>
    services.byNodePort(port).length === 0 && !programs.has(`${port}/tcp`) && !programs.has(`${port}/udp`);
  const size = last - first + 1;
  const start = nodePort >= first && nodePort < last ? nodePort + 1 : first;
  for (let step = 0; step < size; step++) {
    const port = first + ((start - first + step) % size);
    if (!isFree(port)) continue;
    const number = place.part === "whole" ? sourceAt(place, 0) : place;
    const next = replaceFix(t`Change to ${port} (next free port)`, number, String(port));
    return place.part === "whole"
      ? [next, removeFix(t`Remove node port ${nodePort} and allocate a free port`, place)]
      : [next];
  }
  return [];
}

/** Ports of processes on nodes and of pods on the host network; computed only if a service sets a node port. */
function listening(cluster: Cluster): () => ReadonlyMap<string, { readonly name: string; readonly source: Origin }> {
  let found: Map<string, { name: string; source: Origin }> | undefined;
  return () => {
    if (found) return found;
    const ports = new Map<string, { name: string; source: Origin }>();
    const processes = [
      ...new Set(cluster.nodes.flatMap((node) => node.processes)),
      ...cluster.workloads.flatMap(({ hostNetwork, containers }) => (hostNetwork ? containers : [])),
    ];
    for (const { name, listeners } of processes) {
      for (const { first, last, proto, source } of listeners) {
        for (let port = first; port <= last; port++)
          ports.set(`${port}/${proto}`, { name: t`process \`${name}\` on the nodes`, source });
      }
    }
    found = ports;
    return ports;
  };
}
