/** The objects of a text: YAML documents, JSON, lists, and bare arrays. */
import { isMap, isNode, isPair, isScalar, parseAllDocuments, type Document as YamlDocument } from "yaml";
import { type FileProblem, problemInText } from "../../declared/file-problem.ts";
import type { Span } from "../../text/span.ts";
import { locatingEmbedded } from "./embedded.ts";
import { isRecord, type Json, type JsonRecord, listAt, type Path, textAt } from "./json.ts";
import { jsonSpan } from "./json-span.ts";
import { type KubeObject, kubeObject } from "./object.ts";

export interface SourceObjects {
  readonly objects: readonly KubeObject[];
  readonly problems: readonly FileProblem[];
}

/** Reads all objects of a file. Never throws: what cannot be read is a problem. */
export function readObjects(file: string, text: string): SourceObjects {
  const value = /^\s*[[{]/.test(text) ? parsedJson(text) : undefined;
  if (value === undefined) return readYaml(file, text);
  const objects = itemsOf(value, []).flatMap(({ record, path, implied }) => {
    const locate: KubeObject["locate"] = (inner) => jsonSpan(text, [...path, ...inner]);
    return kubeObject(file, record, locatingEmbedded(text, record, locate), implied) ?? [];
  });
  return { objects, problems: [] };
}

/** Undefined if the text is not JSON; YAML can also start with a bracket. */
function parsedJson(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function readYaml(file: string, text: string): SourceObjects {
  const objects: KubeObject[] = [];
  const problems: FileProblem[] = [];
  for (const document of parseAllDocuments(text, { uniqueKeys: false, logLevel: "silent" })) {
    for (const { message, pos } of document.errors.slice(0, MOST_PROBLEMS))
      problems.push(
        problemInText(
          "KN802",
          file,
          { start: pos[0], end: Math.max(pos[1], pos[0] + 1) },
          { error: message.split("\n")[0] ?? message },
        ),
      );
    if (!isNode(document.contents)) continue;
    const value = jsonOf(document);
    if (value === undefined) continue;
    for (const { record, path, implied } of itemsOf(value, [])) {
      const found = kubeObject(file, record, locatingEmbedded(text, record, locator(document, path)), implied);
      if (found) objects.push(found);
    }
  }
  return { objects, problems };
}

const MOST_PROBLEMS = 20;

/** Aliases are expanded at most this many times: a document can otherwise expand to gigabytes. */
const MOST_ALIASES = 1000;

function jsonOf(document: YamlDocument): Json | undefined {
  try {
    return document.toJS({ maxAliasCount: MOST_ALIASES }) as Json;
  } catch {
    return undefined;
  }
}

interface Item {
  readonly record: JsonRecord;
  readonly path: Path;
  readonly implied: { readonly apiVersion?: string | undefined; readonly kind?: string | undefined };
}

/** `kind: List`, typed lists (`PodList`, whose items have no kind), and bare arrays. */
function itemsOf(value: Json, path: Path, implied: Item["implied"] = {}): readonly Item[] {
  if (Array.isArray(value))
    return (value as readonly Json[]).flatMap((one, index) => itemsOf(one, [...path, index], implied));
  if (!isRecord(value)) return [];
  const kind = textAt(value, "kind");
  if (kind === "List" || (kind?.endsWith("List") && value["items"] !== undefined)) {
    const own = kind === "List" ? {} : { kind: kind.slice(0, -"List".length), apiVersion: textAt(value, "apiVersion") };
    return listAt(value, "items").flatMap((one, index) => itemsOf(one, [...path, "items", index], own));
  }
  return [{ record: value, path, implied }];
}

function locator(document: YamlDocument, base: Path): KubeObject["locate"] {
  return (path) => {
    const found = document.getIn([...base, ...path], true);
    if (isNode(found) && found.range) {
      const [start, end] = found.range;
      return { start, end };
    }
    return keySpan(document, [...base, ...path]);
  };
}

/** The key of a field whose value is absent or null. */
function keySpan(document: YamlDocument, path: Path): Span | undefined {
  const key = path.at(-1);
  const parent = path.length === 0 ? document.contents : document.getIn(path.slice(0, -1), true);
  if (!isMap(parent)) return undefined;
  const pair = parent.items.find((one) => isPair(one) && isScalar(one.key) && one.key.value === key);
  const range = pair && isScalar(pair.key) ? pair.key.range : undefined;
  return range ? { start: range[0], end: range[1] } : undefined;
}
