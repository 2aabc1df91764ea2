/**
 * Service accounts in Calico's policies. Felix matches them by labels that Calico adds to each pod: the name of the account, and
 * the labels of the account with a prefix (libcalico-go, backend/k8s/conversion/constants.go; backend/syncersv1/updateprocessors).
 */

import { isRecord, type Json, listAt, type Path, textAt } from "../../text/json.ts";
import { type Alternatives, type CalicoSelector, calicoSelector } from "./calico-selector.ts";
import { groupOf, type KubeObject, labelsOf } from "./object.ts";

const ACCOUNT = "projectcalico.org/serviceaccount";
const PREFIX = "pcsa.";
const GROUP = "projectcalico.org";

/** The labels of a pod by its namespace and account. */
export type AccountLabels = (namespace: string | undefined, account: string) => ReadonlyMap<string, string>;

const NONE: ReadonlyMap<string, string> = new Map();

/** Without a policy that selects by service account, pods have no further labels. */
export function accountLabels(all: readonly KubeObject[]): AccountLabels {
  if (!all.some(usesAccounts)) return () => NONE;
  const accounts = new Map(
    all
      .filter(({ kind, apiVersion }) => kind === "ServiceAccount" && apiVersion === "v1")
      .map((one) => [`${one.namespace ?? "default"}/${one.name}`, labelsOf(one)]),
  );
  return (namespace, account) => {
    const own = accounts.get(`${namespace ?? "default"}/${account}`) ?? NONE;
    return new Map([[ACCOUNT, account], ...[...own].map(([key, value]) => [`${PREFIX}${key}`, value] as const)]);
  };
}

function usesAccounts(object: KubeObject): boolean {
  if (groupOf(object) !== GROUP || !["NetworkPolicy", "GlobalNetworkPolicy"].includes(object.kind)) return false;
  return mentions(isRecord(object.value) ? (object.value["spec"] ?? null) : null);
}

/** A field for service accounts, or a selector with one of Calico's labels. */
function mentions(value: Json): boolean {
  if (typeof value === "string") return value.includes(ACCOUNT) || value.includes(PREFIX);
  if (Array.isArray(value)) return value.some(mentions);
  if (!isRecord(value)) return false;
  return Object.entries(value).some(
    ([key, one]) =>
      key === "serviceAccountSelector" || key === "serviceAccounts" || (one !== undefined && mentions(one)),
  );
}

/** The account of a pod spec (kube-apiserver, admission plugin ServiceAccount). */
export function accountOf(object: KubeObject, spec: Path): string {
  return textAt(object.value, ...spec, "serviceAccountName") ?? "default";
}

/** `serviceAccountSelector`, or the selector of `serviceAccounts`, as a selector of pods. */
export function accountSelector(text: string | undefined): CalicoSelector {
  const read = calicoSelector(text?.trim() ?? "");
  if (!read.ok) return read;
  const alternatives = read.alternatives.map((one) => one.map((part) => ({ ...part, key: `${PREFIX}${part.key}` })));
  return { ...read, alternatives };
}

/** `serviceAccounts.names`. */
export function accountNames(accounts: Json | undefined): Alternatives {
  const values = listAt(accounts ?? null, "names").flatMap((one) => (typeof one === "string" ? one : []));
  return values.length === 0 ? [[]] : [[{ key: ACCOUNT, operator: "In", values }]];
}
