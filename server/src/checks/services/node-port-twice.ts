import type { Source } from "../../language/tree.ts";
import type { Cluster } from "../../topology/model.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { finding, removeFix, replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";
import { withStatedPort } from "./each.ts";
import { service, shop } from "./example.ts";

const second = (port: number): string => `${service("node-port 30080")}
service web {
  select app=web
  port 80 -> 8080
  node-port ${port}
}`;

export const nodePortTwice: Check = {
  code: "KN505",
  name: "node-port-twice",
  family: "services",
  severity: "error",
  summary: "A node port belongs to two services, or to a program of the nodes.",
  documentation: `A port of the nodes leads to one service: kube-apiserver refuses a second one with the same protocol (*provided port is already allocated*). A program
that listens on that port of a node, a pod of the host network included, is hidden: the packet is translated before it could come to it.`,
  example: { bad: shop(second(30080)), good: shop(second(30081)) },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const programs = listening(cluster);
      const taken = new Map<string, { readonly name: string; readonly source: Source }>();
      // A port that was handed out is nobody else's.
      for (const one of withStatedPort(cluster)) {
        for (const { nodePort, proto, nodePortGiven, nodePortSource } of one.ports) {
          if (nodePort === undefined) continue;
          const key = `${nodePort}/${proto}`;
          const before = taken.get(key) ?? (nodePortGiven ? programs().get(key) : undefined);
          if (before) {
            yield finding(
              nodePortTwice,
              nodePortSource,
              `node port ${key} of service ${one.name} is that of ${before.name} already; choose another one`,
              {
                related: [{ source: before.source, message: `${before.name} has ${key}` }],
                fixes: nodePortGiven ? otherPort(cluster, nodePort, nodePortSource, programs()) : [],
              },
            );
          } else taken.set(key, { name: `service ${one.name}`, source: nodePortSource });
        }
      }
    }
  },
};

/** The next port of the range that nobody has; or whichever the API server gives. */
function otherPort(
  { services }: Cluster,
  nodePort: number,
  place: Source,
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
    const next = replaceFix(`Use ${port}, the next free one`, number, String(port));
    return place.part === "whole" ? [next, removeFix("Let a free port be allocated", place)] : [next];
  }
  return [];
}

/** Ports of programs on nodes and of pods of the host network; looked for only where a service states a node port. */
function listening(cluster: Cluster): () => ReadonlyMap<string, { readonly name: string; readonly source: Source }> {
  let found: Map<string, { name: string; source: Source }> | undefined;
  return () => {
    if (found) return found;
    const ports = new Map<string, { name: string; source: Source }>();
    const processes = [
      ...new Set(cluster.nodes.flatMap((node) => node.processes)),
      ...cluster.workloads.flatMap(({ hostNetwork, containers }) => (hostNetwork ? containers : [])),
    ];
    for (const { name, listeners } of processes) {
      for (const { first, last, proto, source } of listeners) {
        for (let port = first; port <= last; port++)
          ports.set(`${port}/${proto}`, { name: `${name} on the nodes`, source });
      }
    }
    found = ports;
    return ports;
  };
}
