import { formatPrefix, parsePrefix } from "../../addressing/ip.ts";
import { AKS_FORBIDDEN } from "../../cni/azure.ts";
import type { Check } from "../check.ts";
import { replaceFix } from "../finding.ts";
import { nextFree } from "./free.ts";

const cluster = (services: string): string => `segment nodes { cidr 10.224.0.0/16; cloud azure; gateway vnet }
router vnet { attach nodes 10.224.0.1 }
cluster prod {
  pods 10.244.0.0/16
  services ${services}
  cni azure
  nodes w 1..2 { attach nodes }
}
`;

export const aksForbidden: Check = {
  code: "KN141",
  name: "aks-forbidden-range",
  family: "addresses",
  severity: "error",
  summary: "AKS refuses this range.",
  documentation: `AKS uses 169.254.0.0/16, 172.30.0.0/16, 172.31.0.0/16 and 192.0.2.0/24 for itself: a cluster whose pods, services or virtual network lie there is not made, or fails in
places. They are common elsewhere: 172.30.0.0/16 is OpenShift's service range, 172.31.0.0/16 the default VPC of AWS.`,
  example: { bad: cluster("172.30.0.0/16"), good: cluster("10.0.0.0/16") },
  message: ({ what, forbidden, cluster: name }) =>
    `${what} of cluster ${name} ${String(what).startsWith("segment") ? "reaches" : "reach"} into ${forbidden}, which AKS keeps for itself and refuses; use another range`,
  fixes: (_, source, { topology }) => {
    const range =
      typeof source.part === "number" ? parsePrefix(source.statement.args[source.part]?.text ?? "") : undefined;
    const free = range && nextFree(topology, range.prefix, AKS_FORBIDDEN);
    const text = free && formatPrefix(free);
    return text === undefined ? [] : [replaceFix(`Use ${text}, the next free range of this size`, source, text)];
  },
};
