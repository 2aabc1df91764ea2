import type { Check } from "../check.ts";

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
};
