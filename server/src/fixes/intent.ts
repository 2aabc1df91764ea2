/** Fixes that write the network policies for an expectation. */
import { formatPrefix } from "../addressing/ip.ts";
import { sourceAt } from "../declared/navigate.ts";
import type { Origin } from "../declared/origin.ts";
import { portText } from "../kubernetes/policy/text.ts";
import type { World } from "../questions/expectations.ts";
import { type AddedPolicy, type KnownNeeds, policiesFor } from "../questions/intent/single.ts";
import { list, plural } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import type { Cluster, Expectation } from "../topology/model.ts";
import { type Direction, NAMESPACE_NAME, type Peer, type Policy, type PolicyRule } from "../topology/policy.ts";
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
function policyStatement({ name, pods, ingress, egress }: Policy): string {
  const types = [...(ingress ? ["ingress"] : []), ...(egress ? ["egress"] : [])];
  const isDefault = egress === undefined;
  const lines = [
    `select ${selectorText(pods)}`,
    ...(isDefault ? [] : [`types ${types.join(" ")}`]),
    ...[...(ingress ?? []), ...(egress ?? [])].flatMap(ruleLines),
  ];
  return [`policy ${name} {`, ...lines.map((line) => `  ${line}`), "}"].join("\n");
}

const WORDS: Readonly<Record<Direction, readonly [peer: string, port: string]>> = {
  ingress: ["from", "to"],
  egress: ["to", "port"],
};

function ruleLines({ direction, peers = [], ports }: PolicyRule): readonly string[] {
  const [to, on] = WORDS[direction];
  const open = ports === undefined ? [] : [`${on} ${ports.map(portText).join(" ")}`];
  const [only, more] = peers;
  if (only && !more) return [[direction, to, peerText(only), ...open].join(" ")];
  return [
    `${direction} {`,
    ...[...peers.map((peer) => `${to} ${peerText(peer)}`), ...open].map((line) => `  ${line}`),
    "}",
  ];
}

function peerText(peer: Peer): string {
  switch (peer.kind) {
    case "pods":
      return `${selectorText(peer.pods)}${namespaceText(peer)}`;
    case "cidr": {
      const except = peer.except.length === 0 ? "" : ` except ${peer.except.map(formatPrefix).join(" ")}`;
      return `cidr ${formatPrefix(peer.cidr)}${except}`;
    }
    case "nodes":
      return `nodes ${selectorText(peer.nodes)}`;
  }
}

function namespaceText({ namespaces }: Peer & { readonly kind: "pods" }): string {
  const [first] = namespaces ?? [];
  if (namespaces === undefined || first === undefined) return "";
  return first.key === NAMESPACE_NAME
    ? ` namespace ${first.values.join(" ")}`
    : ` namespaces ${selectorText(namespaces)}`;
}
