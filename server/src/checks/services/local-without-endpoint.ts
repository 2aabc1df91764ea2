import { childOf } from "../../declared/navigate.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { setFix } from "../../fixes/fix.ts";
import { keptLocal } from "../../questions/per-service.ts";
import { list, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Service } from "../../topology/model.ts";

const pinned = (policy: string): string =>
  shop(`service web {
  type node-port
  select app=web
  port 80 -> 8080
  external-traffic-policy ${policy}
}`);

export const localWithoutEndpoint: Check<"KN506"> = {
  code: "KN506",
  name: "local-policy-without-endpoint",
  family: "services",
  severity: "info",
  summary: "With the `local` traffic policy, nodes without an endpoint drop the service's packets.",
  documentation: `## What happens

With \`externalTrafficPolicy: Local\`, a node forwards packets only to pods on the same node. A client that connects to the node port of
a different node receives no reply: the iptables and nftables modes drop the packet; IPVS forwards it, and the reply arrives from the
wrong address. A load balancer uses the health check node port to skip these nodes; a client with a fixed node address cannot.

With \`internalTrafficPolicy: Local\`, the same applies to traffic from pods on these nodes.

## How to fix it

Run a pod of the service on every node that receives traffic (a daemonset), put a load balancer in front of the nodes, or set the
policy to \`cluster\`.

## References

- kubernetes.io, *Virtual IPs and Service Proxies*, section *Traffic policies*`,
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
  // Services without any endpoints are reported by other checks.
  if (endpoints.length === 0) return;
  const holders = new Set(endpoints.map(({ node }) => node));
  const empty = cluster.nodes.filter((node) => !holders.has(node));
  if (empty.length === 0) return;
  const nodes = plural(empty.length, "node");
  const names = list(empty.map(({ path }) => `\`${path}\``));
  yield finding(
    localWithoutEndpoint,
    childOf(service.source, keyword, 0),
    keyword === "external-traffic-policy"
      ? t`service \`${service.name}\` has no endpoint on ${nodes} of cluster \`${cluster.name}\` (${names}): \`${keyword} local\` drops external packets to its node port there`
      : t`service \`${service.name}\` has no endpoint on ${nodes} of cluster \`${cluster.name}\` (${names}): \`${keyword} local\` drops packets from pods there`,
    { fixes: [setFix(t`Set \`${keyword} cluster\``, service.source, keyword, "cluster")] },
  );
}
