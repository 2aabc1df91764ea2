/**
 * `knet/matrix`: the only request that can take long. It is computed in time slices; messages are handled between the
 * slices, and the request ends when it is canceled or the text changes.
 */
import { type CancellationToken, LSPErrorCodes, ResponseError } from "vscode-languageserver/node";
import { type MatrixAnswer, type MatrixQuestion, type Pair, policyMatrix } from "../kubernetes/matrix/matrix.ts";
import type { Analysis } from "../service/analysis.ts";
import { reachMatrix } from "../service/matrix.ts";
import { type MatrixPicture, namespacesOf, pictureOf, tooMany } from "../service/matrix-view.ts";
import { t } from "../text/l10n.ts";
import type { Server } from "./access.ts";
import { locator } from "./convert.ts";
import { describe } from "./guard.ts";
import type { KnetMethod, MatrixBasis, MatrixParams, MatrixResult, MatrixView } from "./protocol.ts";

/** Duration of a slice, in which no other message is handled. */
const SLICE_MS = 25;

export function registerMatrix(server: Server): void {
  const { connection } = server;
  connection.onRequest("knet/matrix" satisfies KnetMethod, (params: MatrixParams, token: CancellationToken): unknown =>
    answer(server, params, token).catch((error: unknown) => {
      connection.console.error(`knet/matrix: ${describe(error)}`);
      return failed(t`knet failed; see the output channel.`, undefined);
    }),
  );
}

async function answer(
  { documents, now }: Server,
  params: MatrixParams,
  token: CancellationToken,
): Promise<MatrixResult | ResponseError> {
  const { service } = documents;
  const { version } = service;
  const ended = (): ResponseError | undefined => {
    if (token.isCancellationRequested) return new ResponseError(LSPErrorCodes.RequestCancelled, "canceled");
    if (service.version !== version) return new ResponseError(LSPErrorCodes.ContentModified, "the text has changed");
    return undefined;
  };
  const analysis = documents.analysisOf(params.uri);
  if (!analysis) return failed(t`The file is not open and cannot be read.`, undefined);
  const question = { from: textIn(params.from), to: textIn(params.to), byPod: false };
  const found = matrixOf(analysis, params.by, question);
  if (!found.ok) return failed(found.error, analysis);
  const tooLarge = tooMany(found.ends);
  if (tooLarge !== undefined) return failed(tooLarge, analysis);
  const pairs: Pair[] = [];
  let since = now();
  for (const row of found.rows) {
    for (const pair of row) pairs.push(pair);
    if (now() - since < SLICE_MS) continue;
    await new Promise((resolve) => setImmediate(resolve));
    const end = ended();
    if (end) return end;
    since = now();
  }
  return { matrix: viewOf(pictureOf(analysis.topology, found, pairs), locator(documents, analysis)) };
}

/** An empty field means everything. */
function textIn(text: string | undefined): string | undefined {
  return text === undefined || text.trim() === "" ? undefined : text.trim();
}

function matrixOf({ topology, network }: Analysis, by: MatrixBasis, question: MatrixQuestion): MatrixAnswer {
  switch (by) {
    case "policies":
      return policyMatrix(topology, question);
    case "packets":
      return reachMatrix(topology, network, question);
  }
}

function failed(error: string, analysis: Analysis | undefined): MatrixResult {
  return { error, namespaces: analysis ? [...namespacesOf(analysis.topology)] : [] };
}

function viewOf(picture: MatrixPicture, locate: ReturnType<typeof locator>): MatrixView {
  return {
    ends: picture.ends.map(({ name, kind, namespace, pods, path, ports, ingress, egress, source }) => {
      const location = source && locate(source);
      return {
        name,
        kind,
        pods,
        ...(namespace === undefined ? {} : { namespace }),
        ...(path === undefined ? {} : { path }),
        ports: [...ports],
        ingress: [...ingress],
        egress: [...egress],
        ...(location ? { location } : {}),
      };
    }),
    rows: [...picture.rows],
    columns: [...picture.columns],
    ports: picture.ports.map((list) => [...list]),
    cells: [...picture.cells],
    policies: picture.policies.map(({ name, source }) => {
      const location = locate(source);
      return { name, ...(location ? { location } : {}) };
    }),
    namespaces: [...picture.namespaces],
    text: picture.text,
  };
}
