/** The result of a kernel run as a table: mode × kernel × traces × disagreements × skipped packets by reason. */

export interface Row {
  readonly mode: string;
  readonly kernel: string;
  traces: number;
  disagreements: number;
  readonly skipped: Map<string, number>;
}
export type Rows = Map<string, Row>;

export function addTo(
  rows: Rows,
  { mode, kernel }: Pick<Row, "mode" | "kernel">,
  result: { readonly traces: number; readonly disagreements: number; readonly skipped: readonly string[] },
): void {
  const key = `${mode} ${kernel}`;
  const row: Row = rows.get(key) ?? { mode, kernel, traces: 0, disagreements: 0, skipped: new Map() };
  rows.set(key, row);
  row.traces += result.traces;
  row.disagreements += result.disagreements;
  for (const why of result.skipped) row.skipped.set(why, (row.skipped.get(why) ?? 0) + 1);
}

/** "flannel vxlan", "calico ipip always": the modes of a topology as its file names them. */
export function modeOfText(text: string): string {
  const plain = text.replace(/#.*$/gm, "");
  const found = [...plain.matchAll(/\bcni ([\w-]+)( \{[^}]*)?/g)].map(([, plugin = "", block = ""]) => {
    const detail = /\b(?:backend (?!bird)[\w-]+|(?:ipip|vxlan) (?:always|cross-subnet)|mode [\w-]+)/.exec(block)?.[0];
    return `${plugin}${detail === undefined ? "" : ` ${detail.replace("backend ", "")}`}`;
  });
  return [...new Set(found)].join(", ") || "no cluster";
}

export function tableOf(rows: Rows): string {
  const list = [...rows.values()].sort((a, b) => (a.mode + a.kernel < b.mode + b.kernel ? -1 : 1));
  const lines = [
    ["mode", "kernel", "traces", "disagreements", "skipped"],
    ...list
      .filter(({ traces, disagreements, skipped }) => traces + disagreements + skipped.size > 0)
      .map(({ mode, kernel, traces, disagreements, skipped }) => [
        mode,
        kernel,
        String(traces),
        String(disagreements),
        [...skipped].map(([why, count]) => `${count} (${why})`).join("; "),
      ]),
  ];
  const widths = [0, 1, 2, 3].map((i) => Math.max(...lines.map((line) => line[i]?.length ?? 0)));
  return lines
    .map((line) =>
      line
        .map((cell, i) => cell.padEnd(widths[i] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
