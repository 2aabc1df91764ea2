import type { Source } from "../../language/tree.ts";
import { list, plural } from "../../text/words.ts";
import { valueAt } from "../../topology/cache.ts";
import type { Cluster, Listener, Node, Workload } from "../../topology/model.ts";
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
  documentation: `kube-scheduler places a pod only where its host ports are free (those of a pod of the host network are the ports on which it listens): the
second one stays Pending, and of a deployment there can be no more replicas than nodes. The scheduler knows nothing of the node's own processes: a host port
takes their packets away (nat PREROUTING comes before INPUT), and a pod of the host network that listens on the same port does not start (*address already in
use*).`,
  example: { bad: cluster("80"), good: cluster("81") },
  *run({ topology, cancelled }: CheckContext): Iterable<Finding> {
    for (const one of topology.clusters) {
      const { hostPorts, hostNetwork } = usesOfNodes(one.workloads);
      if (!hostPorts && !hostNetwork) continue;
      if (cancelled()) return;
      yield* clashes(one);
    }
  },
};

/** Ports of one `listen` that are looked at: a longer range is somebody's media ports. */
const MOST_PORTS = 4096;

/** A port of the nodes that a workload's pods want. */
interface Claim {
  readonly workload: Workload;
  readonly listener: Listener;
  readonly port: number;
}

function claimsOf(workload: Workload): readonly Claim[] {
  const listeners = workload.containers.flatMap((container) => container.listeners);
  return listeners.flatMap((listener): readonly Claim[] => {
    const { first, last, hostPort } = listener;
    if (!workload.hostNetwork) return hostPort === undefined ? [] : [{ workload, listener, port: hostPort }];
    const ports = Math.min(last - first + 1, MOST_PORTS);
    return Array.from({ length: ports }, (_, n) => ({ workload, listener, port: first + n }));
  });
}

function* clashes(cluster: Cluster): Iterable<Finding> {
  const byPort = new Map<string, Claim[]>();
  for (const workload of cluster.workloads) {
    if (workload.replicas === 0) continue;
    for (const claim of claimsOf(workload)) {
      const key = `${claim.port}/${claim.listener.proto}`;
      valueAt(byPort, key, (): Claim[] => []).push(claim);
    }
  }
  const heard = processPorts(cluster, byPort);
  const isTaken = (port: number): boolean =>
    [...byPort.keys(), ...heard.keys()].some((key) => key.startsWith(`${port}/`));
  // Ports of one line are one mistake.
  const told = new Set<object>();
  const once = (claim: Claim): boolean =>
    !told.has(claim.listener.source.statement) && !!told.add(claim.listener.source.statement);
  for (const [key, claims] of byPort) {
    for (const { claim, before, message } of between(cluster, claims, key)) {
      if (!once(claim)) continue;
      yield finding(hostPortTwice, claim.listener.source, message, {
        related: before ? [{ source: before.listener.source, message: `${nameOf(before.workload)} wants it too` }] : [],
        fixes:
          !before || before.workload === claim.workload
            ? oneForEachNode(claim.workload, cluster.nodes.length)
            : otherPort(claim, isTaken),
      });
    }
    const process = heard.get(key);
    for (const claim of process ? claims : []) {
      if (!process || !meets(claim.workload, process.nodes) || !once(claim)) continue;
      const { on } = claim.workload;
      const where = on
        ? `node ${on.name}`
        : process.nodes.length === 1
          ? `node ${process.nodes[0]?.name}`
          : plural(process.nodes.length, "node");
      const { name } = process;
      const message = claim.workload.hostNetwork
        ? `${nameOf(claim.workload)} runs in the node's network and listens on ${key}, and so does ${name} on ${where}: whoever starts second fails (address already in use); use another port`
        : `${name} listens on ${key} of ${where}, but host port ${claim.port} leads to ${nameOf(claim.workload)}: ${name} gets nothing there; use another port`;
      yield finding(hostPortTwice, claim.listener.source, message, {
        related: [{ source: process.source, message: `${name} listens here` }],
        fixes: otherPort(claim, isTaken),
      });
    }
  }
}

interface Clash {
  readonly claim: Claim;
  readonly before: Claim | undefined;
  readonly message: string;
}

/** Pods that are bound to their nodes first; for the others the scheduler looks for a node that has the port. */
function* between({ nodes }: Cluster, claims: readonly Claim[], key: string): Iterable<Clash> {
  const [only, ...more] = claims;
  if (only && more.length === 0 && isRoomy(only.workload, nodes.length)) return;
  const holders = new Map<Node, Claim>();
  for (const claim of claims) {
    const { workload } = claim;
    const places = workload.kind === "daemonset" ? nodes : workload.on ? [workload.on] : [];
    const busy = places.filter((node) => holders.has(node));
    const [first] = busy;
    const before = first && holders.get(first);
    if (before && first && before.workload !== workload) {
      const where = busy.length === 1 ? `node ${first.name}` : plural(busy.length, "node");
      const message = `${nameOf(before.workload)} and ${nameOf(workload)} both want host port ${key} of ${where}: the second one stays Pending; give it another port or another node`;
      yield { claim, before, message };
    } else if (workload.on && workload.kind !== "daemonset" && workload.replicas > 1) {
      const message = `${plural(workload.replicas, "pod")} of ${nameOf(workload)} want host port ${key} of node ${workload.on.name}: all but one stay Pending; spread them over the nodes`;
      yield { claim, before: undefined, message };
    }
    for (const node of places) if (!holders.has(node)) holders.set(node, claim);
  }
  let free = nodes.length - holders.size;
  const others: Claim[] = [];
  for (const claim of claims) {
    const { workload } = claim;
    if (workload.kind === "daemonset" || workload.on) continue;
    if (workload.replicas > free && nodes.length > 0) {
      const before = others.at(-1) ?? [...holders.values()][0];
      const names = list([
        ...new Set([...others, ...(holders.size > 0 ? holders.values() : [])].map((one) => nameOf(one.workload))),
      ]);
      const rest =
        names === ""
          ? `there are ${plural(nodes.length, "node")}`
          : `${names} ${others.length + holders.size > 1 ? "have" : "has"} it on ${free === 0 ? "every node" : `all but ${free} of ${plural(nodes.length, "node")}`}`;
      const message = `${plural(workload.replicas, "pod")} of ${nameOf(workload)} ${workload.replicas === 1 ? "wants" : "want"} host port ${key}, which a node has once, and ${rest}: ${workload.replicas - free} ${workload.replicas - free === 1 ? "stays" : "stay"} Pending; give it another port or fewer pods`;
      yield { claim, before, message };
    }
    free = Math.max(free - workload.replicas, 0);
    others.push(claim);
  }
}

/** Alone, and no more pods than nodes. */
function isRoomy({ kind, on, replicas }: Workload, nodes: number): boolean {
  return kind === "daemonset" || replicas <= (on ? 1 : nodes);
}

function nameOf({ kind, namespace, name }: Workload): string {
  return `${kind} ${namespace === "default" ? "" : `${namespace}/`}${name}`;
}

interface ProcessPort {
  readonly name: string;
  readonly source: Source;
  readonly nodes: Node[];
}

/** Those of the wanted ports on which processes of the nodes listen. */
function processPorts(
  { nodes }: Cluster,
  wanted: ReadonlyMap<string, readonly Claim[]>,
): ReadonlyMap<string, ProcessPort> {
  const found = new Map<string, ProcessPort>();
  for (const node of nodes) {
    for (const { name, listeners } of node.processes) {
      for (const { proto, first, last, source } of listeners) {
        for (let port = first; port <= Math.min(last, first + MOST_PORTS); port++) {
          const key = `${port}/${proto}`;
          if (!wanted.has(key)) continue;
          valueAt(found, key, () => ({ name, source, nodes: [] as Node[] })).nodes.push(node);
        }
      }
    }
  }
  return found;
}

/** Do pods come to one of the nodes, or may they? The scheduler does not know of the processes. */
function meets({ on }: Workload, nodes: readonly Node[]): boolean {
  return on === undefined || nodes.includes(on);
}

/** Replicas that all want one port of their node: a daemonset is made for that. */
function oneForEachNode({ source, kind }: Workload, nodes: number): readonly Fix[] {
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

/** The next port that nobody on the nodes has. */
function otherPort({ listener, port }: Claim, isTaken: (port: number) => boolean): readonly Fix[] {
  const at = listener.source.statement.args.findIndex(({ text }) => text === "host-port");
  if (at < 0) return [];
  let free = port + 1;
  while (isTaken(free)) free += 1;
  return free > 65535 ? [] : [replaceFix(`Use host port ${free}`, sourceAt(listener.source, at + 1), String(free))];
}
