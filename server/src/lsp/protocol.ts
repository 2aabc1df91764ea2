/**
 * The messages between the extension and the language server in addition to the Language Server Protocol. Types only: both
 * sides use the method's name, and `KnetRequests` defines its parameters and result.
 *
 *     client: request(client, "knet/trace", { uri, query }, token)
 *     server: connection.onRequest("knet/trace" satisfies KnetMethod, (params: KnetParams<"knet/trace">) => …)
 *
 * A request that fails for a reason that the user can fix returns `KnetFailure`; only a bug returns an LSP error. The server
 * registers the files that the client must watch.
 */
import type { Location, Query, Trace } from "../trace/schema.ts";

export interface KnetRequests {
  /** All endpoints of traces, for quick picks. */
  "knet/endpoints": { params: EndpointsParams; result: EndpointItem[] };
  "knet/trace": { params: TraceParams; result: TraceResult };
  /** The text of `knet routes`. */
  "knet/routes": { params: RoutesParams; result: RoutesResult };
  /** A drawing of the topology: positions of all items, and the same as text. */
  "knet/topology": { params: TopologyParams; result: TopologyResult };
  /** The reachability matrix with open ports. Can take long; ends when it is canceled or the text changes. */
  "knet/matrix": { params: MatrixParams; result: MatrixResult };
  /** The topology compared with an older version of its files. */
  "knet/diff": { params: DiffParams; result: DiffResult };
  /** Manifests, a dump, or a cloud network as the text of a `.knet` file. */
  "knet/import": { params: ImportParams; result: ImportResult };
  /** The innermost endpoint of traces that is declared at a position. */
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

/** `initializationOptions.l10n`: the translations that the client has loaded, for the texts of the server. */
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
  /** Only endpoints whose label, path, or detail contains every term of this text, ignoring case. Absent: all. */
  filter?: string;
  /** Maximum number of endpoints; a client that receives this many must narrow the filter. Absent: all. */
  limit?: number;
}

export type EndpointKind = "pod" | "workload" | "service" | "node" | "router" | "host" | "internet";

export interface EndpointItem {
  /** The shortest unambiguous name, for display. */
  label: string;
  kind: EndpointKind;
  /** Addresses, node, and similar facts, on one line. */
  detail: string;
  /** Value for `from` or `to` of a query. */
  path: string;
  /** Listening ports; empty if nothing listens or the ports are unknown. */
  ports: EndpointPort[];
}

export interface EndpointPort {
  port: number;
  proto: Exclude<Protocol, "icmp">;
  /** Name of the port or the process; can be empty. */
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
  /** Address family of the destination; absent: the first family of its cluster. */
  family?: 4 | 6;
  /** In the older version of the topology; the request then contains the old texts. */
  before?: true;
}

export interface TraceParams {
  uri: string;
  query: TraceQuery;
  old?: OldFile[];
}

/** The text of a file in an older version. */
export interface OldFile {
  uri: string;
  /** Null: the file did not exist. */
  text: string | null;
}

/** The old texts of these files are missing: the client repeats the request with them. */
export interface WantedFiles {
  wanted: string[];
}

export interface KnetFailure {
  /** One sentence with the cause or the required action. */
  error: string;
  /** Similar names. */
  candidates: string[];
  /** The endpoint of the query that a candidate replaces. */
  end?: "from" | "to";
}

export type TraceResult = { trace: Trace } | KnetFailure | WantedFiles;

export interface RoutesParams {
  uri: string;
  /** A node, pod, router, or host. */
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
  /** The drawing as text. */
  text: string;
}

export interface TopologyItem {
  kind: "cluster" | "segment" | "router" | "host" | "node" | "pod";
  name: string;
  facts: string[];
  /** Path for a trace or `knet/routes`. */
  path?: string;
  location?: Location;
}

export interface TopologyStation extends TopologyItem, Rectangle {
  /** The number of machines that it represents. */
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

/** An interface: a vertical line between a machine and a segment, given by their indices. */
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
  /** Network policies only, or traffic that the data plane delivers and that is replied to. */
  by: MatrixBasis;
  /** Same as `knet matrix --from`: a namespace, a workload, labels, or an address range. Absent: everything. */
  from?: string;
  to?: string;
}

export type MatrixBasis = "policies" | "packets";

export type MatrixResult = { matrix: MatrixView } | { error: string; namespaces: string[] };

/** Everything is referenced by index: rows and columns in `ends`, policies in `policies`, port lists in `ports`. */
export interface MatrixView {
  ends: MatrixViewEnd[];
  rows: number[];
  columns: number[];
  ports: MatrixPorts[][];
  /** The pairs that can communicate, four numbers each: index in `rows`, index in `columns`, 1 if all ports of the receiver are open (0 if only some are), index in `ports`. */
  cells: number[];
  policies: MatrixPolicy[];
  /** All namespaces of the topology, for filters. */
  namespaces: string[];
  /** The same as text. */
  text: string;
}

export interface MatrixPorts {
  proto: Protocol;
  /** "80" or "8000-8010"; empty for ICMP. */
  ports: string;
}

export interface MatrixViewEnd {
  name: string;
  /** "Deployment", "external addresses", … */
  kind: string;
  namespace?: string;
  /** The number of pods that it represents; 0 for addresses. */
  pods: number;
  /** Path for a trace; absent if the owner of the addresses is unknown. */
  path?: string;
  /** Listening ports. */
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

export interface ImportParams {
  /** Files, folders, and archives. */
  readonly uris?: readonly string[];
  /** YAML or JSON, for example from the clipboard; instead of files. */
  readonly text?: string;
}

export type ImportResult = { readonly text: string } | { readonly error: string };

export interface DiffParams {
  uri: string;
  /** Name of the older version, such as "HEAD". */
  name: string;
  old: OldFile[];
}

export type DiffResult = { diff: DiffView } | WantedFiles | { error: string };

/** A comparison; all texts are in the language of the client. */
export interface DiffView {
  /** One line for connections, findings, and routes; empty if nothing has changed. */
  summary: string[];
  notes: string[];
  connections: DiffViewConnection[];
  endpoints: { kind: DiffKind; text: string }[];
  findings: DiffViewFinding[];
  machines: { title: string; lines: DiffViewLine[] }[];
  /** The same as text. */
  text: string;
}

export type DiffKind = "added" | "removed" | "changed";

export interface DiffViewConnection {
  /** Added: opened, which is a risk. */
  kind: DiffKind;
  from: string;
  to: string;
  ports: string;
  /** The pairs of pods to which it is limited; can be empty. */
  where: string;
  /** A packet of this connection in each version; absent if it has no such pods, or the endpoints are address ranges. */
  old?: DiffViewPacket;
  new?: DiffViewPacket;
}

export interface DiffViewPacket {
  from: string;
  to: string;
  proto: Protocol;
  port?: number;
}

export interface DiffViewFinding {
  kind: DiffKind;
  severity: string;
  code: string;
  message: string;
  /** Absent: in the older version. */
  location?: Location;
}

export interface DiffViewLine {
  kind: "command" | "added" | "removed";
  text: string;
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
  /** Version of the analyzed text document. */
  version: number;
  errors: number;
  warnings: number;
  durationMs: number;
}

/** Argument of the command `knet.trace`, as created by code lenses and hovers. The user is prompted for absent values. */
export interface TraceCommandArguments {
  uri?: string;
  from?: string;
  to?: string;
  port?: number;
  proto?: Protocol;
  /** In the last commit (HEAD). */
  before?: boolean;
}

/** Argument of the command `knet.showRoutes`. The user is prompted for absent values. */
export interface RoutesCommandArguments {
  uri?: string;
  where?: string;
}
