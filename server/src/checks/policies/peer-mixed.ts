import type { Source } from "../../language/tree.ts";
import { sourceAt } from "../../questions/origin.ts";
import { t } from "../../text/l10n.ts";
import type { Check, Fix } from "../check.ts";
import { replaceFix } from "../finding.ts";
import { shop } from "./examples.ts";

export const peerMixed: Check = {
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

const WORDS: ReadonlySet<string> = new Set([
  "from",
  "to",
  "namespaces",
  "namespace",
  "cidr",
  "except",
  "nodes",
  "any",
  "port",
]);

/** Splits the peer into one for the pods and one for the addresses. */
function splitFix(source: Source): readonly Fix[] {
  const { keyword, args } = source.statement;
  if (source.statement.block || args.some(({ kind }) => kind === "list")) return [];
  const isPeer = keyword.text === "from" || keyword.text === "to";
  const isEgress = keyword.text === "egress" || keyword.text === "to";
  const parts = new Map<string, string[]>();
  let word = isPeer ? keyword.text : "";
  for (const { text } of args) {
    if (WORDS.has(text) && !(isPeer && text === keyword.text)) word = text;
    else parts.set(word, [...(parts.get(word) ?? []), text]);
  }
  const peer = isEgress ? "to" : "from";
  const said = (one: string): string => (parts.has(one) ? ` ${one} ${parts.get(one)?.join(" ")}` : "");
  const pods = `${peer} ${(parts.get(peer) ?? []).join(" ")}${said("namespaces")}${said("namespace")}`
    .replace(/ {2,}/g, " ")
    .trim();
  const block = `${peer}${said("cidr")}${said("except")}`;
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
  if (keyword.text !== "ingress" && keyword.text !== "egress") return [];
  const ports = isEgress ? said("port") : said("to");
  const lines = [pods, block, ...(ports ? [ports.trim()] : [])].join("; ");
  return [replaceFix(title, whole, `${keyword.text} { ${lines} }`)];
}
