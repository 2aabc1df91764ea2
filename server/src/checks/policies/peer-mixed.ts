import { sourceAt } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import { argumentTexts } from "../../declared/text.ts";
import type { Check } from "../../findings/check.ts";
import { shop } from "../../findings/examples/policies.ts";
import { type Fix, replaceFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";

export const peerMixed: Check<"KN610"> = {
  code: "KN610",
  name: "policy-peer-mixed",
  family: "policies",
  severity: "error",
  summary: "A policy peer combines `cidr` with selectors.",
  documentation: `## What happens

\`ipBlock\` and selectors are mutually exclusive in a peer: kube-apiserver rejects the entire policy ("may not specify both ipBlock and
another peer").

## How to fix it

Write two peers; a packet is allowed if it matches either peer. A peer cannot require an address and labels together.

## References

- kubernetes/kubernetes, \`pkg/apis/networking/validation\`, \`ValidateNetworkPolicyPeer\``,
  example: {
    bad: shop("policy p {\n  select app=api\n  ingress from app=web cidr 192.168.10.0/24\n}"),
    good: shop("policy p {\n  select app=api\n  ingress {\n    from app=web\n    from cidr 192.168.10.0/24\n  }\n}"),
  },
  message: () =>
    t`a peer cannot combine addresses (\`cidr\`) with labels or namespaces: kube-apiserver rejects the policy`,
  fixes: (_data, source) => splitFix(source),
};

const PODS: ReadonlySet<string> = new Set(["pods", "namespaces", "namespace"]);
const PORTS: ReadonlySet<string> = new Set(["ports"]);
const ADDRESSES: ReadonlySet<string> = new Set(["cidr", "except"]);

/** Splits the peer into one for the pods and one for the addresses. */
function splitFix(source: Origin): readonly Fix[] {
  const { decl } = source;
  const keyword = decl.spec?.keyword ?? "";
  if (decl.block) return [];
  const isPeer = keyword === "from" || keyword === "to";
  const isEgress = keyword === "egress" || keyword === "to";
  const peer = isEgress ? "to" : "from";
  const said = (names: ReadonlySet<string>): string => argumentTexts(decl, names).join(" ");
  const selector = said(PODS);
  const pods = selector.startsWith(`${peer} `) ? selector : `${peer} ${selector}`;
  const block = `${peer} ${said(ADDRESSES)}`;
  const title = t`Split into two peers`;
  const whole = sourceAt(source, "whole");
  if (isPeer)
    return [
      {
        title,
        edits: [
          { kind: "before", source: whole, text: pods },
          { kind: "replace", source: whole, text: block },
        ],
      },
    ];
  if (keyword !== "ingress" && keyword !== "egress") return [];
  const ports = said(PORTS);
  const lines = [pods, block, ...(ports ? [ports] : [])].join("; ");
  return [replaceFix(title, whole, `${keyword} { ${lines} }`)];
}
