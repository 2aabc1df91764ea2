/** Medians instead of means: other processes on the machine cause outliers. */
import type { Result } from "./schema.ts";

export function quantile(samples: readonly number[], part: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(part * sorted.length) - 1))] ?? 0;
}

/** For an even number of samples, the mean of the two middle samples. */
export function median(samples: readonly number[]): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? 0;
  return sorted.length % 2 === 1 ? upper : ((sorted[sorted.length / 2 - 1] ?? 0) + upper) / 2;
}

export function result(name: string, unit: Result["unit"], samples: readonly number[]): Result {
  return { name, unit, median: rounded(median(samples)), p95: rounded(quantile(samples, 0.95)), runs: samples.length };
}

export function compared(one: Result, other: Result): Result {
  return other.median === 0 ? one : { ...one, ratio: rounded(one.median / other.median), against: other.name };
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

/** Duration of one call in milliseconds. */
export function timed(work: () => void): number {
  const start = performance.now();
  work();
  return performance.now() - start;
}
