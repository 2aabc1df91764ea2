import { mayDoServices } from "../../cni/underlay.ts";
import { sourceAt } from "../../declared/navigate.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { service, shop } from "../../findings/examples/services.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

const proxy = (mode: string): string => shop(service(""), `kube-proxy ${mode}`);

export const noProxy: Check<"KN517"> = {
  code: "KN517",
  name: "services-without-proxy",
  family: "services",
  severity: "warning",
  summary: "The cluster has services but no kube-proxy and no replacement.",
  documentation: `## What happens

A ClusterIP exists only in the rules of kube-proxy. Without these rules, packets to services, including DNS and the service of the API
server, follow the default route and are lost. Installers omit kube-proxy for plugins that replace it (Cilium, Calico's eBPF data
plane); with any other plugin, it is missing.

## How to fix it

Run kube-proxy, for example \`kube-proxy iptables\`.

## References

- kubernetes.io, *Virtual IPs and Service Proxies*`,
  example: { bad: proxy("none"), good: proxy("iptables") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const cluster of topology.clusters) {
      const { kubeProxy, all } = cluster.services;
      const virtual = all.filter(({ clusterIps }) => clusterIps.length > 0);
      if (kubeProxy.mode !== "none" || virtual.length === 0 || mayDoServices(cluster)) continue;
      yield finding(
        noProxy,
        kubeProxy.source,
        t`cluster \`${cluster.name}\` has ${plural(virtual.length, "service")} but no kube-proxy, and plugin \`${cluster.cni.plugin}\` does not replace it: packets to ClusterIPs are lost`,
        {
          fixes: [replaceFix(t`Change to \`kube-proxy iptables\``, sourceAt(kubeProxy.source, 0), "iptables")],
        },
      );
    }
  },
};
