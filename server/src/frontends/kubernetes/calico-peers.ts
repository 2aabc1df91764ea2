/** The pods and network sets that selectors of a Calico policy match. */
import type { Prefix } from "../../addressing/ip.ts";
import { holds } from "../../declared/requirement.ts";
import type { Requirement } from "../../declared/values.ts";
import { type Json, listAt, type Path } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import { accountNames, accountSelector } from "./accounts.ts";
import { type Alternatives, both, calicoSelector, complement } from "./calico-selector.ts";
import { networksIn, resources } from "./evidence.ts";
import type { Reading } from "./inference.ts";
import { type KubeObject, labelsOf } from "./object.ts";

export interface Scope {
  readonly reading: Reading;
  /** The policy. */
  readonly object: KubeObject;
  readonly path: Path;
}

/** A conjunction. */
export interface PeerAlternative {
  readonly pods: readonly Requirement[];
  /** Undefined: the policy's own namespace, or all of a global policy. */
  readonly namespaces: readonly Requirement[] | undefined;
}

export interface Matched {
  readonly pods: readonly PeerAlternative[];
  /** Of NetworkSets and GlobalNetworkSets. */
  readonly nets: readonly Prefix[];
}

interface Selectors {
  readonly selector: string | undefined;
  readonly notSelector: string | undefined;
  readonly namespaceSelector: string | undefined;
  /** A selector of service accounts, and a list with their names. */
  readonly accountSelector: string | undefined;
  readonly accounts: Json | undefined;
}

/** The label that every namespace has. */
export const NAMESPACE_LABEL = "kubernetes.io/metadata.name";

/** Labels that Calico adds to pods and namespaces, as labels of Kubernetes (libcalico-go, backend/k8s/conversion). */
const NAMESPACE = "projectcalico.org/namespace";
const NAMESPACE_NAME = "projectcalico.org/name";
const ORCHESTRATOR = "projectcalico.org/orchestrator";

/** A reason if the selectors cannot be expressed. */
export function peerAlternatives(
  scope: Scope,
  { selector, notSelector, namespaceSelector, accountSelector: accountText, accounts }: Selectors,
): Matched | string {
  const stated = (text: string | undefined): string => text?.trim() ?? "";
  const own = calicoSelector(stated(selector));
  const excluded = calicoSelector(stated(notSelector));
  const namespaces = calicoSelector(stated(namespaceSelector));
  const ofAccounts = accountSelector(accountText);
  for (const one of [own, excluded, namespaces, ofAccounts])
    if (!one.ok) return t`\`${one.part}\` of a selector cannot be expressed`;
  if (!own.ok || !excluded.ok || !namespaces.ok || !ofAccounts.ok) return "";
  const hasExcluded = stated(notSelector) !== "";
  // It also matches addresses that are neither pods nor network sets.
  if (hasExcluded && stated(selector) === "") return t`\`notSelector\` without \`selector\` cannot be expressed`;
  const opposite = hasExcluded ? complement(excluded.alternatives) : [[]];
  const objects = opposite && both(own.alternatives, opposite);
  const named = both(ofAccounts.alternatives, accountNames(accounts));
  const pairs = objects && named && both(objects, named);
  if (!pairs) return t`the selector has too many alternatives`;
  const hasNamespaces = stated(namespaceSelector) !== "";
  const nets = netsOf(scope, pairs, hasNamespaces ? namespaces.alternatives : undefined, namespaces.isGlobal);
  // Only resources without a namespace.
  if (namespaces.isGlobal) return { pods: [], nets };
  const pods = pairs.flatMap((requirements) =>
    namespaces.alternatives.map((where) => alternative(requirements, hasNamespaces ? where : undefined)),
  );
  return { pods, nets };
}

function alternative(requirements: readonly Requirement[], where: readonly Requirement[] | undefined): PeerAlternative {
  const pods = requirements.filter(({ key }) => key !== NAMESPACE && key !== ORCHESTRATOR);
  const named = requirements.flatMap((one) => (one.key === NAMESPACE ? [{ ...one, key: NAMESPACE_LABEL }] : []));
  const labels = (where ?? []).map((one) => (one.key === NAMESPACE_NAME ? { ...one, key: NAMESPACE_LABEL } : one));
  return { pods, namespaces: where || named.length > 0 ? [...named, ...labels] : undefined };
}

/** The networks of sets whose labels match. */
function netsOf(
  { reading, object }: Scope,
  alternatives: Alternatives,
  namespaces: Alternatives | undefined,
  isGlobal: boolean,
): readonly Prefix[] {
  const { dump } = reading;
  const isGlobalPolicy = object.namespace === undefined;
  const group = "projectcalico.org";
  const global = isGlobal || (isGlobalPolicy && !namespaces) ? resources(dump, "GlobalNetworkSet", group) : [];
  const labels = new Map(dump.ofKind("Namespace").map((one) => [one.name, labelsOf(one)]));
  const own = isGlobal
    ? []
    : resources(dump, "NetworkSet", group).filter(({ namespace = "default" }) => {
        if (!namespaces) return isGlobalPolicy || namespace === object.namespace;
        return matches(
          namespaces,
          new Map([...(labels.get(namespace) ?? []), [NAMESPACE_LABEL, namespace], [NAMESPACE_NAME, namespace]]),
        );
      });
  return [...global, ...own].flatMap((set) =>
    matches(alternatives, labelsOf(set))
      ? listAt(set.value, "spec", "nets").flatMap((one) => (typeof one === "string" ? networksIn(one) : []))
      : [],
  );
}

function matches(alternatives: Alternatives, labels: ReadonlyMap<string, string>): boolean {
  return alternatives.some((one) => one.every((requirement) => holds(requirement, labels)));
}
