import { type Family, family, formatPrefix, type Prefix } from "../../addressing/ip.ts";
import { sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { removeFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

interface Range {
  readonly prefix: Prefix;
  readonly source: Origin;
}

export const oneRangePerFamily: Check<"KN143"> = {
  code: "KN143",
  name: "one-range-per-family",
  family: "addresses",
  severity: "error",
  summary: "A cluster has two pod CIDRs or two service CIDRs of one address family.",
  documentation: `## What happens

A cluster has at most one IPv4 and one IPv6 range for pods, and one of each for services. kube-controller-manager does not start its
node IPAM controller with two \`--cluster-cidr\` ranges of one family, and kube-apiserver exits if two \`--service-cluster-ip-range\`
ranges have the same family. No pod and no service receives an address from the second range.

## How to fix it

Use one larger range, or remove the second one. With Calico, an additional IP pool (\`pool\`) provides more pod
addresses.

## References

- kubernetes: \`cmd/kube-controller-manager/app\` (\`validateCIDRs\`), \`cmd/kube-apiserver/app/options/validation.go\`
  (\`validateClusterIPFlags\`)`,
  example: {
    bad: twoNodes("pods 10.245.0.0/16 per-node /24\ncni flannel { backend vxlan }"),
    good: twoNodes("cni flannel { backend vxlan }"),
  },
  *run({ topology }: CheckContext): Iterable<Finding> {
    for (const { name, podCidrs, serviceCidrs } of topology.clusters) {
      for (const { first, second } of surplus(podCidrs)) {
        const [a, b, of] = [formatPrefix(first.prefix), formatPrefix(second.prefix), family(second.prefix.ip)];
        yield report(
          first,
          second,
          t`cluster \`${name}\` has two IPv${of} pod CIDRs, ${a} and ${b}: kube-controller-manager rejects two ranges of one address family`,
        );
      }
      for (const { first, second } of surplus(serviceCidrs)) {
        const [a, b, of] = [formatPrefix(first.prefix), formatPrefix(second.prefix), family(second.prefix.ip)];
        yield report(
          first,
          second,
          t`cluster \`${name}\` has two IPv${of} service CIDRs, ${a} and ${b}: kube-apiserver rejects two ranges of one address family`,
        );
      }
    }
  },
};

/** Each range with an earlier range of its family. */
function surplus(ranges: readonly Range[]): readonly { readonly first: Range; readonly second: Range }[] {
  const known = new Map<Family, Range>();
  return ranges.flatMap((second) => {
    const first = known.get(family(second.prefix.ip));
    if (!first) known.set(family(second.prefix.ip), second);
    return first ? [{ first, second }] : [];
  });
}

function report(first: Range, second: Range, message: string): Finding {
  const other = formatPrefix(first.prefix);
  return finding(oneRangePerFamily, sourceAt(second.source, 0), message, {
    related: [{ source: sourceAt(first.source, 0), message: t`${other} is declared here` }],
    fixes: [removeFix(t`Remove ${formatPrefix(second.prefix)}`, sourceAt(second.source, "whole"))],
  });
}
