import type { Check } from "../check.ts";
import { shop } from "./examples.ts";

export const peerMixed: Check = {
  code: "KN610",
  name: "policy-peer-mixed",
  family: "policies",
  severity: "error",
  summary: "A peer of a policy has addresses and labels at once.",
  documentation: `An \`ipBlock\` and selectors exclude each other in one peer: the API server refuses the whole policy (*may not specify both ipBlock and another
peer*, pkg/apis/networking/validation, ValidateNetworkPolicyPeer). Write two peers where either will do. "Both" cannot be said.`,
  example: {
    bad: shop("policy p {\n  select app=api\n  ingress from app=web cidr 192.168.10.0/24\n}"),
    good: shop("policy p {\n  select app=api\n  ingress {\n    from app=web\n    from cidr 192.168.10.0/24\n  }\n}"),
  },
  message: () =>
    "a peer is either addresses (cidr) or pods (labels, namespaces), and the API server refuses a policy with both in one; write two peers in the rule's block, either of which will do",
};
