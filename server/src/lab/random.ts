/** Reproducible pseudorandom numbers: the same seed produces the same choices on every machine. */
export interface Random {
  /** 0 ≤ n < below. */
  int(below: number): number;
  /** True with probability 1 / `of`. */
  once(of: number): boolean;
  pick<T>(list: readonly T[]): T | undefined;
  /** Selects by weight; undefined if all weights are 0. */
  weighted<T>(list: readonly (readonly [number, T])[]): T | undefined;
}

/** mulberry32 (public domain, Tommy Ettinger). */
export function seeded(seed: number): Random {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const int = (below: number): number => Math.floor(next() * below);
  return {
    int,
    once: (of) => int(of) === 0,
    pick: (list) => list[int(list.length)],
    weighted: (list) => {
      let left = next() * list.reduce((sum, [weight]) => sum + weight, 0);
      for (const [weight, value] of list) {
        left -= weight;
        if (left < 0) return value;
      }
      return undefined;
    },
  };
}
