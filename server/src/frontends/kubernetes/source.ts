/** The objects of a text: YAML documents, JSON, lists, bare arrays, and the output of `kubectl cluster-info dump`. */
import { type FileProblem, problemInText } from "../../declared/file-problem.ts";
import { isRecord, type Json, type JsonRecord, listAt, type Path, textAt } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import type { Span } from "../../text/span.ts";
import { locatingEmbedded } from "./embedded.ts";
import { HIDDEN, withoutHidden, wrongTypes } from "./fields.ts";
import { type Implied, impliedBy } from "./implied.ts";
import { readJson } from "./json-read.ts";
import { skipSpace } from "./json-span.ts";
import { type KubeObject, kubeObject } from "./object.ts";
import type { Reading, Root } from "./reading.ts";
import { readYaml } from "./yaml.ts";

export interface SourceObjects {
  readonly objects: readonly KubeObject[];
  readonly problems: readonly FileProblem[];
  /** Spans of secret values in the text, in order. */
  secrets(): readonly Span[];
}

/** Problems of the same file with the same code and cause: a dump can have the same error in each object. */
const MOST_PROBLEMS = 20;

/** Reads all objects of a file. Never throws: what cannot be read is a problem. */
export function readObjects(file: string, text: string): SourceObjects {
  const readings = partsOf(text).map((part) => readPart(file, text, part));
  const found = readings.flatMap(({ roots }) => roots.flatMap((root) => objectsOf(file, text, root)));
  const isManifest = found.length > 0 || /["']?\b(?:kind|[iI]tems)["']?[ \t]*:/.test(text);
  const objects: KubeObject[] = [];
  // Other YAML and JSON in a folder, such as values of a chart, is ignored, even if it is invalid.
  const problems: FileProblem[] = [
    ...(isManifest ? readings.flatMap((one) => one.problems) : []),
    ...readings.flatMap(({ roots }) => roots.flatMap((root) => refusals(file, root))),
  ];
  const reported = new Set<string>();
  const hasHidden = text.includes(HIDDEN);
  for (const one of found) {
    const shown = hasHidden ? withoutHidden(one, reported) : { object: one, problems: [] };
    objects.push(shown.object);
    problems.push(...shown.problems, ...(shown.object.kind === "Secret" ? [] : wrongTypes(shown.object)));
  }
  const secret = found.filter(({ kind }) => kind === "Secret");
  // A report at a value of a Secret would show its line.
  const places = problems.length === 0 ? [] : secret.map((one) => one.locate([]));
  const hidden = readings.flatMap((one) => one.hidden ?? []);
  return {
    objects,
    problems: bounded(
      problems.filter((problem) => !isAboutValue(problem) || !places.some((one) => contains(one, problem.span))),
    ),
    secrets: () => [...hidden, ...secret.flatMap(secretSpans)].sort((a, b) => a.start - b.start),
  };
}

/** Whether the location of a problem is a single value. */
function isAboutValue(problem: FileProblem): boolean {
  return problem.code === "KN805" || (problem.code === "KN806" && problem.data.cause === "duplicate-key");
}

function contains(outer: Span | undefined, inner: Span | undefined): boolean {
  return outer !== undefined && inner !== undefined && outer.start <= inner.start && inner.start < outer.end;
}

function bounded(problems: readonly FileProblem[]): readonly FileProblem[] {
  const counts = new Map<string, number>();
  return problems.filter((one) => {
    const key = `${one.code} ${"cause" in one.data ? one.data.cause : ""}`;
    const count = (counts.get(key) ?? 0) + 1;
    counts.set(key, count);
    return count <= MOST_PROBLEMS;
  });
}

const LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration";

/** The values of a Secret, and the copy of it that `kubectl apply` stores. */
function secretSpans({ locate }: KubeObject): readonly Span[] {
  const paths: readonly Path[] = [["data"], ["stringData"], ["metadata", "annotations", LAST_APPLIED]];
  return paths.flatMap((path) => locate(path) ?? []);
}

/* ------------------------------------------------------------------ parts of the text */

const LOG = /^==== START logs for (.*) ====\r?$/gm;

/** `kubectl cluster-info dump` on standard output: lists of objects with the logs of all containers between them. */
function partsOf(text: string): readonly Span[] {
  if (!text.includes("==== START logs for ")) return [{ start: 0, end: text.length }];
  const parts: Span[] = [];
  let from = 0;
  LOG.lastIndex = 0;
  for (let log = LOG.exec(text); log; log = LOG.exec(text)) {
    if (log.index > from) parts.push({ start: from, end: log.index });
    const last = `==== END logs for ${log[1] ?? ""} ====`;
    const end = text.indexOf(last, log.index);
    from = end < 0 ? text.length : end + last.length;
    LOG.lastIndex = from;
  }
  return [...parts, { start: from, end: text.length }];
}

function readPart(file: string, text: string, { start, end }: Span): Reading {
  const first = skipSpace(text, start);
  if (first >= end) return { roots: [], problems: [] };
  const json = text[first] === "{" || text[first] === "[" ? readJson(file, text, first, end) : undefined;
  if (!json) return readYaml(file, text, start, end);
  // A hand-written map in brackets, with keys without quotes or a comma before the last bracket, is YAML.
  if (json.problems.some(({ code }) => code === "KN802") && end - first < LONGEST_FLOW) {
    const yaml = readYaml(file, text, start, end);
    if (yaml.problems.every(({ code }) => code !== "KN802")) return yaml;
  }
  return json;
}

const LONGEST_FLOW = 1 << 20;

/* ------------------------------------------------------------------ objects */

interface Item {
  readonly record: JsonRecord;
  readonly path: Path;
  readonly implied: Implied;
}

function objectsOf(file: string, text: string, { value, locate }: Root): readonly KubeObject[] {
  const isBare = Array.isArray(value) || (isRecord(value) && textAt(value, "kind") === undefined);
  const byPath = isBare ? impliedBy(file) : {};
  return itemsOf(value, [], byPath).flatMap(({ record, path, implied }) => {
    const trimmed = withoutLarge(record, textAt(record, "kind") ?? implied.kind);
    const located = locatingEmbedded(text, record, (inner) => locate([...path, ...inner]));
    return kubeObject(file, trimmed, located, implied) ?? [];
  });
}

/** Lists in lists: more are not read. */
const MOST_LISTS = 4;

/** `kind: List`, typed lists (`PodList`, whose items have no kind), and bare arrays. */
function itemsOf(value: Json, path: Path, implied: Implied): readonly Item[] {
  if (path.length > 2 * MOST_LISTS) return [];
  if (Array.isArray(value))
    return (value as readonly Json[]).flatMap((one, index) => itemsOf(one, [...path, index], implied));
  if (!isRecord(value)) return [];
  const kind = textAt(value, "kind");
  const isList =
    kind === undefined ? Array.isArray(value["items"]) : kind === "List" || (kind.endsWith("List") && "items" in value);
  if (!isList) return [{ record: value, path, implied }];
  const own =
    kind === undefined || kind === "List"
      ? implied
      : { kind: kind.slice(0, -"List".length), apiVersion: textAt(value, "apiVersion") };
  return listAt(value, "items").flatMap((one, index) => itemsOf(one, [...path, "items", index], own));
}

/** Fields that no reader needs: they can be larger than the rest, or secret. */
function withoutLarge(record: JsonRecord, kind: string | undefined): JsonRecord {
  const metadata = record["metadata"];
  const annotations = isRecord(metadata) ? metadata["annotations"] : undefined;
  const isLarge =
    isRecord(metadata) && ("managedFields" in metadata || (isRecord(annotations) && LAST_APPLIED in annotations));
  if (!isLarge && kind !== "Secret") return record;
  const { managedFields: _managed, ...rest } = isRecord(metadata) ? metadata : {};
  const { [LAST_APPLIED]: _applied, ...kept } = isRecord(annotations) ? annotations : {};
  const trimmed = { ...record, metadata: isRecord(annotations) ? { ...rest, annotations: kept } : rest };
  if (kind !== "Secret") return trimmed;
  const { data: _data, stringData: _texts, ...shown } = trimmed as JsonRecord;
  return shown;
}

/* ------------------------------------------------------------------ texts that are recognized and not read */

/** A list of manifests and changes to them. */
export const KUSTOMIZATION = "Kustomization";

/** Texts in which no object can be found, and what to use instead. */
function refusals(file: string, { value, locate }: Root): readonly FileProblem[] {
  if (!isRecord(value)) return [];
  const at = (path: Path): Span => locate(path) ?? { start: 0, end: 0 };
  if (Array.isArray(value["Items"]))
    return [
      problemInText("KN802", file, at(["Items"]), {
        error: t`lists with \`Items\` are Go types, which \`kubectl cluster-info dump\` of version 1.13 writes; use a newer kubectl`,
      }),
    ];
  const [first] = listAt(value, "items");
  if (textAt(value, "kind") === undefined && textAt(first, "state")?.startsWith("SANDBOX_"))
    return [problemInText("KN801", file, at(["items"]), { kind: "PodSandbox", count: listAt(value, "items").length })];
  const isKustomization = textAt(value, "apiVersion")?.startsWith("kustomize.config.k8s.io/") === true;
  if (isKustomization || /(?:^|[/\\])kustomization\.ya?ml$/i.test(file))
    return [problemInText("KN801", file, at([]), { kind: KUSTOMIZATION, count: 1 })];
  return [];
}
