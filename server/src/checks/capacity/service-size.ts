import { bits, formatPrefix, type Prefix, prefixOf, prefixSize } from "../../addressing/ip.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { type Fix, replaceFix } from "../../fixes/fix.ts";
import { number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

const cluster = (services: string): string => `cluster prod {
  pods 192.168.0.0/16 per-node /24
  services ${services}
  cni flannel { backend vxlan }
}
`;

/** kube-apiserver tracks service addresses in a bitmap of 2^20 bits. */
const MOST_HOST_BITS = 20;
/** Minimum of the preflight check of kubeadm. */
const FEWEST = 10;

export const serviceSize: Check<"KN406"> = {
  code: "KN406",
  name: "service-range-size",
  family: "capacity",
  severity: "error",
  summary: "Kubernetes does not accept a service CIDR of this size.",
  documentation: `## What happens

kube-apiserver rejects a service CIDR with more than 20 host bits: a prefix length shorter than /12 for IPv4, or shorter
than /108 for IPv6. Newer versions accept larger ones if both MultiCIDRServiceAllocator and DisableAllocatorDualWrite
are enabled. kubeadm requires at least 10 addresses.

## How to fix it

Use a prefix length in the allowed range. A larger service CIDR has no benefit: Kubernetes is tested with 10,000
services.`,
  example: { bad: cluster("10.0.0.0/8"), good: cluster("10.96.0.0/12") },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const { name, serviceCidrs } of topology.clusters) {
      for (const { prefix, source } of serviceCidrs) {
        const size = prefixSize(prefix);
        const shortest = bits(prefix.ip) - MOST_HOST_BITS;
        const range = t`service CIDR ${formatPrefix(prefix)} of cluster \`${name}\``;
        const addresses = plural(size, "address", "addresses");
        if (prefix.len < shortest) {
          yield finding(
            serviceSize,
            source,
            t`${range} has ${addresses}, but kube-apiserver accepts at most ${number(2 ** MOST_HOST_BITS)}; use /${shortest} or longer`,
            { fixes: [lengthFix(prefix, shortest, source)] },
          );
        } else if (size < FEWEST) {
          yield finding(
            serviceSize,
            source,
            t`${range} has ${addresses}, but kubeadm requires at least ${FEWEST}; use a shorter prefix length`,
            { fixes: [lengthFix(prefix, bits(prefix.ip) - 10, source)] },
          );
        }
      }
    }
  },
};

function lengthFix({ ip }: Prefix, len: number, source: Origin): Fix {
  const text = formatPrefix(prefixOf(ip, len));
  return replaceFix(t`Change to ${text}`, source, text);
}
