import { sourceAt } from "../../declared/navigate.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { valueAt } from "../../memo/memo.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Node, Pod, Service } from "../../topology/model.ts";
import { nodesWhere } from "../../topology/node-queries.ts";
import { ask } from "../../trace/trace.ts";

const SYSCTL = "net.bridge.bridge-nf-call-iptables";

const text = (value: 0 | 1): string =>
  shop("service web { select app=web; port 80 -> 8080 }").replaceAll(
    /(node n\d \{ attach lan [\d.]+) \}/g,
    `$1; sysctl ${SYSCTL} ${value} }`,
  );

/** Limit of nodes, pods, and services to try: all services fail alike, so one with a caller on the same node is enough. */
const MOST_SERVICES = 100;

export const bridgeNetfilter: Check<"KN515"> = {
  code: "KN515",
  name: "bridge-netfilter-off",
  family: "services",
  severity: "error",
  summary: "Replies between pods on one node bypass the service's NAT.",
  documentation: `## What happens

A pod calls a service whose endpoint is on the same node and the same bridge. The request is sent to the bridge itself, because the
service address is not on-link, and NAT rewrites it. The reply goes from pod to pod as a bridged frame: without the module
\`br_netfilter\` (or with \`${SYSCTL}\` 0), it traverses no iptables chain, so the service address is not restored. The client
receives a reply from a source that it did not contact and rejects it ("reply from unexpected source").

Calls to endpoints on other nodes work, so the typical symptom is DNS that fails intermittently.

## How to fix it

Load \`br_netfilter\` at boot and set \`${SYSCTL}=1\`.

## References

- kubernetes.io, *Container Runtimes*
- Linux kernel documentation, *IP Sysctl*, \`bridge-nf-call-iptables\``,
  example: { bad: text(0), good: text(1) },
  *run(context: CheckContext): Iterable<Finding> {
    for (const cluster of context.topology.clusters) {
      const byPlace = new Map<object, Node[]>();
      for (const node of disabledOn(cluster)) {
        const place = node.sysctls.get(SYSCTL)?.source.decl.handle;
        if (place) valueAt(byPlace, place, (): Node[] => []).push(node);
      }
      for (const nodes of byPlace.values()) {
        if (context.cancelled()) return;
        yield* failing(context, cluster, nodes);
      }
    }
  },
};

const disabledOn = nodesWhere(({ sysctls }) => sysctls.get(SYSCTL)?.value === "0");

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
    const where =
      nodes.length > 1
        ? t`node \`${node.path}\` and ${plural(nodes.length - 1, "more node")}`
        : t`node \`${node.path}\``;
    yield finding(
      bridgeNetfilter,
      source,
      t`bridged packets bypass iptables on ${where}: when ${nameOf(caller)} calls service \`${service.namespace}/${service.name}\`, ${nameOf(endpoint)} replies from its own address and the client rejects the reply; load \`br_netfilter\` at boot`,
      {
        related: [
          { source: service.source, message: t`service \`${service.namespace}/${service.name}\`` },
          { source: endpoint.workload.source, message: t`${nameOf(endpoint)} replies from the same node` },
        ],
        fixes: [replaceFix(t`Change to 1`, sourceAt(source, 1), "1")],
      },
    );
    return;
  }
}

function nameOf({ workload, name }: Pod): string {
  return t`pod \`${workload.namespace}/${name}\``;
}

/** A pod, and a service with an endpoint on the same node. */
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
