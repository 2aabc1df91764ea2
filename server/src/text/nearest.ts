/** "Did you mean": finds similar names by edit distance. */

/** Longer names are not compared: hand-typed names are shorter. */
const longest = 64;

/**
 * The nearest candidate by edit distance (insert, delete, replace, or swap adjacent letters) within the limit of one edit
 * per three letters; the first of equally near candidates.
 */
export function nearest(text: string, candidates: Iterable<string>): string | undefined {
  return nearestFew(text, candidates, 1)[0];
}

/** Whether the candidate is the text with a few typing errors: within the edit distance of `nearest`. */
export function isSimilar(text: string, candidate: string): boolean {
  const [a, b] = [text.toLowerCase(), candidate.toLowerCase()];
  const limit = Math.max(1, Math.floor(a.length / 3));
  if (a.length > longest || b.length > longest || Math.abs(a.length - b.length) > limit) return false;
  return editDistance(a, b, limit) <= limit;
}

/** The nearest candidates, nearest first; candidates that start with the text are also near. */
export function nearestFew(text: string, candidates: Iterable<string>, count: number): string[] {
  if (text.length > longest || text === "") return [];
  const wanted = text.toLowerCase();
  const limit = Math.max(1, Math.floor(wanted.length / 3));
  const found: { candidate: string; distance: number }[] = [];
  for (const candidate of candidates) {
    const distance = nearness(wanted, candidate.toLowerCase(), limit);
    if (distance === undefined) continue;
    const last = found[count - 1];
    if (last !== undefined && distance >= last.distance) continue;
    let at = found.length;
    while (at > 0 && found[at - 1]!.distance > distance) at--;
    found.splice(at, 0, { candidate, distance });
    if (found.length > count) found.pop();
  }
  return found.map(({ candidate }) => candidate);
}

/** All nearest candidates, in the given order, up to `most`. */
export function nearestEqual(text: string, candidates: Iterable<string>, most: number): string[] {
  const few = nearestFew(text, candidates, most);
  const [first] = few;
  if (first === undefined) return [];
  const limit = Math.max(1, Math.floor(text.length / 3));
  const distance = (one: string): number | undefined => nearness(text.toLowerCase(), one.toLowerCase(), limit);
  return few.filter((one) => distance(one) === distance(first));
}

function nearness(wanted: string, candidate: string, limit: number): number | undefined {
  if (candidate.length > longest) return undefined;
  if (Math.abs(candidate.length - wanted.length) <= limit) {
    const distance = editDistance(wanted, candidate, limit);
    if (distance <= limit) return distance;
  }
  return wanted.length >= 3 && candidate.startsWith(wanted) ? limit + 0.5 : undefined;
}

/** Optimal string alignment distance; any number above `limit` if the distance exceeds it. */
function editDistance(a: string, b: string, limit: number): number {
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    let least = row;
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(previous[column]! + 1, current[column - 1]! + 1, previous[column - 1]! + (same ? 0 : 1));
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        cost = Math.min(cost, beforePrevious[column - 2]! + 1);
      }
      current.push(cost);
      if (cost < least) least = cost;
    }
    if (least > limit) return least;
    beforePrevious = previous;
    previous = current;
  }
  return previous[b.length]!;
}
