/** Follows imports through the files that are known, and continues when the shell provides the files that are not. */

export interface Graph {
  isKnown(file: string): boolean;
  /** The files that a known file imports. */
  targetsOf(file: string): readonly string[];
}

export interface Following {
  /** Also follows the imports of this file. */
  start(file: string): void;
  /** The file is known now. */
  arrived(file: string): void;
  /** The files that were reached and are not known. */
  missing(): readonly string[];
}

/** `most`: the maximum number of files to follow. Each file is visited once. */
export function following({ isKnown, targetsOf }: Graph, most: number): Following {
  const seen = new Set<string>();
  const waiting = new Set<string>();
  const visit = (files: readonly string[]): void => {
    const queue = [...files];
    for (const file of queue) {
      if (seen.has(file) || seen.size >= most) continue;
      seen.add(file);
      if (!isKnown(file)) waiting.add(file);
      else for (const target of targetsOf(file)) queue.push(target);
    }
  };
  return {
    start: (file) => visit([file]),
    arrived(file) {
      if (waiting.delete(file)) visit(targetsOf(file));
    },
    missing: () => [...waiting],
  };
}
