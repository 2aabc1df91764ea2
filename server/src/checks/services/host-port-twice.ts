import { type HostPort, hostPortsOf } from "../../cni/portmap.ts";
import type { Source } from "../../language/tree.ts";
import type { Node, Pod } from "../../topology/model.ts";
import { usesOfNodes } from "../../topology/workload.ts";
import type { Check, CheckContext, Finding, Fix, FixEdit } from "../check.ts";
import { finding, replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

const cluster = (second: string): string => `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  node n1 { attach lan 192.168.10.11 }
  pod a on n1 { listen 8080/tcp host-port 80 }
  pod b on n1 { listen 8080/tcp host-port ${second} }
}
`;

export const hostPortTwice: Check = {
  code: "KN561",
  name: "host-port-twice",
  family: "services",
  severity: "error",
  summary: "Two pods of one node want the same host port, or a process of the node listens on it.",
  documentation: `kube-scheduler places a pod only where its host ports are free: the second one stays Pending, and of a deployment there can be no more
replicas than nodes. A process of the node itself that listens on such a port gets nothing any more: the packets are translated before they reach
it (nat PREROUTING comes before INPUT).`,
  example: { bad: cluster("80"), good: cluster("81") },
  *run({ topology, cancelled }: CheckContext): Iterable<Finding> {
    for (const one of topology.clusters) {
      if (!usesOfNodes(one.workloads).hostPorts) continue;
      for (const node of one.nodes) {
        if (cancelled()) return;
        yield* clashes(node, [...one.pods.podsOn(node)], one.nodes.length);
      }
    }
  },
};

function* clashes(node: Node, pods: readonly Pod[], nodes: number): Iterable<Finding> {
  const taken = new Map<string, { readonly pod: Pod; readonly port: HostPort }>();
  for (const pod of pods) {
    for (const port of hostPortsOf(pod)) {
      const key = `${port.port}/${port.proto}`;
      const before = taken.get(key);
      if (before) {
        const message = `pods ${before.pod.path} and ${pod.path} both want host port ${key} of node ${node.name}: the second one stays Pending; give it another port or another node`;
        yield finding(hostPortTwice, port.listener.source, message, {
          related: [{ source: before.port.listener.source, message: `${before.pod.path} wants it too` }],
          fixes: before.pod.workload === pod.workload ? oneForEachNode(pod, nodes) : otherPort(port, pods, node),
        });
      } else taken.set(key, { pod, port });
    }
  }
  for (const { name, listeners } of node.processes) {
    for (const { proto, first, last, source } of listeners) {
      for (const { pod, port } of taken.values()) {
        if (port.proto !== proto || port.port < first || port.port > last) continue;
        const message = `${name} listens on ${port.port}/${proto} of node ${node.name}, but host port ${port.port} leads to pod ${pod.path}: ${name} gets nothing there; use another port`;
        yield finding(hostPortTwice, port.listener.source, message, {
          related: [{ source, message: `${name} listens here` }],
          fixes: otherPort(port, pods, node),
        });
      }
    }
  }
}

/** Replicas that all want one port of their node: a daemonset is made for that. */
function oneForEachNode({ workload }: Pod, nodes: number): readonly Fix[] {
  const { source, kind } = workload;
  const at = source.statement.args.findIndex(({ text }) => text === "replicas");
  if (kind !== "deployment" || at < 0) return [];
  const part = (one: Source["part"]): Source => sourceAt(source, one);
  const remove = (one: number): FixEdit => ({ kind: "remove", source: part(one) });
  return [
    {
      title: "Make it a daemonset, one pod on each node",
      edits: [{ kind: "replace", source: part("keyword"), text: "daemonset" }, remove(at), remove(at + 1)],
    },
    replaceFix(
      `Have ${nodes} ${nodes === 1 ? "replica" : "replicas"}, as there are nodes`,
      part(at + 1),
      String(nodes),
    ),
  ];
}

/** The next port that nobody on the node has. */
function otherPort({ port, proto, listener }: HostPort, pods: readonly Pod[], node: Node): readonly Fix[] {
  const { statement } = listener.source;
  const at = statement.args.findIndex(({ text }) => text === "host-port");
  if (at < 0) return [];
  const taken = new Set(pods.flatMap((pod) => hostPortsOf(pod).map((one) => one.port)));
  const isHeard = (one: number): boolean =>
    node.processes.some(({ listeners }) =>
      listeners.some(({ first, last, proto: its }) => its === proto && first <= one && one <= last),
    );
  let free = port + 1;
  while (taken.has(free) || isHeard(free)) free += 1;
  return free > 65535 ? [] : [replaceFix(`Use host port ${free}`, sourceAt(listener.source, at + 1), String(free))];
}
