import { bits, formatPrefix, type Prefix, prefixOf, prefixSize } from "../../addressing/ip.ts";
import type { Source } from "../../language/tree.ts";
import { number } from "../../text/words.ts";
import type { Check, CheckContext, Finding, Fix } from "../check.ts";
import { finding, replaceFix } from "../finding.ts";

const cluster = (services: string): string => `cluster prod {
  pods 192.168.0.0/16 per-node /24
  services ${services}
  cni flannel { backend vxlan }
}
`;

/** kube-apiserver counts service addresses in a bitmap of 20 bits. */
const MOST_HOST_BITS = 20;
/** kubeadm's preflight. */
const FEWEST = 10;

export const serviceSize: Check = {
  code: "KN406",
  name: "service-range-size",
  family: "capacity",
  severity: "error",
  summary: "The service range is larger or smaller than Kubernetes takes.",
  documentation: `kube-apiserver refuses a service range with more than 20 host bits: shorter than /12 for IPv4, than /108 for IPv6 (newer versions take larger
ones when MultiCIDRServiceAllocator and DisableAllocatorDualWrite are both on). kubeadm wants at least 10 addresses. A larger range
buys nothing: Kubernetes is tested with 10,000 services.`,
  example: { bad: cluster("10.0.0.0/8"), good: cluster("10.96.0.0/12") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const { name, serviceCidrs } of topology.clusters) {
      for (const { prefix, source } of serviceCidrs) {
        const size = prefixSize(prefix);
        const shortest = bits(prefix.ip) - MOST_HOST_BITS;
        const range = `services ${formatPrefix(prefix)} of cluster ${name}`;
        if (prefix.len < shortest) {
          yield finding(
            serviceSize,
            source,
            `${range} are ${number(size)} addresses, and kube-apiserver takes at most ${number(2 ** MOST_HOST_BITS)}; use /${shortest} or longer`,
            { fixes: [lengthFix(prefix, shortest, source)] },
          );
        } else if (size < FEWEST) {
          yield finding(
            serviceSize,
            source,
            `${range} are ${number(size)} addresses, and kubeadm wants at least ${FEWEST}; use a shorter length`,
            { fixes: [lengthFix(prefix, bits(prefix.ip) - 10, source)] },
          );
        }
      }
    }
  },
};

function lengthFix({ ip }: Prefix, len: number, source: Source): Fix {
  const text = formatPrefix(prefixOf(ip, len));
  return replaceFix(`Use ${text}`, source, text);
}
