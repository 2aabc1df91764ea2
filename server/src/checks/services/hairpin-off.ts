import type { Cluster, Pod, Service } from "../../topology/model.ts";
import { ask } from "../../trace/trace.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, setFix } from "../finding.ts";
import { shop } from "./example.ts";

const text = (cni: string): string =>
  shop("service web { select app=web; port 80 -> 8080 }").replace("cni flannel { backend vxlan }", cni);

/** More endpoints make more ways; one service with few is enough. */
const FEW = 16;

export const hairpinOff: Check = {
  code: "KN507",
  name: "service-hairpin-off",
  family: "services",
  severity: "warning",
  summary: "A pod cannot reach itself through its own service.",
  documentation: `A pod that calls its service may be given itself as endpoint. The packet comes to the bridge by the pod's port and would have to leave by the same
port, which a bridge does only in hairpin mode: it is dropped, and one connection in as many as there are endpoints times out.

Turn hairpin mode on (\`hairpin-mode true\`, which is \`hairpinMode\` of the bridge plugin; flannel and kubenet do so by themselves).`,
  example: { bad: text("cni bridge"), good: text("cni bridge { hairpin-mode true }") },
  *run(context: CheckContext): Iterable<Finding> {
    for (const cluster of context.topology.clusters) {
      if (context.cancelled()) return;
      const found = candidate(cluster);
      if (!found) continue;
      const { service, pod } = found;
      const { topology, open } = context;
      const port = service.ports[0]?.port;
      const answer = ask(
        { topology, network: open, locate: () => undefined },
        { from: pod.path, to: service.path, port },
      );
      if (!answer.ok || !answer.journeys.some(({ reason }) => reason?.code === "hairpin-off")) continue;
      yield finding(
        hairpinOff,
        cluster.cni.source,
        `the bridges of cluster ${cluster.name} do not send a frame back by the port by which it came: ${pod.namespacedName} does not reach itself through its service ${service.name}`,
        {
          related: [
            { source: service.source, message: `${pod.namespacedName} is an endpoint of service ${service.name}` },
          ],
          fixes: [setFix("Turn hairpin mode on", cluster.cni.source, "hairpin-mode", "true")],
        },
      );
    }
  },
};

/** The service with the fewest endpoints that has a pod of its own network. */
function candidate(
  cluster: Cluster,
):
  | { readonly service: Service; readonly pod: { readonly path: Pod["path"]; readonly namespacedName: string } }
  | undefined {
  if (cluster.services.kubeProxy.mode === "none") return undefined;
  for (const service of cluster.services.all.slice(0, 100)) {
    const [port] = service.ports;
    const [ip] = service.clusterIps;
    if (!port || ip === undefined) continue;
    const endpoints = cluster.services.endpoints(service, port, typeof ip === "number" ? 4 : 6);
    const own = endpoints.find(({ pod }) => pod !== undefined && !pod.workload.hostNetwork)?.pod;
    if (!own || endpoints.length > FEW) continue;
    return { service, pod: { path: own.path, namespacedName: `pod ${own.workload.namespace}/${own.name}` } };
  }
  return undefined;
}
