/** Code lenses above declarations: the result of an expectation, free addresses of a range, and commands for routes and traces. */

import { formatPrefix, type Prefix, prefixCovers, subnetCount } from "../../addressing/ip.ts";
import type { Decl } from "../../declared/decl.ts";
import { sourceOf } from "../../declared/origin.ts";
import { statementOf } from "../../frontends/knet/handle.ts";
import { outcomeOf } from "../../questions/expectations.ts";
import { number, plural } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Span } from "../../text/span.ts";
import type { Cluster, Expectation, Segment, Service } from "../../topology/model.ts";
import type { Analysis } from "../analysis.ts";
import { knetFile } from "../knet.ts";
import { endPath } from "./endpoints.ts";
import { hostRange, segmentUsage } from "./free.ts";
import { targetAt } from "./navigation.ts";
import { placeAt, placedIn, walk } from "./place.ts";
import { byHandle, type Made } from "./statements.ts";
import { symbolsOf } from "./symbols.ts";

export type LensKind = "expectation" | "usage" | "routes" | "trace";

/** Position of a lens; its text is computed when it scrolls into view. */
export interface Lens {
  readonly kind: LensKind;
  readonly span: Span;
}

export type LensCommand =
  | {
      readonly name: "trace";
      readonly from?: string;
      readonly to?: string;
      readonly port?: number;
      readonly proto?: Expectation["proto"];
    }
  | { readonly name: "routes"; readonly where: string };

export interface LensText {
  readonly title: string;
  readonly command: LensCommand | undefined;
}

/** In a file with more machines and pods, the commands are only in the context menu. */
const MOST_WITH_COMMANDS = 200;

export function lensesOf(analysis: Analysis, file: string): readonly Lens[] {
  const made = byHandle(analysis);
  const table = symbolsOf(analysis);
  const lenses: Lens[] = [];
  let ends = 0;
  for (const { decl, span } of headsIn(analysis, file)) {
    const defines = decl.spec?.defines;
    if (defines !== undefined && HAS_ROUTES.has(defines)) {
      const replicas = made.workloads.get(decl.handle)?.workload.replicas ?? 0;
      if (table.symbolOf(decl) === undefined || (defines === "workload" && replicas === 0)) continue;
      ends += 1;
      lenses.push({ kind: "trace", span }, { kind: "routes", span });
    } else for (const kind of kindsOf(decl, made)) lenses.push({ kind, span });
  }
  return ends > MOST_WITH_COMMANDS ? lenses.filter(({ kind }) => kind !== "trace" && kind !== "routes") : lenses;
}

interface Head {
  readonly decl: Decl;
  /** The keyword; of an object in a manifest, its first line. */
  readonly span: Span;
}

function headsIn(analysis: Analysis, file: string): readonly Head[] {
  const checked = knetFile(analysis, file);
  if (!checked) return objectsIn(analysis, file);
  return placedIn(checked).map(({ decl, start }) => {
    return { decl, span: { start, end: start + statementOf(decl).keyword.length } };
  });
}

/** The declarations that are whole objects of a manifest. */
function objectsIn(analysis: Analysis, file: string): readonly Head[] {
  const document = analysis.fileOf(file);
  if (!document || document.text.length > MOST_TEXT) return [];
  const heads: Head[] = [];
  for (const { decl } of walk(analysis.declared.flatMap(({ decls }) => decls))) {
    if (decl.file !== file || decl.spec?.defines === undefined) continue;
    const whole = document.spanOf(sourceOf(file, decl));
    const name = document.spanOf(sourceOf(file, decl, 0));
    // A container is a part of an object.
    if (!whole || !name || decl.spec.defines === "container" || decl.spec.defines === "namespace") continue;
    const line = document.text.indexOf("\n", whole.start);
    heads.push({ decl, span: { start: whole.start, end: line < 0 ? whole.end : Math.min(line, whole.end) } });
  }
  return heads;
}

/** Characters of a manifest with lenses. */
const MOST_TEXT = 1_000_000;

const HAS_ROUTES: ReadonlySet<string> = new Set(["node", "router", "host", "pod", "workload"]);

function kindsOf(decl: Decl, made: Made): readonly LensKind[] {
  if (made.expectations.has(decl.handle)) return ["expectation"];
  const counts =
    made.segments.get(decl.handle)?.cidrs.some((prefix) => hostCount(prefix) !== undefined) === true ||
    (made.services.get(decl.handle)?.service.ports.length ?? 0) > 0 ||
    made.podRanges.has(decl.handle);
  return counts ? ["usage"] : [];
}

/** Text of the lens at the statement that begins at `start`; undefined if the lens no longer exists. */
export function lensAt(analysis: Analysis, file: string, start: number, kind: LensKind): LensText | undefined {
  const decl = placeAt(analysis, file, start)?.decls.at(-1);
  if (!decl) return undefined;
  const made = byHandle(analysis);
  switch (kind) {
    case "expectation": {
      const expectation = made.expectations.get(decl.handle);
      return expectation && expectationText(analysis, expectation);
    }
    case "usage": {
      const segment = made.segments.get(decl.handle);
      const served = made.services.get(decl.handle);
      if (served) return serviceText(served.cluster, served.service);
      return segment ? segmentText(analysis, segment) : rangeText(decl, made);
    }
    case "routes":
    case "trace": {
      const symbol = symbolsOf(analysis).symbolOf(decl);
      const path = symbol && endPath(analysis, symbol);
      if (path === undefined) return undefined;
      return kind === "routes"
        ? { title: t`Routes`, command: { name: "routes", where: path } }
        : { title: t`Trace from here`, command: { name: "trace", from: path } };
    }
  }
}

function expectationText(analysis: Analysis, expectation: Expectation): LensText {
  const outcome = outcomeOf(analysis, expectation);
  const title =
    outcome.kind === "holds"
      ? t`✓ passed · Trace`
      : outcome.kind === "fails"
        ? t`✗ failed: ${outcome.why} · Trace`
        : t`? cannot be evaluated: ${outcome.why} · Trace`;
  return { title, command: traceOf(expectation) };
}

function segmentText({ topology }: Analysis, segment: Segment): LensText | undefined {
  const counted = segment.cidrs.flatMap((prefix) => {
    const hosts = hostCount(prefix);
    if (hosts === undefined) return [];
    const free = Math.max(0, hosts - segmentUsage(topology, segment, prefix).used);
    return [{ prefix, text: t`${number(free)} of ${number(hosts)} free` }];
  });
  if (counted.length === 0) return undefined;
  const title = counted
    .map(({ prefix, text }) => (counted.length === 1 ? text : `${formatPrefix(prefix)}: ${text}`))
    .join(" · ");
  return { title, command: undefined };
}

/** Number of addresses for hosts; undefined for IPv6, where a count is of no use. */
function hostCount(prefix: Prefix): number | undefined {
  const { first, last } = hostRange(prefix);
  return typeof first === "number" && typeof last === "number" ? last - first + 1 : undefined;
}

/** The number of endpoints, per port if the ports differ. */
function serviceText({ services }: Cluster, service: Service): LensText | undefined {
  const counts = service.ports.map((port) => {
    const usable = ([4, 6] as const).map((family) => services.endpoints(service, port, family).length);
    return { port: `${port.port}/${port.proto}`, count: Math.max(...usable) };
  });
  const [first] = counts;
  if (!first) return undefined;
  const isSame = counts.every(({ count }) => count === first.count);
  const title = isSame
    ? plural(first.count, "endpoint")
    : counts.map(({ port, count }) => `${port}: ${plural(count, "endpoint")}`).join(" · ");
  return { title, command: undefined };
}

function rangeText(decl: Decl, made: Made): LensText | undefined {
  const range = made.podRanges.get(decl.handle);
  if (!range) return undefined;
  const all = subnetCount(range.prefix, range.perNode);
  const given = range.cluster.nodes.filter(({ podCidrs }) =>
    podCidrs.some(({ prefix }) => prefixCovers(range.prefix, prefix)),
  ).length;
  const free = typeof all === "bigint" ? all - BigInt(given) : all - given;
  const total = plural(all, "node pod CIDR");
  return { title: t`${number(free < 0 ? 0 : free)} of ${total} (/${range.perNode}) free`, command: undefined };
}

/** Commands for the object under the cursor, for hovers. */
export function commandsAt(analysis: Analysis, file: string, offset: number): readonly LensCommand[] {
  const target = targetAt(analysis, file, offset);
  const symbol = target?.symbols[0];
  const path = symbol && endPath(analysis, symbol, target?.written);
  if (path !== undefined)
    return [
      { name: "trace", from: path },
      { name: "routes", where: path },
    ];
  const decl = placeAt(analysis, file, offset)?.decls.at(-1);
  const expectation = decl && byHandle(analysis).expectations.get(decl.handle);
  return expectation ? [traceOf(expectation)] : [];
}

function traceOf({ from, to, port, proto }: Expectation): LensCommand {
  return { name: "trace", from, to, proto, ...(port === undefined ? {} : { port }) };
}
