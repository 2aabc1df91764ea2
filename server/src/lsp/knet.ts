/** The requests of `protocol.ts`: endpoints, traces, routes. */
import type { CancellationToken } from "vscode-languageserver/node";
import { printNetns } from "../dataplane/print.ts";
import type { Analysis } from "../service/analysis.ts";
import { endpointAt, endpointsOf } from "../service/features/endpoints.ts";
import { layoutMap } from "../service/map/layout.ts";
import { type MapItem, mapOf, type TopologyMap } from "../service/map/model.ts";
import { mapText } from "../service/map/text.ts";
import { phrase, t, translated } from "../text/l10n.ts";
import { endpointOf, namespaceOf } from "../trace/endpoints.ts";
import { ask } from "../trace/trace.ts";
import type { Server } from "./access.ts";
import { locator } from "./convert.ts";
import { diffView, oldVersions } from "./diff.ts";
import { run } from "./guard.ts";
import { imported } from "./import.ts";
import type { KnetFailure, KnetMethod, KnetParams, KnetResult, TopologyDrawing, TopologyItem } from "./protocol.ts";
import { keyOf } from "./uri.ts";

const NO_FILE = phrase("The file is not open and cannot be read.");
/** Translated on use, because the translations are installed after the registration. */
const FAILED = phrase("knet failed; see the output channel.");

export function registerKnetRequests(server: Server): void {
  registerImport(server);
  const { connection, documents } = server;
  const oldAnalysis = oldVersions();
  const analysisOf = (uri: string): Analysis | undefined => documents.analysisOf(uri);

  const on = <M extends KnetMethod>(
    method: M,
    broken: () => KnetResult<M>,
    work: (params: KnetParams<M>) => KnetResult<M>,
  ): void => {
    connection.onRequest(method, (params: KnetParams<M>, token: CancellationToken): unknown =>
      run({ connection }, method, broken(), token, () => work(params)),
    );
  };
  const failed = (): { error: string } => ({ error: translated(FAILED) });
  const traceFailed = (): KnetFailure => ({ ...failed(), candidates: [] });

  on(
    "knet/endpoints",
    () => [],
    ({ uri, filter, limit }) => {
      const analysis = analysisOf(uri);
      if (!analysis) return [];
      const found = endpointsOf(analysis.topology, filter ?? "", limit ?? Number.POSITIVE_INFINITY);
      return found.map((item) => ({ ...item, ports: [...item.ports] }));
    },
  );

  on("knet/trace", traceFailed, ({ uri, query, old }) => {
    const older = old && oldAnalysis(server, uri, old);
    if (older && "wanted" in older) return older;
    if (older && "error" in older) return { ...older, candidates: [] };
    const analysis = older ?? analysisOf(uri);
    if (!analysis) return { error: translated(NO_FILE), candidates: [] };
    const { topology, network } = analysis;
    // The locations in an old text are not those in the editor.
    const locate = older ? () => undefined : locator(documents, analysis);
    const answer = ask({ topology, network, locate }, query);
    if (answer.ok) return { trace: answer.trace };
    const end = endpointOf(topology, query.from).ok || isAddress(query.from) ? "to" : "from";
    const candidates = [...answer.candidates];
    return { error: answer.error, candidates, ...(candidates.length > 0 ? { end } : {}) };
  });

  on("knet/routes", failed, ({ uri, where }) => {
    const analysis = analysisOf(uri);
    if (!analysis) return { error: translated(NO_FILE) };
    const found = namespaceOf(analysis.topology, where);
    if (!found.ok) return { error: found.error, candidates: [...found.candidates] };
    const netns = analysis.network.netns(found.netns);
    if (!netns) return { error: t`${where} has no network namespace: it runs on no node.` };
    return { text: printNetns(netns, analysis.network) };
  });

  on("knet/topology", failed, ({ uri }) => {
    const analysis = analysisOf(uri);
    if (!analysis) return { error: translated(NO_FILE) };
    return { drawing: drawingOf(mapOf(analysis.topology), locator(documents, analysis)) };
  });

  on("knet/diff", failed, ({ uri, name, old }) => {
    const after = analysisOf(uri);
    if (!after) return { error: translated(NO_FILE) };
    const before = oldAnalysis(server, uri, old);
    return "topology" in before ? { diff: diffView(documents, { before, after, name }) } : before;
  });

  on(
    "knet/endpointAt",
    () => null,
    ({ uri, position }) => {
      const analysis = analysisOf(uri);
      const key = keyOf(uri);
      const index = analysis && documents.linesOf(key);
      const path = analysis && index && endpointAt(analysis, key, index.offsetAt(position));
      return path === undefined ? null : { path };
    },
  );
}

function drawingOf(map: TopologyMap, locate: ReturnType<typeof locator>): TopologyDrawing {
  const { width, height, bars, boxes, lines } = layoutMap(map);
  const itemOf = ({ kind, name, facts, path, source }: MapItem): TopologyItem => {
    const location = locate(source);
    return {
      kind,
      name,
      facts: [...facts],
      ...(path === undefined ? {} : { path }),
      ...(location ? { location } : {}),
    };
  };
  return {
    width,
    height,
    clusters: map.clusters.map(itemOf),
    segments: map.segments.flatMap((item, index) => {
      const place = bars[index];
      return place ? [{ ...itemOf(item), ...place }] : [];
    }),
    stations: map.stations.flatMap(({ item, count, cluster, pods, morePods }, index) => {
      const box = boxes[index];
      if (!box) return [];
      const { pods: places, ...place } = box;
      const own = pods.flatMap((pod, at) => {
        const inside = places[at];
        return inside ? [{ ...itemOf(pod), ...inside }] : [];
      });
      return [{ ...itemOf(item), ...place, count, ...(cluster === undefined ? {} : { cluster }), pods: own, morePods }];
    }),
    lines: [...lines],
    text: mapText(map),
  };
}

function isAddress(text: string): boolean {
  return /^[0-9.]+$/.test(text) || /^[0-9a-f:.]*:[0-9a-f:.]*$/i.test(text);
}

function registerImport({ connection, disk }: Server): void {
  const method = "knet/import" satisfies KnetMethod;
  connection.onRequest(method, (params: KnetParams<typeof method>, token: CancellationToken): unknown =>
    run({ connection }, method, { error: translated(FAILED) }, token, () => imported(disk, params)),
  );
}
