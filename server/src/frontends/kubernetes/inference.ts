/** What the inference of a cluster's network collects: the objects, and problems in them. */
import type { FileProblem } from "../../declared/file-problem.ts";
import { problemInText } from "../../declared/file-problem.ts";
import { t } from "../../text/l10n.ts";
import type { Dump, Evidence } from "./evidence.ts";
import { type KubeObject, originAt } from "./object.ts";
import { assumed, spanOf } from "./problems.ts";

export interface Reading {
  readonly dump: Dump;
  /** Added to by the parts of the inference. */
  readonly problems: FileProblem[];
}

/** Something that the declarations cannot express, or a default. */
export function note(
  { problems }: Reading,
  { object, path }: Pick<Evidence<unknown>, "object" | "path">,
  text: string,
): void {
  problems.push(assumed(object, text, path));
}

/** KN804: the value differs from the one in use. */
export function disagree({ problems }: Reading, what: string, value: Evidence<string>, used: Evidence<string>): void {
  const place = placeText(used.object);
  const problem = problemInText("KN804", value.object.file, spanOf(value.object, value.path), {
    what,
    value: value.value,
    used: used.value,
    place,
  });
  const related = { source: originAt(used.object, used.path), message: t`${used.value} is used` };
  problems.push({ ...problem, related: [related] });
}

/** The first claim, which is used; those that differ from it are problems. Claims are in the order of trust. */
export function agreed(
  reading: Reading,
  what: string,
  claims: readonly (Evidence<string> | undefined)[],
): Evidence<string> | undefined {
  const [used, ...others] = claims.flatMap((one) => one ?? []);
  if (!used) return undefined;
  for (const one of others)
    if (one.value.toLowerCase() !== used.value.toLowerCase()) disagree(reading, what, one, used);
  return used;
}

/** "ConfigMap kube-system/kubeadm-config" */
function placeText({ kind, namespace, name }: KubeObject): string {
  return namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}
