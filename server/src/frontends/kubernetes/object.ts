/** Kubernetes objects and the places of their fields. */
import type { Draft } from "../../declared/build.ts";
import type { Handle, Part } from "../../declared/handle.ts";
import type { Span } from "../../text/span.ts";
import { type JsonRecord, type Path, textAt, textsAt } from "./json.ts";

export interface KubeObject {
  readonly file: string;
  /** "apps/v1"; "v1" for the core group. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace: string | undefined;
  readonly name: string;
  readonly value: JsonRecord;
  /** Span of a field in the text of its file. */
  locate(path: Path): Span | undefined;
}

/** The group of an apiVersion; "" for the core group. */
export function groupOf({ apiVersion }: Pick<KubeObject, "apiVersion">): string {
  const slash = apiVersion.indexOf("/");
  return slash < 0 ? "" : apiVersion.slice(0, slash);
}

/** Undefined for values that are not objects with a kind and a name. */
export function kubeObject(
  file: string,
  value: JsonRecord,
  locate: KubeObject["locate"],
  implied: { readonly apiVersion?: string | undefined; readonly kind?: string | undefined } = {},
): KubeObject | undefined {
  const kind = textAt(value, "kind") ?? implied.kind;
  const name = textAt(value, "metadata", "name");
  if (kind === undefined || name === undefined) return undefined;
  const apiVersion = textAt(value, "apiVersion") ?? implied.apiVersion ?? "v1";
  return { file, apiVersion, kind, name, namespace: textAt(value, "metadata", "namespace"), value, locate };
}

export function labelsOf({ value }: KubeObject): ReadonlyMap<string, string> {
  return textsAt(value, "metadata", "labels");
}

export function annotationsOf({ value }: KubeObject): ReadonlyMap<string, string> {
  return textsAt(value, "metadata", "annotations");
}

/** What the handles of this front end are: an object, the path of the field, and the paths of the arguments. */
export interface Place {
  readonly object: KubeObject;
  readonly path: Path;
  /** By argument index (`Read.index`); the items of a list argument follow the path of the list. */
  readonly parts: readonly (Path | undefined)[];
}

const places = new WeakMap<Handle, Place>();

export function placeOf(handle: Handle): Place | undefined {
  return places.get(handle);
}

/** Span of a part; of the nearest enclosing field if the part itself has no place. */
export function spanOfPlace({ object, path, parts }: Place, part: Part): Span | undefined {
  const own = typeof part === "number" ? parts[part] : typeof part === "object" ? parts[part[0]] : undefined;
  const exact =
    own && typeof part === "object"
      ? (object.locate([...own, part[1]]) ?? object.locate(own))
      : own && object.locate(own);
  if (exact) return exact;
  for (let length = path.length; length >= 0; length -= 1) {
    const found = object.locate(path.slice(0, length));
    if (found) return found;
  }
  return undefined;
}

/** A handle for a position in a file that is not a field of an object. */
export function handleAt(file: string, span: Span): Handle {
  const handle = {} as Handle;
  const object: KubeObject = {
    file,
    apiVersion: "",
    kind: "",
    namespace: undefined,
    name: "",
    value: {},
    locate: () => span,
  };
  places.set(handle, { object, path: [], parts: [] });
  return handle;
}

/** A draft with the place of the field that it was read from, and of its arguments by name. */
export function drafted(
  object: KubeObject,
  path: Path,
  draft: Omit<Draft, "handle" | "file">,
  paths: Readonly<Record<string, Path | undefined>> = {},
): Draft {
  const handle = {} as Handle;
  places.set(handle, { object, path, parts: Object.keys(draft.args ?? {}).map((name) => paths[name]) });
  return { ...draft, handle, file: object.file };
}
