/** Problems as data: a code, its location, and its values. Each layer lists the codes that it finds; the checks write the messages. */
import type { Origin } from "./origin.ts";

export interface Related {
  readonly source: Origin;
  readonly message: string;
}

/** A problem with one of the codes of `Data`, which maps codes to values. */
export type Problem<Data, Code extends keyof Data = keyof Data> = {
  readonly [C in Code]: {
    readonly code: C;
    readonly source: Origin;
    readonly data: Data[C];
    readonly related: readonly Related[];
  };
}[Code];

/** Creates the problems of one layer: a code is accepted only with its values. */
export function problemsOf<Data>() {
  return <Code extends keyof Data>(
    code: Code,
    source: Origin,
    data: Data[Code],
    related: readonly Related[] = [],
  ): Problem<Data, Code> => ({ code, source, data, related });
}
