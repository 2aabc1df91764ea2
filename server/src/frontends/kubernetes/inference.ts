/** What the inference of a cluster's network collects: the objects, and problems in them. */
import type { FileProblem } from "../../declared/file-problem.ts";
import { t } from "../../text/l10n.ts";
import type { Dump, Evidence } from "./evidence.ts";
import { originAt } from "./object.ts";
import { assumed, located, placeText } from "./problems.ts";

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
  const data = { cause: "value", what, value: value.value, used: used.value, place: placeText(used.object) } as const;
  const related = { source: originAt(used.object, used.path), message: t`${used.value} is used` };
  problems.push(located("KN804", value.object, value.path, data, [related]));
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
