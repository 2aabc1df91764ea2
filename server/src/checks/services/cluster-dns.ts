import { formatIp, type Ip, prefixContains } from "../../addressing/ip.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { listenAddresses } from "../../kubernetes/node-local-dns.ts";
import { t } from "../../text/l10n.ts";
import { nameServer } from "../../topology/dns.ts";
import type { Cluster } from "../../topology/model.ts";

const cluster = (address: string): string => `segment lan { cidr 10.0.0.0/24 }
router gw { attach lan 10.0.0.1 }
cluster prod {
  pods 10.244.0.0/16
  services 10.43.0.0/16
  cni flannel { backend vxlan }
  cluster-dns ${address}
  nodes n 1..2 { attach lan }
  namespace kube-system {
    deployment coredns replicas 2 {
      labels k8s-app=kube-dns
      listen 53/udp 53/tcp
    }
    service kube-dns {
      select k8s-app=kube-dns
      cluster-ip 10.43.0.10
      port 53/udp name dns
      port 53/tcp name dns-tcp
    }
  }
  pod web on n1
}
`;

/** 169.254.0.0/16. */
const LINK_LOCAL = { ip: 0xa9fe0000, len: 16 };

export const clusterDns: Check<"KN169"> = {
  code: "KN169",
  name: "cluster-dns-unknown",
  family: "services",
  severity: "error",
  summary: "The pods' name server is a service address that no service has.",
  documentation: `## What happens

kubelet writes \`cluster-dns\` to the \`resolv.conf\` of each pod. If no service has the address, or if NodeLocal DNSCache does not run, the
queries time out: no name can be resolved in any pod, and most connections fail. A common cause is a service CIDR that was changed
without kubelet's \`clusterDNS\`.

## How to fix it

Use the ClusterIP of the DNS service, or the address of \`node-local-dns\`.`,
  example: { bad: cluster("10.43.0.53"), good: cluster("10.43.0.10") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const one of topology.clusters) {
      const local = new Set(listenAddresses(one));
      for (const { ip, source } of one.dns.servers) {
        if (local.has(ip) || !isMissing(one, ip)) continue;
        const server = nameServer(one)?.clusterIps.find((own) => typeof own === typeof ip);
        const message =
          server === undefined
            ? t`no service of cluster \`${one.name}\` has the address ${formatIp(ip)}: no pod can resolve names`
            : t`no service of cluster \`${one.name}\` has the address ${formatIp(ip)}: no pod can resolve names (kube-dns is ${formatIp(server)})`;
        yield finding(clusterDns, source, message, {
          fixes:
            server === undefined
              ? []
              : [replaceFix(t`Change to ${formatIp(server)} (kube-dns)`, source, formatIp(server))],
        });
      }
    }
  },
};

/** Only addresses that the cluster must provide itself: other name servers are outside of the file. */
function isMissing({ services, serviceCidrs }: Cluster, ip: Ip): boolean {
  if (typeof ip === "number" && prefixContains(LINK_LOCAL, ip)) return true;
  return serviceCidrs.some(({ prefix }) => prefixContains(prefix, ip)) && services.byAddress(ip).length === 0;
}
