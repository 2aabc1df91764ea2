/** Text → topology → Kubernetes objects → topology. */
import { printNetns } from "../../../server/src/dataplane/print.ts";
import { printDecls } from "../../../server/src/declared/print.ts";
import { type ExportFormat, exportAs } from "../../../server/src/export/formats.ts";
import { knetDocument } from "../../../server/src/frontends/knet/document.ts";
import { format } from "../../../server/src/frontends/knet/format.ts";
import { parse } from "../../../server/src/frontends/knet/parser.ts";
import { type ManifestDocuments, manifestDocuments } from "../../../server/src/frontends/kubernetes/document.ts";
import {
  type MatrixAnswer,
  type MatrixQuestion,
  policyMatrix,
  toConnection,
} from "../../../server/src/kubernetes/matrix/matrix.ts";
import type { MatrixEnd } from "../../../server/src/kubernetes/matrix/schema.ts";
import { type Analysis, analyse } from "../../../server/src/service/analysis.ts";
import { reachMatrix } from "../../../server/src/service/matrix.ts";
import type { Node } from "../../../server/src/topology/model.ts";

export const read = (text: string): Analysis => analyse("test.knet", [knetDocument("test.knet", parse(text))]);

export interface Exports {
  /** The text of each file by name. */
  readonly files: Readonly<Record<string, string>>;
  readonly losses: readonly string[];
}

export function exportOf({ topology, network }: Analysis, to: ExportFormat): Exports {
  const result = exportAs(to, { topology, network, source: "test.knet", version: "1.0.0" });
  if ("problem" in result) throw new Error(result.problem);
  const all = [...result.files, ...result.companions];
  return { files: Object.fromEntries(all.map(({ name, text }) => [name, text()])), losses: result.losses };
}

/** The only file of an export. */
export function textOf(analysis: Analysis, to: ExportFormat): string {
  const [text, more] = Object.values(exportOf(analysis, to).files);
  if (text === undefined || more !== undefined) throw new Error("not a single file");
  return text;
}

export const imported = (text: string): ManifestDocuments =>
  manifestDocuments("dump.yaml", [{ file: "dump.yaml", text }], "prod");

export const analysed = ({ documents }: ManifestDocuments): Analysis => analyse("dump.yaml", documents);

export const printed = ({ documents }: ManifestDocuments): string => format(printDecls(documents[0].decls));

/** The state of a node without its pods' ends, whose order depends on names. */
export function stateOf({ network }: Analysis, node: Node): string {
  const netns = network.netns(node.path);
  return netns ? printNetns(netns, network) : "";
}

const everything: MatrixQuestion = { from: undefined, to: undefined, byPod: false };

/** "shop/web > shop/api tcp 80": all pairs for which `isMeant` holds for both ends. */
export function pairsOf(
  analysis: Analysis,
  kind: "policy" | "reach",
  nameOf: (end: MatrixEnd) => string | undefined = pathOf,
): ReadonlySet<string> {
  const { topology, network } = analysis;
  const answer: MatrixAnswer =
    kind === "policy" ? policyMatrix(topology, everything) : reachMatrix(topology, network, everything);
  if (!answer.ok) throw new Error(answer.error);
  const pairs = [...answer.pairs].map(toConnection).flatMap(({ from, to, allowed }) => {
    const [a, b] = [nameOf(from), nameOf(to)];
    return a === undefined || b === undefined ? [] : allowed.map((one) => `${a} > ${b} ${one.proto} ${one.ports}`);
  });
  return new Set(pairs);
}

export function pathOf(end: MatrixEnd): string {
  return "path" in end ? end.path : end.range;
}
