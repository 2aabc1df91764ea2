/** Results as a text table, with their targets. */
import { names } from "./names.ts";
import type { Result } from "./schema.ts";

export interface Target {
  readonly name: string;
  readonly of: "median" | "p95" | "ratio";
  readonly below: number;
}

export const targets: readonly Target[] = [
  { name: names.start("version"), of: "ratio", below: 1.4 },
  { name: names.start("check"), of: "ratio", below: 2.1 },
  { name: names.files(2000), of: "median", below: 3000 },
  { name: names.formatted(16_000), of: "ratio", below: 1.2 },
  { name: names.largest("hover"), of: "median", below: 2000 },
  { name: names.largest("keystroke"), of: "p95", below: 100 },
  { name: names.largest("above"), of: "p95", below: 100 },
  { name: names.largest("memory"), of: "median", below: 1000 },
  { name: names.proofs, of: "median", below: 200 },
  { name: names.cold("pools"), of: "median", below: 1000 },
  { name: names.check("pools"), of: "median", below: 1000 },
  { name: names.memory("pools"), of: "median", below: 90 },
  { name: names.memory("written"), of: "median", below: 150 },
  { name: names.memory("services"), of: "median", below: 200 },
  { name: names.check("written"), of: "ratio", below: 12 },
  { name: names.keystroke("written"), of: "p95", below: 16 },
  { name: names.keystroke("small"), of: "p95", below: 16 },
  { name: names.trace, of: "median", below: 5 },
  { name: names.hover, of: "p95", below: 10 },
  { name: names.completion, of: "p95", below: 10 },
  { name: names.cold("services"), of: "median", below: 800 },
  { name: names.check("services"), of: "median", below: 2000 },
  { name: names.keystroke("services"), of: "p95", below: 16 },
  { name: names.firstServiceTrace, of: "median", below: 100 },
  { name: names.serviceTrace, of: "p95", below: 50 },
  { name: names.cold("policies"), of: "median", below: 2000 },
  { name: names.check("policies"), of: "median", below: 2000 },
  { name: names.keystroke("policies"), of: "p95", below: 16 },
  { name: names.matrix, of: "median", below: 600 },
  { name: names.diff("node"), of: "median", below: 3000 },
  { name: names.diff("firewall"), of: "median", below: 3000 },
  { name: names.heap("small", 10_000), of: "ratio", below: 1.1 },
  { name: names.heap("written", 10_000), of: "ratio", below: 1.1 },
];

const HEAD = ["", "median", "p95", "runs", "ratio", "target", ""];

export function table(results: readonly Result[]): string {
  const rows = results.map((one) => {
    const target = targets.find(({ name }) => name === one.name);
    return [
      one.name,
      `${figure(one.median)} ${one.unit}`,
      one.runs === 1 ? "" : `${figure(one.p95)} ${one.unit}`,
      String(one.runs),
      one.ratio === undefined ? "" : `${one.ratio.toFixed(1)} × ${one.against}`,
      target ? targetText(target, one) : "",
      target ? (meets(one, target) ? "pass" : "miss") : "",
    ];
  });
  return aligned([HEAD, ...rows]);
}

/** Whether the result is below its target; false if it has no such value. */
export function meets(one: Result, { of, below }: Target): boolean {
  const value = one[of];
  return value !== undefined && value < below;
}

function targetText({ of, below }: Target, { unit }: Result): string {
  return of === "ratio" ? `ratio < ${below}` : `${of} < ${below} ${unit}`;
}

function figure(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}

function aligned(rows: readonly (readonly string[])[]): string {
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column >= 1 && column <= 3 ? cell.padStart(width) : cell.padEnd(width);
      })
      .join("  ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}
