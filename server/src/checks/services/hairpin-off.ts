import type { Netns } from "../../dataplane/model.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { setFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Pod, Service } from "../../topology/model.ts";
import { podsIn } from "../../topology/service-endpoints.ts";
import { ask } from "../../trace/trace.ts";

const text = (cni: string): string =>
  shop("service web { select app=web; port 80 -> 8080 }").replace("cni flannel { backend vxlan }", cni);

/** Limit of endpoints, because the trace follows each of them; one service with few endpoints is enough. */
const FEW = 16;

export const hairpinOff: Check<"KN507"> = {
  code: "KN507",
  name: "service-hairpin-off",
  family: "services",
  severity: "warning",
  summary: "A pod cannot reach itself through its own service.",
  documentation: `## What happens

A pod that calls its own service can be selected as the endpoint. The packet arrives at the bridge on the pod's port and would have to
leave through the same port. A bridge allows this only in hairpin mode; otherwise, it drops the packet. With *n* endpoints, one in *n*
of these connections times out.

## How to fix it

Enable hairpin mode with \`hairpin-mode true\` (\`hairpinMode\` of the bridge plugin). flannel and kubenet enable it by default.

## References

- kubernetes.io, *Debug Services*, section *Edge case: A Pod fails to reach itself via the Service IP*`,
  example: { bad: text("cni bridge"), good: text("cni bridge { hairpin-mode true }") },
  *run(context: CheckContext): Iterable<Finding> {
    for (const cluster of context.topology.clusters) {
      if (context.cancelled()) return;
      const found = candidate(cluster);
      if (!found) continue;
      const { service, pod } = found;
      const { topology, open } = context;
      if (!hasPlainPort(open.netns(pod.node))) continue;
      const port = service.ports[0]?.port;
      const answer = ask(
        { topology, network: open, locate: () => undefined },
        { from: pod.path, to: service.path, port },
      );
      if (!answer.ok || !answer.journeys.some(({ reason }) => reason?.code === "hairpin-off")) continue;
      yield finding(
        hairpinOff,
        cluster.cni.source,
        t`the bridges of cluster \`${cluster.name}\` have hairpin mode off: ${pod.namespacedName} cannot reach itself through service \`${service.name}\``,
        {
          related: [
            { source: service.source, message: t`${pod.namespacedName} is an endpoint of service \`${service.name}\`` },
          ],
          fixes: [setFix(t`Set \`hairpin-mode true\``, cluster.cni.source, "hairpin-mode", "true")],
        },
      );
    }
  },
};

/** The first service with few endpoints, at least one of them a pod that does not use the host network. */
function candidate(cluster: Cluster):
  | {
      readonly service: Service;
      readonly pod: { readonly path: Pod["path"]; readonly node: string; readonly namespacedName: string };
    }
  | undefined {
  if (cluster.services.kubeProxy.mode === "none") return undefined;
  for (const service of cluster.services.all.slice(0, 100)) {
    const [port] = service.ports;
    const [ip] = service.clusterIps;
    if (!port || ip === undefined || podsIn(cluster.services.selected(service)) > FEW) continue;
    const endpoints = cluster.services.endpoints(service, port, typeof ip === "number" ? 4 : 6);
    const own = endpoints.find(({ pod }) => pod !== undefined && !pod.workload.hostNetwork)?.pod;
    if (!own?.node || endpoints.length > FEW) continue;
    const namespacedName = t`pod \`${own.workload.namespace}/${own.name}\``;
    return { service, pod: { path: own.path, node: own.node.path, namespacedName } };
  }
  return undefined;
}

/** Whether a bridge of the node has a port without hairpin mode. The trace to all endpoints is expensive, and most plugins enable it. */
function hasPlainPort(node: Netns | undefined): boolean {
  for (const { master, hairpin } of node?.devices.values() ?? []) if (master !== undefined && !hairpin) return true;
  return false;
}
