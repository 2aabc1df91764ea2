import type { Check, CheckContext } from "../../findings/check.ts";
import { shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { appendFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

const announced = (settings: string): string =>
  shop(
    "service api { select app=api; port 80 -> 9090; load-balancer-ip 192.168.10.200 }",
    `load-balancer l2\nkube-proxy ipvs${settings}`,
  );

export const balancerArp: Check<"KN514"> = {
  code: "KN514",
  name: "load-balancer-arp",
  family: "services",
  severity: "warning",
  summary: "With IPVS, every node replies to ARP for the load balancer IP.",
  documentation: `## What happens

In IPVS mode, kube-proxy adds every service address to \`kube-ipvs0\` on every node, and Linux replies to ARP for each of its addresses
on every device (\`arp_ignore = 0\`). Clients therefore reach the first node that replies. With \`externalTrafficPolicy: Local\`, this
can be a node without an endpoint.

## How to fix it

Add \`strict-arp\`. It sets \`arp_ignore = 1\` and \`arp_announce = 2\`. MetalLB's layer 2 mode requires it.

## References

- MetalLB, *Installation*, section *Preparation*
- Linux kernel documentation, *IP Sysctl*, \`arp_ignore\` and \`arp_announce\``,
  example: { bad: announced(""), good: announced(" { strict-arp }") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const { name, services } of topology.clusters) {
      const { kubeProxy, loadBalancer } = services;
      if (kubeProxy.mode !== "ipvs" || kubeProxy.strictArp || loadBalancer?.kind !== "l2") continue;
      const service = services.all.find(({ loadBalancerIps }) => loadBalancerIps.length > 0);
      if (!service) continue;
      yield finding(
        balancerArp,
        kubeProxy.source,
        t`without \`strict-arp\`, every node of cluster \`${name}\` replies to ARP for the load balancer IP of service \`${service.name}\`: clients reach the first node that replies`,
        {
          related: [{ source: loadBalancer.source, message: t`exactly one node must reply` }],
          fixes: [appendFix(t`Add \`strict-arp\``, kubeProxy.source, "strict-arp")],
        },
      );
    }
  },
};
