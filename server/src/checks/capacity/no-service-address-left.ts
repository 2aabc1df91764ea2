import { bits, parsePrefix } from "../../addressing/ip.ts";
import { number, plural } from "../../text/words.ts";
import { enlargeFixes } from "../addresses/free.ts";
import type { Check } from "../check.ts";

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

export const noServiceAddressLeft: Check = {
  code: "KN408",
  name: "no-service-address-left",
  family: "capacity",
  severity: "error",
  summary: "The service range has fewer addresses than there are services.",
  documentation: `kube-apiserver refuses a service for which no ClusterIP is left: *range is full*. A range of length L has 2^(32 − L) − 2 addresses, one of which
is that of the API server's own service \`kubernetes\`; headless services and aliases take none. The range of a running cluster cannot be
enlarged in place; since Kubernetes 1.33 a further one may be added (ServiceCIDR).`,
  example: { bad: cluster("10.96.0.0/28"), good: cluster("10.96.0.0/24") },
  message: ({ cluster: name, count, service }) =>
    `${plural(Number(count), "service")} of cluster ${name} ${Number(count) === 1 ? "gets" : "get"} no address, first ${service}; use a larger range (${number(1022)} addresses in a /22)`,
  fixes: (data, source, { topology }) => {
    const cluster = topology.clusters.find(({ name }) => name === data.cluster);
    const range = parsePrefix(source.statement.args[Number(source.part)]?.text ?? "")?.prefix;
    if (!cluster || !range) return [];
    const all = bits(range.ip);
    // Room to grow is cheap; 2 addresses are no service's.
    const len = Math.min(all - 10, all - Math.ceil(Math.log2(cluster.services.all.length + 2)), range.len - 1);
    return enlargeFixes(topology, range, len, source);
  },
};
