import type { Check, CheckContext, Finding } from "../check.ts";
import { appendFix, finding } from "../finding.ts";
import { shop } from "./example.ts";

const announced = (settings: string): string =>
  shop(
    "service api { select app=api; port 80 -> 9090; load-balancer-ip 192.168.10.200 }",
    `load-balancer l2\nkube-proxy ipvs${settings}`,
  );

export const balancerArp: Check = {
  code: "KN514",
  name: "load-balancer-arp",
  family: "services",
  severity: "warning",
  summary: "With IPVS every node answers ARP for the load balancer's address.",
  documentation: `IPVS has every address on kube-ipvs0 of every node, and Linux answers ARP for each of its addresses on every device (arp_ignore = 0): who is reached
is a matter of who answers first, and under policy local the packet may come to a node without an endpoint. \`strict-arp\` sets arp_ignore = 1 and arp_announce = 2,
and MetalLB's layer-2 mode requires it.`,
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
        `every node of cluster ${name} answers ARP for the address of service ${service.name}, not only the one that the load balancer chose; add strict-arp`,
        {
          related: [{ source: loadBalancer.source, message: "one node is to answer" }],
          fixes: [appendFix("Let nodes answer for their own addresses only", kubeProxy.source, "strict-arp")],
        },
      );
    }
  },
};
