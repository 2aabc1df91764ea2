import { bits } from "../../addressing/ip.ts";
import { prefixAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { enlargeFixes } from "../../fixes/ranges.ts";
import { plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

const cluster = (services: string): string => `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16
  services ${services}
  cni flannel { backend vxlan }
  node n1 { attach lan }
  pod web { labels app=web; listen 80/tcp }
${Array.from({ length: 14 }, (_, i) => `  service web-${i} { select app=web; port 80 }`).join("\n")}
}
`;

export const noServiceAddressLeft: Check<"KN408"> = {
  code: "KN408",
  name: "no-service-address-left",
  family: "capacity",
  severity: "error",
  summary: "The service CIDR is too small for the number of services.",
  documentation: `## What happens

kube-apiserver rejects a service if no ClusterIP is left: *range is full*. An IPv4 service CIDR with prefix length L has
2^(32 − L) − 2 addresses, an IPv6 service CIDR 2^(128 − L) − 1, one of which belongs to the \`kubernetes\` service (the API
server). Headless services
and aliases (ExternalName) do not need an address.

## How to fix it

Use a larger service CIDR. The service CIDR of a running cluster cannot be enlarged in place; in Kubernetes 1.33 and
later, an additional one can be created (ServiceCIDR).`,
  example: { bad: cluster("10.96.0.0/28"), good: cluster("10.96.0.0/24") },
  message: ({ cluster: name, count, service, family }) => {
    const example = family === 6 ? t`a /118 has 1,023 addresses` : t`a /22 has 1,022 addresses`;
    return count === 1
      ? t`service \`${service}\` of cluster \`${name}\` cannot be assigned a ClusterIP; use a larger service CIDR (${example})`
      : t`${plural(count, "service")} of cluster \`${name}\` (first: \`${service}\`) cannot be assigned a ClusterIP; use a larger service CIDR (${example})`;
  },
  fixes: (data, source, { topology }) => {
    const cluster = topology.clusters.find(({ name }) => name === data.cluster);
    const range = prefixAt(source);
    if (!cluster || !range) return [];
    const all = bits(range.ip);
    // At least 1,024 addresses, because spare ones cost nothing; two addresses are not available to services.
    const len = Math.min(all - 10, all - Math.ceil(Math.log2(cluster.services.all.length + 2)), range.len - 1);
    return enlargeFixes(topology, range, len, source);
  },
};
