/** Making findings. */
import type { Source } from "../language/tree.ts";
import type { Check, Finding, Fix, Related, Severity } from "./check.ts";
import { headOf } from "./source.ts";

export interface FindingExtras {
  readonly severity?: Severity;
  readonly related?: readonly Related[];
  readonly fixes?: readonly Fix[];
}

/** A finding of this check. `source` may be a whole block; its head is what gets underlined. */
export function finding(check: Check, source: Source, message: string, extras: FindingExtras = {}): Finding {
  return {
    code: check.code,
    severity: extras.severity ?? check.severity,
    message,
    source: headOf(source),
    related: (extras.related ?? []).map((one) => ({ source: headOf(one.source), message: one.message })),
    fixes: extras.fixes ?? [],
  };
}

/** Writes another text over the place. */
export function replaceFix(title: string, source: Source, text: string): Fix {
  return { title, edits: [{ kind: "replace", source, text }] };
}

/** Takes the place's statement (or argument) away. */
export function removeFix(title: string, source: Source): Fix {
  return { title, edits: [{ kind: "remove", source }] };
}
