/** The files of one topology: a root and all files that it imports. */
import type { Finding } from "../checks/check.ts";
import type { Document } from "../declared/document.ts";
import type { Origin } from "../declared/origin.ts";
import { t } from "../text/l10n.ts";
import type { Entry, Provided } from "./files.ts";
import type { Import } from "./imports.ts";
import { fullWith, tooLarge } from "./limits.ts";

/** What the walk reads from the service. */
export interface Reader {
  entryOf(file: string): Entry | undefined;
  provided(file: string): Provided;
  importsOf(document: Document): readonly Import[];
}

export interface Closure {
  /** The root first. Each file appears once, so import cycles terminate. */
  readonly files: readonly Document[];
  /** Imports that failed. */
  readonly problems: readonly Finding[];
  /** The imported files that cannot be read. */
  readonly absent: readonly string[];
}

/** Breadth first, up to the limits of a topology. */
export function closureOf(root: string, { entryOf, provided, importsOf }: Reader): Closure {
  const files: Document[] = [];
  const problems: Finding[] = [];
  const absent: string[] = [];
  const queue = [root];
  const seen = new Set(queue);
  let length = entryOf(root)?.document.text.length ?? 0;
  let isFull = false;
  for (const file of queue) {
    const entry = entryOf(file);
    if (!entry) continue;
    files.push(entry.document);
    for (const { source, path, target } of importsOf(entry.document)) {
      if (target !== undefined && seen.has(target)) continue;
      const imported = target === undefined ? undefined : entryOf(target);
      if (target === undefined || !imported) {
        if (target !== undefined) absent.push(target);
        problems.push(failedImport(source, unreadable(path, target === undefined ? undefined : provided(target))));
        continue;
      }
      if (imported.oversized) {
        problems.push(failedImport(source, t`\`${path}\` is not analyzed: ${tooLarge()}`));
        continue;
      }
      const own = imported.document.text.length;
      const full = fullWith(queue.length + 1, length + own);
      if (full === undefined) {
        seen.add(target);
        queue.push(target);
        length += own;
      } else if (!isFull) {
        // One finding for the topology: the next imports also exceed the limit.
        isFull = true;
        problems.push(failedImport(source, t`\`${path}\` and later imports are not analyzed: ${full}`));
      }
    }
  }
  return { files, problems, absent };
}

function failedImport(source: Origin, message: string): Finding {
  return { code: "KN015", severity: "error", message, source, related: [], fixes: [] };
}

function unreadable(path: string, found: Provided): string {
  return typeof found === "object"
    ? t`\`${path}\` cannot be read (${found.problem})`
    : t`\`${path}\` cannot be read (paths are relative to this file)`;
}
