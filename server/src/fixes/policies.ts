/** Fixes that allow a connection in the policies of its other side. */
import { sourceAt } from "../declared/navigate.ts";
import type { PodGroup } from "../kubernetes/policy/groups.ts";
import { portText } from "../kubernetes/policy/text.ts";
import { freePolicyName, type PolicyView, policyLabel } from "../questions/policy-view.ts";
import { t } from "../text/l10n.ts";
import type { Direction, Policy, PolicyRule } from "../topology/policy.ts";
import { type Labels, selectorText } from "../topology/selector.ts";
import { appendFix, type Fix } from "./fix.ts";

/** `app=web tier=front`, with the namespace if the rule is in a different namespace. */
export function podsText(pods: string, namespace: string, from: string): string {
  return namespace === from ? pods : `${pods} namespace ${namespace}`;
}

export function labelsText(labels: Labels): string {
  return labels.size === 0 ? "*" : [...labels].map(([key, value]) => `${key}=${value}`).join(" ");
}

/** A connection that `rule` of `policy` allows at `subject`, but no policy of `other`. */
interface HalfAllowed {
  readonly policy: Policy;
  readonly rule: PolicyRule;
  readonly subject: PodGroup;
  readonly other: PodGroup;
}

/**
 * Allows the connection at `other`: with a rule in the most specific of the policies that select it (`limits`), or with a new
 * policy if all of these select every pod.
 */
export function otherSideFixes(
  view: PolicyView,
  { policy, rule, subject, other }: HalfAllowed,
  limits: readonly Policy[],
): readonly Fix[] {
  const far: Direction = rule.direction === "ingress" ? "egress" : "ingress";
  const subjects = policy.pods.length > 0 ? selectorText(policy.pods) : labelsText(subject.labels);
  const text = ruleTowards(far, podsText(subjects, subject.namespace, other.namespace), rule);
  const own = limits.filter(({ kind, namespace }) => kind === "network" && namespace === other.namespace);
  const [first, ...rest] = own;
  if (!first) return [];
  const best = rest.reduce((a, b) => (b.pods.length > a.pods.length ? b : a), first);
  if (best.pods.length > 0) return [appendFix(t`Add \`${text}\` to ${policyLabel(best)}`, best.source, text)];
  const name = freeName(view, other, far);
  return [
    {
      title: t`Add policy \`${name}\` with \`${text}\``,
      edits: [
        {
          kind: "before",
          source: sourceAt(best.source, "whole"),
          text: `policy ${name} { select ${labelsText(other.labels)}; types ${far}; ${text} }`,
        },
      ],
    },
  ];
}

function ruleTowards(direction: Direction, pods: string, { ports }: PolicyRule): string {
  const [to, on] = direction === "ingress" ? ["from", "to"] : ["to", "port"];
  const open = ports === undefined ? "" : ` ${on} ${ports.map(portText).join(" ")}`;
  return `${direction} ${to} ${pods}${open}`;
}

function freeName({ cluster, example }: PolicyView, group: PodGroup, direction: Direction): string {
  return freePolicyName(cluster, group.namespace, `${example(group)?.name ?? "more"}-${direction}`);
}
