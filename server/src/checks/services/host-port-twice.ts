import { argument, sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { hasAssumedNodes } from "../../findings/partial.ts";
import { type Fix, replaceFix } from "../../fixes/fix.ts";
import { valueAt } from "../../memo/memo.ts";
import { list, number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Listener, Node, Workload } from "../../topology/model.ts";
import { ownerOf } from "../../topology/owners.ts";
import { usesOfNodes } from "../../topology/workload.ts";

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

export const hostPortTwice: Check<"KN561"> = {
  code: "KN561",
  name: "host-port-twice",
  family: "services",
  severity: "error",
  summary: "A host port is requested twice on one node, or a process on the node listens on it.",
  documentation: `## What happens

kube-scheduler places a pod only on a node where its host ports are free. For a pod on the host network, these are the ports that the
pod listens on. A second pod with the same host port stays Pending, so a deployment cannot have more running replicas than there are
nodes.

The scheduler does not consider the node's own processes. A host port intercepts their packets, because nat/PREROUTING is evaluated
before INPUT, and a pod on the host network that listens on the same port fails to start ("address already in use").

## How to fix it

Use a different host port, distribute the pods over the nodes, or convert the deployment to a daemonset (one pod per node).

## References

- kubernetes.io, *Scheduler Configuration*, plugin \`NodePorts\``,
  example: { bad: cluster("80"), good: cluster("81") },
  *run(context: CheckContext): Iterable<Finding> {
    const { topology, cancelled } = context;
    const isFixed = !hasAssumedNodes(context);
    for (const one of topology.clusters) {
      const { hostPorts, hostNetwork } = usesOfNodes(one.workloads);
      if (!hostPorts && !hostNetwork) continue;
      if (cancelled()) return;
      yield* clashes(one, isFixed);
    }
  },
};

/** Number of ports checked per `listen`: longer ranges, such as media ports (RTP), are truncated. */
const MOST_PORTS = 4096;

/** A port of the node that the pods of a workload request. */
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

/** `isFixed`: the number of nodes is known. */
function* clashes(cluster: Cluster, isFixed: boolean): Iterable<Finding> {
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
  // Report a statement once, even if several of its ports conflict; of pods with one owner, only one.
  const told = new Set<object | string>();
  const once = ({ workload, listener }: Claim): boolean => {
    const id = workload.owner ? nameOf(workload) : listener.source.decl.handle;
    return !told.has(id) && !!told.add(id);
  };
  for (const [key, claims] of byPort) {
    for (const { claim, before, message } of between(cluster, claims, key, isFixed)) {
      if (!once(claim)) continue;
      yield finding(hostPortTwice, claim.listener.source, message, {
        related: before
          ? [{ source: before.listener.source, message: t`${nameOf(before.workload)} also requests it` }]
          : [],
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
        ? t`node \`${on.path}\``
        : process.nodes.length === 1
          ? t`node \`${process.nodes[0]?.path ?? ""}\``
          : plural(process.nodes.length, "node");
      const { name } = process;
      const message = claim.workload.hostNetwork
        ? t`${nameOf(claim.workload)} on the host network and process \`${name}\` on ${where} both listen on ${key}: the second process to start fails ("address already in use"); use a different port`
        : t`host port ${claim.port} of ${nameOf(claim.workload)} hides process \`${name}\`, which listens on ${key} on ${where}: the process receives no packets on this port`;
      yield finding(hostPortTwice, claim.listener.source, message, {
        related: [{ source: process.source, message: t`process \`${name}\` listens here` }],
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

/** Pods bound to a node (`on`, daemonsets) first; the scheduler places the remaining pods on nodes where the port is free. */
function* between({ nodes }: Cluster, claims: readonly Claim[], key: string, isFixed: boolean): Iterable<Clash> {
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
      const [own, other] = [nameOf(workload), nameOf(before.workload)];
      const message =
        busy.length === 1
          ? t`${own} and ${other} both request host port ${key} on node \`${first.path}\`: the second pod stays Pending; use a different port or a different node`
          : t`${own} and ${other} both request host port ${key} on ${plural(busy.length, "node")}: the second pod on each node stays Pending; use a different port or different nodes`;
      yield { claim, before, message };
    } else if (workload.on && workload.kind !== "daemonset" && workload.replicas > 1) {
      const message = t`${plural(workload.replicas, "pod")} of ${nameOf(workload)} request host port ${key} on node \`${workload.on.path}\`: all but one stay Pending; distribute them over the nodes`;
      yield { claim, before: undefined, message };
    }
    for (const node of places) if (!holders.has(node)) holders.set(node, claim);
  }
  let free = nodes.length - holders.size;
  const others: Claim[] = [];
  for (const claim of claims) {
    const { workload } = claim;
    if (workload.kind === "daemonset" || workload.on) continue;
    if (isFixed && workload.replicas > free && nodes.length > 0) {
      const before = others.at(-1) ?? [...holders.values()][0];
      const names = list([
        ...new Set([...others, ...(holders.size > 0 ? holders.values() : [])].map((one) => nameOf(one.workload))),
      ]);
      const rest =
        names === ""
          ? t`the cluster has only ${plural(nodes.length, "node")}`
          : free === 0
            ? t`the port is in use on every node (${names})`
            : t`the port is in use on all but ${number(free)} of ${plural(nodes.length, "node")} (${names})`;
      const stuck = plural(workload.replicas - free, "pod");
      const pending = workload.replicas - free === 1 ? t`${stuck} stays Pending` : t`${stuck} stay Pending`;
      const pods = plural(workload.replicas, "pod");
      const message = t`${nameOf(workload)} requests host port ${key} for ${pods}, but ${rest}: ${pending}; use a different port or fewer pods`;
      yield { claim, before, message };
    }
    free = Math.max(free - workload.replicas, 0);
    others.push(claim);
  }
}

/** Whether each pod of a workload has a node to itself, if no other workload requests the port. */
function isRoomy({ kind, on, replicas }: Workload, nodes: number): boolean {
  return kind === "daemonset" || replicas <= (on ? 1 : nodes);
}

function nameOf(workload: Workload): string {
  const { kind, name } = ownerOf(workload);
  const { namespace } = workload;
  return `${kind} \`${namespace === "default" ? "" : `${namespace}/`}${name}\``;
}

interface ProcessPort {
  readonly name: string;
  readonly source: Origin;
  readonly nodes: Node[];
}

/** The requested ports on which processes of the nodes listen. */
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

/** Whether pods of the workload can run on one of the nodes; the scheduler does not consider processes of the nodes. */
function meets({ on }: Workload, nodes: readonly Node[]): boolean {
  return on === undefined || nodes.includes(on);
}

/** A deployment with a host port: a daemonset, or one replica per node. */
function oneForEachNode({ source, kind }: Workload, nodes: number): readonly Fix[] {
  const replicas = argument(source, "replicas");
  if (kind !== "deployment" || !replicas) return [];
  return [
    {
      title: t`Convert to a daemonset (one pod per node)`,
      edits: [
        { kind: "replace", source: sourceAt(source, "keyword"), text: "daemonset" },
        { kind: "remove", source: replicas },
      ],
    },
    replaceFix(t`Set \`replicas\` to ${nodes} (number of nodes)`, replicas, String(nodes)),
  ];
}

/** The next port that is free on all nodes. */
function otherPort({ listener, port }: Claim, isTaken: (port: number) => boolean): readonly Fix[] {
  const at = argument(listener.source, "host-port");
  if (!at) return [];
  let free = port + 1;
  while (isTaken(free)) free += 1;
  return free > 65535 ? [] : [replaceFix(t`Change host port to ${free}`, at, String(free))];
}
