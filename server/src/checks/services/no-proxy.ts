import { mayDoServices } from "../../cni/underlay.ts";
import { plural } from "../../text/words.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { finding, replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";
import { service, shop } from "./example.ts";

const proxy = (mode: string): string => shop(service(""), `kube-proxy ${mode}`);

export const noProxy: Check = {
  code: "KN517",
  name: "services-without-proxy",
  family: "services",
  severity: "warning",
  summary: "Nobody makes services work: there is no kube-proxy, and the plugin does not do it either.",
  documentation: `A ClusterIP is an address that exists in the rules of kube-proxy alone. Without it packets to services, the API server's own and DNS included, follow the default
route and are lost. Installers leave kube-proxy out for plugins that replace it (Cilium, Calico's eBPF data plane); with another plugin it is missing.

Run kube-proxy.`,
  example: { bad: proxy("none"), good: proxy("iptables") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const { kubeProxy, all } = cluster.services;
      const virtual = all.filter(({ clusterIps }) => clusterIps.length > 0);
      if (kubeProxy.mode !== "none" || virtual.length === 0 || mayDoServices(cluster)) continue;
      yield finding(
        noProxy,
        kubeProxy.source,
        `cluster ${cluster.name} has ${plural(virtual.length, "service")} and no kube-proxy, and plugin ${cluster.cni.plugin} does not do its work: packets to ClusterIPs go astray; run it`,
        {
          fixes: [replaceFix("Run kube-proxy in its usual mode (iptables)", sourceAt(kubeProxy.source, 0), "iptables")],
        },
      );
    }
  },
};
