/** Objects by name: the first one of each name is used. */
import { memo } from "../memo/memo.ts";

export interface FirstNames {
  /** Indexes of the objects with a new name. */
  readonly places: readonly number[];
  readonly twice: readonly { readonly place: number; readonly first: number }[];
}

/** The list of names is the same object after an edit of anything else. */
export const firstNames = memo((names: readonly string[]): FirstNames => {
  const firsts = new Map<string, number>();
  const twice: { place: number; first: number }[] = [];
  for (const [place, name] of names.entries()) {
    const first = firsts.get(name);
    if (first === undefined) firsts.set(name, place);
    else twice.push({ place, first });
  }
  return { places: twice.length === 0 ? [...names.keys()] : [...firsts.values()], twice };
});
