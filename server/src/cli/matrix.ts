/** `knet matrix`: which endpoints can reach which others, and on which ports. */
import { type MatrixAnswer, type MatrixQuestion, policyMatrix, toConnection } from "../kubernetes/matrix/matrix.ts";
import { csvOf, textOf } from "../kubernetes/matrix/text.ts";
import { reachMatrix } from "../service/matrix.ts";
import type { TopologyOptions } from "./defaults.ts";
import { UsageError } from "./errors.ts";
import { analysisOf } from "./input.ts";
import { say, writeOut } from "./output.ts";

/** Characters per write: one write per row is slow, one string for a large matrix exceeds the maximum string length. */
const CHUNK = 1 << 16;

export interface MatrixOptions extends TopologyOptions {
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly by: "workload" | "pod";
  readonly policyOnly: boolean;
  readonly format: "text" | "json" | "csv";
}

export function matrix(file: string, options: MatrixOptions): number {
  const analysis = analysisOf(file, options);
  const question: MatrixQuestion = { from: options.from, to: options.to, byPod: options.by === "pod" };
  const answer = options.policyOnly
    ? policyMatrix(analysis.topology, question)
    : reachMatrix(analysis.topology, analysis.network, question);
  if (!answer.ok) throw new UsageError(answer.error);
  const write = options.format === "json" ? writeOut : say;
  let chunk = "";
  for (const text of print(answer, options.format)) {
    chunk += text;
    if (chunk.length < CHUNK) continue;
    write(chunk);
    chunk = "";
  }
  write(chunk);
  return 0;
}

function print(answer: MatrixAnswer & { readonly ok: true }, format: MatrixOptions["format"]): Iterable<string> {
  switch (format) {
    case "text":
      return textOf(answer.pairs, answer.ends);
    case "csv":
      return csvOf(answer.pairs);
    case "json":
      return json(answer);
  }
}

/** One pair at a time, because a large matrix exceeds the maximum string length. */
function* json({ pairs }: MatrixAnswer & { readonly ok: true }): Iterable<string> {
  yield '{\n  "schema": "knet-matrix/1",\n  "connections": [';
  let separator = "\n";
  for (const pair of pairs) {
    yield `${separator}    ${JSON.stringify(toConnection(pair))}`;
    separator = ",\n";
  }
  yield separator === "\n" ? "]\n}\n" : "\n  ]\n}\n";
}
