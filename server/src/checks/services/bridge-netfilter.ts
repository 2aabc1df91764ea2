import { plural } from "../../text/words.ts";
import type { Cluster, Node, Pod, Service } from "../../topology/model.ts";
import { ask } from "../../trace/trace.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";
import { shop } from "./example.ts";

const SYSCTL = "net.bridge.bridge-nf-call-iptables";

const text = (value: 0 | 1): string =>
  shop("service web { select app=web; port 80 -> 8080 }").replaceAll(
    /(node n\d \{ attach lan [\d.]+) \}/g,
    `$1; sysctl ${SYSCTL} ${value} }`,
  );

/** Services are alike in this; one with an endpoint beside its caller is enough. */
const MOST_SERVICES = 100;

export const bridgeNetfilter: Check = {
  code: "KN515",
  name: "bridge-netfilter-off",
  family: "services",
  severity: "error",
  summary: "Answers between pods of one node do not pass the service's translation.",
  documentation: `A pod calls a service, and the endpoint is on the same node and the same bridge. The request goes to the bridge itself, since the service's address is
elsewhere, and is translated. The answer goes from pod to pod as a frame: without the module \`br_netfilter\` (or with \`${SYSCTL}\` 0) it passes no chain,
so nobody gives it the service's address back. The caller gets an answer from somebody whom it has not asked and refuses it (*reply from unexpected source*).
It works where the endpoint is on another node, so that DNS fails now and then.

Load \`br_netfilter\` at boot and set \`${SYSCTL}=1\` (kubernetes.io, *Container Runtimes*).`,
  example: { bad: text(0), good: text(1) },
  *run(context: CheckContext): Iterable<Finding> {
    for (const cluster of context.topology.clusters) {
      const byPlace = new Map<object, Node[]>();
      for (const node of cluster.nodes) {
        const setting = node.sysctls.get(SYSCTL);
        if (setting?.value !== "0") continue;
        const same = byPlace.get(setting.source.statement);
        if (same) same.push(node);
        else byPlace.set(setting.source.statement, [node]);
      }
      for (const nodes of byPlace.values()) {
        if (context.cancelled()) return;
        yield* failing(context, cluster, nodes);
      }
    }
  },
};

function* failing(context: CheckContext, cluster: Cluster, nodes: readonly Node[]): Iterable<Finding> {
  for (const node of nodes.slice(0, MOST_SERVICES)) {
    const source = node.sysctls.get(SYSCTL)?.source;
    const found = neighbours(cluster, node);
    if (!source || !found) continue;
    const { caller, service, endpoint } = found;
    const { topology, open } = context;
    const port = service.ports[0];
    const answer = ask(
      { topology, network: open, locate: () => undefined },
      { from: caller.path, to: service.path, port: port?.port, ...(port ? { proto: port.proto } : {}) },
    );
    if (!answer.ok || !answer.journeys.some(({ reply }) => reply?.reason?.code === "unexpected-reply")) continue;
    const others = nodes.length > 1 ? `, as on ${plural(nodes.length - 1, "more node")}` : "";
    yield finding(
      bridgeNetfilter,
      source,
      `bridged packets pass no iptables chain on ${node.path}${others}: when ${nameOf(caller)} calls service ${service.namespace}/${service.name}, the answer of ${nameOf(endpoint)} beside it comes back with the pod's own address and is refused; load br_netfilter and set this to 1`,
      {
        related: [
          { source: service.source, message: `service ${service.namespace}/${service.name}` },
          { source: endpoint.workload.source, message: `${nameOf(endpoint)} answers on the same node` },
        ],
        fixes: [replaceFix("Change to 1", sourceAt(source, 1), "1")],
      },
    );
    return;
  }
}

function nameOf({ workload, name }: Pod): string {
  return `pod ${workload.namespace}/${name}`;
}

/** A pod, and a service that has an endpoint beside it. */
function neighbours(
  cluster: Cluster,
  node: Node,
): { readonly caller: Pod; readonly service: Service; readonly endpoint: Pod } | undefined {
  const { services } = cluster;
  if (services.kubeProxy.mode === "none") return undefined;
  const pods: Pod[] = [];
  for (const pod of cluster.pods.podsOn(node)) {
    if (!pod.workload.hostNetwork && pod.addresses.length > 0) pods.push(pod);
    if (pods.length === MOST_SERVICES) break;
  }
  for (const service of services.all.slice(0, MOST_SERVICES)) {
    const [port] = service.ports;
    const [ip] = service.clusterIps;
    if (!port || typeof ip !== "number") continue;
    const endpoint = services.endpoints(service, port, 4).find(({ pod }) => pod?.node === node)?.pod;
    const caller = endpoint && pods.find(({ path }) => path !== endpoint.path);
    if (endpoint && caller && !endpoint.workload.hostNetwork) return { caller, service, endpoint };
  }
  return undefined;
}
