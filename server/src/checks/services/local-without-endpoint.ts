import { list, plural } from "../../text/words.ts";
import type { Cluster, Service } from "../../topology/model.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, setFix } from "../finding.ts";
import { childOf } from "../source.ts";
import { keptLocal } from "./each.ts";
import { shop } from "./example.ts";

const pinned = (policy: string): string =>
  shop(`service web {
  type node-port
  select app=web
  port 80 -> 8080
  external-traffic-policy ${policy}
}`);

export const localWithoutEndpoint: Check = {
  code: "KN506",
  name: "local-policy-without-endpoint",
  family: "services",
  severity: "info",
  summary: "Under policy local some nodes have no endpoint and drop the service's packets.",
  documentation: `With \`externalTrafficPolicy: Local\` a node serves with its own pods only. A client that takes the node port of another node hears nothing (iptables and
nftables mode drop; IPVS passes the packet on, and the answer comes from the wrong address). A load balancer learns by the health check node port which nodes to
leave out; a client with a fixed node address does not. With \`internalTrafficPolicy: Local\` the same holds for the pods of such nodes.

Run a pod of the service on every node that is used (a daemonset), put a load balancer in front, or use policy \`cluster\`.`,
  example: { bad: pinned("local"), good: pinned("cluster") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      for (const service of keptLocal(cluster)) {
        const external = service.externalPolicy === "local" && service.type === "node-port";
        if (!external && service.internalPolicy !== "local") continue;
        yield* without(cluster, service, external ? "external-traffic-policy" : "internal-traffic-policy");
      }
    }
  },
};

function* without(cluster: Cluster, service: Service, keyword: string): Iterable<Finding> {
  const endpoints = service.ports.flatMap((port) =>
    ([4, 6] as const).flatMap((of) => cluster.services.endpoints(service, port, of)),
  );
  // Without any the finding is another one.
  if (endpoints.length === 0) return;
  const holders = new Set(endpoints.map(({ node }) => node));
  const empty = cluster.nodes.filter((node) => !holders.has(node));
  if (empty.length === 0) return;
  const who =
    keyword === "external-traffic-policy"
      ? "packets from outside to its node port are"
      : "what their pods send to it is";
  yield finding(
    localWithoutEndpoint,
    childOf(service.source, keyword, 0),
    `${plural(empty.length, "node")} of cluster ${cluster.name} (${list(empty.map(({ name }) => name))}) ${empty.length === 1 ? "has" : "have"} no endpoint of service ${service.name}: ${who} dropped there under policy local`,
    { fixes: [setFix("Use policy cluster", service.source, keyword, "cluster")] },
  );
}
