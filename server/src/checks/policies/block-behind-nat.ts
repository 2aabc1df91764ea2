import { formatPrefix, prefixContains, prefixCovers } from "../../addressing/ip.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/policies.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { setFix } from "../../fixes/fix.ts";
import { policyLabel, policyView, withPolicies } from "../../questions/policy-view.ts";
import { t } from "../../text/l10n.ts";
import type { Cluster, Service, Workload } from "../../topology/model.ts";
import type { Peer, Policy } from "../../topology/policy.ts";

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

export const blockBehindNat: Check<"KN608"> = {
  code: "KN608",
  name: "policy-block-behind-nat",
  family: "policies",
  severity: "warning",
  summary: "An ipBlock does not match clients whose addresses a service hides.",
  documentation: `## What happens

Unless \`externalTrafficPolicy\` is \`Local\`, packets from outside to a NodePort or load balancer are source-NATed to the address of the
node that receives them. The policy is evaluated on the pod's node: it sees the client address if the client connects to this node,
because policies precede SNAT, and a node address if the client connects to any other node. An \`ipBlock\` of client addresses
therefore matches some connections only.

## How to fix it

Set \`external-traffic-policy local\`, allow the node addresses, or filter in front of the cluster.

## References

- kubernetes.io, *Using Source IP*
- kubernetes.io, *Network Policies*, section *Behavior of to and from selectors* (\`ipBlock\`)`,
  example: { bad: policy(""), good: policy("\n  external-traffic-policy local") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of withPolicies(topology)) {
      // On the pod's own node, policies see the client: they precede SNAT.
      if (cluster.nodes.length < 2) continue;
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
            if (hit) yield behind(policy, peer, hit[1]);
          }
        }
      }
    }
  },
};

function behind(policy: Policy, peer: Peer & { readonly kind: "cidr" }, service: Service): Finding {
  return finding(
    blockBehindNat,
    { ...peer.source, part: "keyword" },
    t`\`cidr ${formatPrefix(peer.cidr)}\` in ${policyLabel(policy)} matches clients of service \`${service.namespace}/${service.name}\` only on the pod's own node: other nodes replace their address; allow the node addresses`,
    {
      related: [
        {
          source: service.source,
          message: t`service \`${service.namespace}/${service.name}\` replaces the client address`,
        },
      ],
      fixes: [
        setFix(
          t`Set \`external-traffic-policy local\` on service \`${service.name}\``,
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

/** Whether the block contains neither pods nor nodes, so it is intended for external clients. */
function isOutside({ podCidrs, nodes }: Cluster, { cidr }: Peer & { readonly kind: "cidr" }): boolean {
  if (podCidrs.some(({ prefix }) => prefixCovers(prefix, cidr) || prefixCovers(cidr, prefix))) return false;
  return !nodes.some(({ interfaces }) =>
    interfaces.some(({ addresses }) => addresses.some(({ ip }) => prefixContains(cidr, ip))),
  );
}
