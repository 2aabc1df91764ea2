/** Fixes that write the network policies for an expectation. */
import { sourceAt } from "../declared/navigate.ts";
import type { Origin } from "../declared/origin.ts";
import { peerText, portText, ruleText } from "../kubernetes/policy/text.ts";
import type { World } from "../questions/expectations.ts";
import { type AddedPolicy, type KnownNeeds, policiesFor } from "../questions/intent/single.ts";
import { list, plural } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import type { Cluster, Expectation } from "../topology/model.ts";
import type { Direction, Policy, PolicyRule } from "../topology/policy.ts";
import { selectorText } from "../topology/selector.ts";
import { appendEdit, type Fix } from "./fix.ts";

/** `world`: the network without policies. */
export function intentFixes(world: World, expectation: Expectation, known: KnownNeeds): readonly Fix[] {
  const added = policiesFor(world, expectation, known);
  const edits = added.flatMap(({ cluster, policy }) => {
    const block = blockOf(cluster, policy);
    return block ? [appendEdit(block, policyStatement(policy))] : [];
  });
  if (added.length === 0 || edits.length < added.length) return [];
  return [{ title: titleOf(added), edits }];
}

function titleOf(added: readonly AddedPolicy[]): string {
  const names = list(
    added.map(({ policy }) => `\`${policy.name}\``),
    3,
  );
  return t`Add ${plural(added.length, "policy", "policies")} for this expectation: ${names}`;
}

/** The block of the policy's namespace; pods of the namespace `default` can be in the block of the cluster. */
function blockOf({ namespaces, source }: Cluster, { namespace }: Policy): Origin | undefined {
  const own = namespaces.find(({ name }) => name === namespace);
  if (own) return sourceAt(own.source, "whole");
  return namespace === "default" ? sourceAt(source, "whole") : undefined;
}

/** The policy in the notation of `.knet` files, one line per statement. */
function policyStatement(policy: Policy): string {
  const { name, pods, ingress, egress } = policy;
  const types = [...(ingress ? ["ingress"] : []), ...(egress ? ["egress"] : [])];
  const isDefault = egress === undefined;
  const lines = [
    `select ${selectorText(pods)}`,
    ...(isDefault ? [] : [`types ${types.join(" ")}`]),
    ...[...(ingress ?? []), ...(egress ?? [])].flatMap((rule) => ruleLines(rule, policy)),
  ];
  return [`policy ${name} {`, ...lines.map((line) => `  ${line}`), "}"].join("\n");
}

const WORDS: Readonly<Record<Direction, readonly [peer: string, port: string]>> = {
  ingress: ["from", "to"],
  egress: ["to", "port"],
};

function ruleLines(rule: PolicyRule, policy: Policy): readonly string[] {
  const { direction, peers = [], ports } = rule;
  if (peers.length === 1) return [ruleText(rule, policy)];
  const [to, on] = WORDS[direction];
  const open = ports === undefined ? [] : [`${on} ${ports.map(portText).join(" ")}`];
  return [
    `${direction} {`,
    ...[...peers.map((peer) => `${to} ${peerText(peer)}`), ...open].map((line) => `  ${line}`),
    "}",
  ];
}
