import { formatPrefix } from "../../addressing/ip.ts";
import { AKS_FORBIDDEN } from "../../cni/azure.ts";
import { readAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { replaceFix } from "../../fixes/fix.ts";
import { nextFree } from "../../questions/free.ts";
import { t } from "../../text/l10n.ts";

const cluster = (services: string): string => `segment nodes { cidr 10.224.0.0/16; cloud azure; gateway vnet }
router vnet { attach nodes 10.224.0.1 }
cluster prod {
  pods 10.244.0.0/16
  services ${services}
  cni azure
  nodes w 1..2 { attach nodes }
}
`;

export const aksForbidden: Check<"KN141"> = {
  code: "KN141",
  name: "aks-forbidden-range",
  family: "addresses",
  severity: "error",
  summary: "AKS does not allow this range.",
  documentation: `## What happens

AKS reserves 169.254.0.0/16, 172.30.0.0/16, 172.31.0.0/16, and 192.0.2.0/24. If the pod CIDR, the service CIDR, or the
virtual network of a cluster overlaps one of them, the cluster cannot be created, or parts of it do not work.

Two of these ranges are common elsewhere: 172.30.0.0/16 is OpenShift's default service CIDR, and 172.31.0.0/16 is the
range of the default VPC in AWS.

## How to fix it

Choose a range that does not overlap a reserved range.

## References

- learn.microsoft.com, *Azure Kubernetes Service (AKS) CNI networking overview*, section *Prerequisites*`,
  example: { bad: cluster("172.30.0.0/16"), good: cluster("10.0.0.0/16") },
  message: ({ what, forbidden, cluster: name }) =>
    t`${what} of cluster \`${name}\` overlaps ${forbidden}, which AKS reserves`,
  fixes: (_, source, { topology }) => {
    const range = readAt(source)?.value;
    const free = range?.kind === "prefix" ? nextFree(topology, range.prefix, AKS_FORBIDDEN) : undefined;
    const text = free && formatPrefix(free);
    return text === undefined ? [] : [replaceFix(t`Change to ${text} (next free range of this size)`, source, text)];
  },
};
