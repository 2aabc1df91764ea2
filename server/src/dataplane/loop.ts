/** Repetitions in the steps of a packet: a routing loop crosses the same devices again until the TTL expires. */

/** The steps from `first` to `first + period * times` are `times` equal sequences of `period` steps; `times` is at least 3. */
export interface Repetition {
  readonly first: number;
  readonly period: number;
  readonly times: number;
}

interface Place {
  readonly netns: string;
  readonly device: string;
  readonly direction: "in" | "out" | null;
  readonly action: string;
}

/**
 * The shortest repetition that continues to the end; the last step (the dropped packet) and an incomplete sequence are not
 * part of it. Quadratic in the number of steps at worst: only for packets that looped.
 */
export function repetitionIn(steps: readonly Place[]): Repetition | undefined {
  const keys = steps.map(({ netns, device, direction, action }) => `${netns}\n${device}\n${direction}\n${action}`);
  const end = keys.length - 1;
  for (let period = 1; 3 * period <= end; period += 1) {
    let first = end;
    while (first > period && keys[first - 1] === keys[first - 1 - period]) first -= 1;
    first -= period;
    const times = Math.floor((end - first) / period);
    // Several decisions on one device are not a loop.
    const crosses = steps.slice(first, first + period).some(({ direction }) => direction !== null);
    if (times >= 3 && crosses) return { first, period, times };
  }
  return undefined;
}

/** The steps without the repetitions of a sequence. */
export function withoutRepetition<T extends Place>(steps: readonly T[]): readonly T[] {
  const found = repetitionIn(steps);
  if (!found) return steps;
  const { first, period, times } = found;
  return [...steps.slice(0, first + period), ...steps.slice(first + period * times)];
}
