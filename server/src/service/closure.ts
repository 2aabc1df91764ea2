/** The files of one topology: a root and all files that it imports. */
import type { Document } from "../declared/document.ts";
import type { FileProblem, FileProblemData } from "../declared/file-problem.ts";
import type { Origin } from "../declared/origin.ts";
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
  readonly problems: readonly FileProblem<"KN015">[];
  /** The imported files that cannot be read. */
  readonly absent: readonly string[];
}

/** Breadth first, up to the limits of a topology. */
export function closureOf(root: string, { entryOf, provided, importsOf }: Reader): Closure {
  const files: Document[] = [];
  const problems: FileProblem<"KN015">[] = [];
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
        problems.push(unreadable(source, path, target === undefined ? undefined : provided(target)));
        continue;
      }
      if (imported.oversized) {
        problems.push(failedImport(source, { path, cause: "oversized", limit: tooLarge() }));
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
        problems.push(failedImport(source, { path, cause: "full", limit: full }));
      }
    }
  }
  return { files, problems, absent };
}

function failedImport(source: Origin, data: FileProblemData["KN015"]): FileProblem<"KN015"> {
  return { code: "KN015", source, data, related: [] };
}

function unreadable(source: Origin, path: string, found: Provided): FileProblem<"KN015"> {
  const reason = typeof found === "object" ? found.problem : undefined;
  return failedImport(source, { path, cause: "unreadable", reason });
}
