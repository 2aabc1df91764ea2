// What the suites of the real programs have in common.

/** The comparison of one program's release with knet. */
export interface Outcome {
  readonly program: string;
  readonly version: string;
  /** Number of configurations that were compared. */
  readonly compared: number;
  readonly differences: readonly Difference[];
  /** Names of the exceptions that applied, with the number of lines. */
  readonly exceptions: ReadonlyMap<string, number>;
  /** The program was not run, or not in all modes. */
  readonly skipped?: string;
}

/** What only one of the two has, as lines. */
export interface Difference {
  readonly configuration: string;
  readonly where: string;
  readonly program: readonly string[];
  readonly knet: readonly string[];
}

/** A difference that is not an error of knet's, and why. */
export interface Exception {
  readonly name: string;
  readonly why: string;
  /** Whether a line of the program's, or of knet's, is covered; `all` are the lines of the place. */
  covers?(line: string, where: string, all: readonly string[]): boolean;
  /** The line as it is compared, if the exception is another spelling. */
  rewrite?(line: string): string;
}

/** State as text: the lines of every place, such as a chain; `unordered`: their order has no meaning. */
export type State = ReadonlyMap<string, { readonly lines: readonly string[]; readonly unordered: boolean }>;

/** The differences between two states, without those that an exception covers; `used` counts the exceptions. */
export function differences(
  configuration: string,
  program: State,
  knet: State,
  exceptions: readonly Exception[],
  used: Map<string, number>,
): readonly Difference[] {
  const found: Difference[] = [];
  const kept = (state: State, where: string): readonly string[] => {
    const { lines, unordered } = state.get(where) ?? { lines: [], unordered: false };
    const count = ({ name }: Exception): unknown => used.set(name, (used.get(name) ?? 0) + 1);
    const left = lines.flatMap((line) => {
      const exception = exceptions.find((one) => one.covers?.(line, where, lines));
      if (exception) {
        count(exception);
        return [];
      }
      const respelled = exceptions.find((one) => one.rewrite && one.rewrite(line) !== line);
      if (respelled) count(respelled);
      return [respelled?.rewrite?.(line) ?? line];
    });
    return unordered ? left.toSorted() : left;
  };
  for (const where of new Set([...program.keys(), ...knet.keys()])) {
    const theirs = kept(program, where);
    const ours = kept(knet, where);
    if (theirs.join("\n") === ours.join("\n")) continue;
    const only = (a: readonly string[], b: readonly string[]): readonly string[] => {
      const left = [...b];
      return a.filter((line) => {
        const at = left.indexOf(line);
        if (at >= 0) left.splice(at, 1);
        return at < 0;
      });
    };
    const [plus, minus] = [only(theirs, ours), only(ours, theirs)];
    // The same lines in another order.
    found.push({
      configuration,
      where,
      ...(plus.length + minus.length > 0 ? { program: plus, knet: minus } : { program: theirs, knet: ours }),
    });
  }
  return found;
}
