import { formatPrefix, prefixContains, prefixCovers } from "../../addressing/ip.ts";
import { policyName } from "../../kubernetes/policy/text.ts";
import type { Cluster, Service, Workload } from "../../topology/model.ts";
import type { Peer, Policy } from "../../topology/policy.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, setFix } from "../finding.ts";
import { shop } from "./examples.ts";
import { policyView, withPolicies, workloadName } from "./view.ts";

const policy = (keep: string): string =>
  shop(`service web {
  select app=web
  type load-balancer
  port 80${keep}
}
policy web {
  select app=web
  ingress from cidr 172.20.0.0/16 to 80/tcp
}`);

export const blockBehindNat: Check = {
  code: "KN608",
  name: "policy-block-behind-nat",
  family: "policies",
  severity: "warning",
  summary: "An ipBlock for clients that come through a service, which hides their addresses.",
  documentation: `What comes from outside to a NodePort or load balancer gets the address of the node by which it came, unless \`externalTrafficPolicy\` is \`Local\`: the
pod's policy sees the node, and a block of the clients' addresses never matches. Use \`external-traffic-policy local\`, allow the nodes' addresses, or
filter in front of the cluster.`,
  example: { bad: policy(""), good: policy("\n  external-traffic-policy local") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of withPolicies(topology)) {
      const exposed = exposedBy(cluster);
      if (exposed.size === 0) continue;
      const { selected, set } = policyView(cluster);
      for (const policy of cluster.policies) {
        for (const rule of policy.ingress ?? []) {
          for (const peer of rule.peers ?? []) {
            if (peer.kind !== "cidr" || !isOutside(cluster, peer)) continue;
            const groups = new Set(selected(policy));
            const hit = [...exposed].find(([workload]) => {
              const group = set.groups.groupOfAll(workload);
              return group !== undefined && groups.has(group);
            });
            if (hit) yield behind(policy, peer, hit);
          }
        }
      }
    }
  },
};

function behind(
  policy: Policy,
  peer: Peer & { readonly kind: "cidr" },
  [workload, service]: readonly [Workload, Service],
): Finding {
  return finding(
    blockBehindNat,
    { ...peer.source, part: "keyword" },
    `cidr ${formatPrefix(peer.cidr)} in ${policyName(policy)} does not match clients that come through service ${service.namespace}/${service.name}: ${workloadName(workload)} sees them with a node's address; use external-traffic-policy local, or allow the nodes`,
    {
      related: [{ source: service.source, message: "it replaces the client's address" }],
      fixes: [
        setFix(
          `Keep the clients' addresses at service ${service.name} (policy local)`,
          service.source,
          "external-traffic-policy",
          "local",
        ),
      ],
    },
  );
}

function exposedBy(cluster: Cluster): ReadonlyMap<Workload, Service> {
  const exposed = new Map<Workload, Service>();
  for (const service of cluster.services.all) {
    if (service.externalPolicy !== "cluster" || (service.type !== "node-port" && service.type !== "load-balancer"))
      continue;
    for (const workload of cluster.services.selected(service))
      if (!exposed.has(workload)) exposed.set(workload, service);
  }
  return exposed;
}

/** Neither pods nor nodes, which it might be about. */
function isOutside({ podCidrs, nodes }: Cluster, { cidr }: Peer & { readonly kind: "cidr" }): boolean {
  if (podCidrs.some(({ prefix }) => prefixCovers(prefix, cidr) || prefixCovers(cidr, prefix))) return false;
  return !nodes.some(({ interfaces }) =>
    interfaces.some(({ addresses }) => addresses.some(({ ip }) => prefixContains(cidr, ip))),
  );
}
