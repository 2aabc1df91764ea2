/**
 * What the extension and the language server say to each other beyond the Language Server Protocol. Types only: both
 * sides name a method by its string, and `KnetRequests` says what goes with it.
 *
 *     client: request(client, "knet/trace", { uri, query }, token)
 *     server: connection.onRequest("knet/trace" satisfies KnetMethod, (params: KnetParams<"knet/trace">) => …)
 *
 * A request that fails for a reason that the user can mend answers `KnetFailure`; only a defect answers with an LSP error.
 * The server registers by itself what files the client watches for it.
 */
import type { Location, Query, Trace } from "../trace/schema.ts";

export interface KnetRequests {
  /** Everything that can be an end of a trace, for quick picks. */
  "knet/endpoints": { params: EndpointsParams; result: EndpointItem[] };
  "knet/trace": { params: TraceParams; result: TraceResult };
  /** The text of `knet routes`. */
  "knet/routes": { params: RoutesParams; result: RoutesResult };
  /** A drawing of the topology: what stands where, and the same in words. */
  "knet/topology": { params: TopologyParams; result: TopologyResult };
  /** Who reaches whom on which ports. Takes as long as it takes, and ends when it is cancelled or the text changes. */
  "knet/matrix": { params: MatrixParams; result: MatrixResult };
  /** The end of a trace that is declared at a position; the innermost one. */
  "knet/endpointAt": { params: EndpointAtParams; result: EndpointAtResult | null };
}

export interface KnetNotifications {
  /** Server → client, after each analysis of an open file, also when its diagnostics are the same as before. */
  "knet/analysisDone": AnalysisDoneParams;
}

export type KnetMethod = keyof KnetRequests;
export type KnetParams<M extends KnetMethod> = KnetRequests[M]["params"];
export type KnetResult<M extends KnetMethod> = KnetRequests[M]["result"];
export type KnetNotification = keyof KnetNotifications;

/** In `initializationOptions.l10n`: the translations that the client has loaded, for the texts of the server. */
export interface InstalledBundle {
  /** English text → translated text. */
  bundle: Record<string, string>;
  /** The language of the client, a BCP 47 tag. */
  locale: string;
}

/** Zero-based, UTF-16, as in the Language Server Protocol. */
export interface Position {
  line: number;
  character: number;
}

export type Protocol = Query["proto"];

export interface EndpointsParams {
  uri: string;
  /** Only ends whose label, path or detail contains every word of this text (no case). Absent: all. */
  filter?: string;
  /** At most so many; a client that gets exactly so many narrows the filter. Absent: all. */
  limit?: number;
}

export type EndpointKind = "pod" | "workload" | "service" | "node" | "router" | "host" | "internet";

export interface EndpointItem {
  /** For people: the shortest name that is not ambiguous. */
  label: string;
  kind: EndpointKind;
  /** Addresses, node and the like, on one line. */
  detail: string;
  /** What FROM or TO of a query takes. */
  path: string;
  /** What listens there; empty where nothing does or nothing is known. */
  ports: EndpointPort[];
}

export interface EndpointPort {
  port: number;
  proto: Exclude<Protocol, "icmp">;
  /** The port's or the process' name; may be empty. */
  name: string;
}

export interface TraceQuery {
  /** A path or an address. */
  from: string;
  to: string;
  proto: Protocol;
  /** Absent for icmp. */
  port?: number;
  /** Bytes of the IP packet. */
  size?: number;
  /** "Don't fragment". */
  df?: boolean;
  /** Which of the target's addresses; absent: the family that its cluster names first. */
  family?: 4 | 6;
}

export interface TraceParams {
  uri: string;
  query: TraceQuery;
}

export interface KnetFailure {
  /** One sentence that says what to do. */
  error: string;
  /** Names that could have been meant. */
  candidates: string[];
  /** Which end of the query the candidates would replace. */
  end?: "from" | "to";
}

export type TraceResult = { trace: Trace } | KnetFailure;

export interface RoutesParams {
  uri: string;
  /** A node, pod, router or host. */
  where: string;
}

export type RoutesResult = { text: string } | { error: string; candidates?: string[] };

export interface TopologyParams {
  uri: string;
}

export type TopologyResult = { drawing: TopologyDrawing } | { error: string };

export interface TopologyDrawing {
  width: number;
  height: number;
  clusters: TopologyItem[];
  segments: (TopologyItem & Rectangle)[];
  stations: TopologyStation[];
  lines: TopologyLine[];
  /** The drawing in words. */
  text: string;
}

export interface TopologyItem {
  kind: "cluster" | "segment" | "router" | "host" | "node" | "pod";
  name: string;
  facts: string[];
  /** What a trace or `knet/routes` takes. */
  path?: string;
  location?: Location;
}

export interface TopologyStation extends TopologyItem, Rectangle {
  /** More than one: it stands for so many. */
  count: number;
  cluster?: string;
  pods: (TopologyItem & Rectangle)[];
  morePods: number;
}

export interface Rectangle {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** An interface: a vertical line between a station and a segment, by their indices. */
export interface TopologyLine {
  x: number;
  from: number;
  to: number;
  text: string;
  textY: number;
  station: number;
  segment: number;
}

export interface MatrixParams {
  uri: string;
  /** Network policies alone, or what really gets through the data plane and is answered. */
  by: MatrixBasis;
  /** As `knet matrix --from` has it: a namespace, a workload, labels, a range of addresses. Absent: everything. */
  from?: string;
  to?: string;
}

export type MatrixBasis = "policies" | "packets";

export type MatrixResult = { matrix: MatrixView } | { error: string; namespaces: string[] };

/** Everything is named by its number: rows and columns in `ends`, policies in `policies`, lists of ports in `ports`. */
export interface MatrixView {
  ends: MatrixViewEnd[];
  rows: number[];
  columns: number[];
  ports: MatrixPorts[][];
  /** The pairs that can talk, four numbers each: places in `rows` and in `columns`, 1 where all of the receiver's ports are open and 0 where some are, and which ports. */
  cells: number[];
  policies: MatrixPolicy[];
  /** Of the whole topology, for filters. */
  namespaces: string[];
  /** The same in words. */
  text: string;
}

export interface MatrixPorts {
  proto: Protocol;
  /** "80" or "8000-8010"; empty for icmp. */
  ports: string;
}

export interface MatrixViewEnd {
  name: string;
  /** "Deployment", "addresses" … */
  kind: string;
  namespace?: string;
  /** How many it stands for; of addresses none. */
  pods: number;
  /** What a trace takes; absent where nobody is known to have these addresses. */
  path?: string;
  /** What listens there. */
  ports: EndpointPort[];
  /** The policies that select it. */
  ingress: number[];
  egress: number[];
  location?: Location;
}

export interface MatrixPolicy {
  name: string;
  location?: Location;
}

export interface EndpointAtParams {
  uri: string;
  position: Position;
}

export interface EndpointAtResult {
  path: string;
}

export interface AnalysisDoneParams {
  uri: string;
  /** Of the text document that was analysed. */
  version: number;
  errors: number;
  warnings: number;
  durationMs: number;
}

/** The argument of the command `knet.trace`: what is absent is asked for. Code lenses and hovers make these. */
export interface TraceCommandArguments {
  uri?: string;
  from?: string;
  to?: string;
  port?: number;
  proto?: Protocol;
}

/** The argument of the command `knet.showRoutes`: what is absent is asked for. */
export interface RoutesCommandArguments {
  uri?: string;
  where?: string;
}
