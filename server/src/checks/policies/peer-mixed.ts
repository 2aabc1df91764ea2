import type { Source } from "../../language/tree.ts";
import type { Check, Fix } from "../check.ts";
import { replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";
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

/** Two peers out of one: the pods, and the addresses. */
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
  const title = "Make two peers of it";
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
