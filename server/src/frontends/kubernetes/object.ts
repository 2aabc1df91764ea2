/** Kubernetes objects and the places of their fields. */
import { parseIp } from "../../addressing/ip.ts";
import type { Draft } from "../../declared/build.ts";
import type { Handle, Part } from "../../declared/handle.ts";
import { NO_DECL } from "../../declared/navigate.ts";
import type { Origin } from "../../declared/origin.ts";
import { at, isRecord, type JsonRecord, listAt, type Path, textAt, textsAt } from "../../text/json.ts";
import type { Span } from "../../text/span.ts";
import { shapeOf } from "../config/shape.ts";

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
  const own = textAt(value, "metadata", "name");
  const shape = own === undefined && implied.kind === undefined ? shapeOf(value) : undefined;
  const kind = shape?.kind ?? textAt(value, "kind") ?? implied.kind;
  // The API server adds random characters to `generateName`.
  const generated = textAt(value, "metadata", "generateName")?.replace(/[-.]+$/, "");
  const name = own ?? generated ?? (shape && (shape.name ?? file));
  if (kind === undefined || name === undefined) return undefined;
  const apiVersion = shape?.apiVersion ?? textAt(value, "apiVersion") ?? implied.apiVersion ?? "v1";
  return { file, apiVersion, kind, name, namespace: textAt(value, "metadata", "namespace"), value, locate };
}

export function labelsOf({ value }: KubeObject): ReadonlyMap<string, string> {
  return textsAt(value, "metadata", "labels");
}

export function annotationsOf({ value }: KubeObject): ReadonlyMap<string, string> {
  return textsAt(value, "metadata", "annotations");
}

/** The addresses that other nodes use for a node. */
export function internalIps({ value }: KubeObject): readonly string[] {
  return listAt(value, "status", "addresses").flatMap((one) =>
    textAt(one, "type") === "InternalIP" ? (textAt(one, "address") ?? []) : [],
  );
}

/** The addresses of a node outside of its network; not those that are also internal. */
export function externalIps(node: KubeObject): readonly string[] {
  const internal = new Set(internalIps(node));
  return listAt(node.value, "status", "addresses").flatMap((one) => {
    const text = textAt(one, "type") === "ExternalIP" ? textAt(one, "address") : undefined;
    return text === undefined || internal.has(text) || parseIp(text) === undefined ? [] : [text];
  });
}

/** The pod CIDRs that the control plane has assigned to a node; before Kubernetes 1.16 only `podCIDR` exists. */
export function podCidrTexts({ value }: KubeObject): readonly { readonly text: string; readonly path: Path }[] {
  const all = listAt(value, "spec", "podCIDRs").flatMap((text, index) =>
    typeof text === "string" ? [{ text, path: ["spec", "podCIDRs", index] }] : [],
  );
  const first = textAt(value, "spec", "podCIDR");
  return all.length > 0 ? all : first === undefined ? [] : [{ text: first, path: ["spec", "podCIDR"] }];
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
  const item = own && typeof part === "object" ? itemPath(object, own, part[1]) : undefined;
  const exact = (item && object.locate(item)) ?? (own && object.locate(own));
  if (exact) return exact;
  for (let length = path.length; length >= 0; length -= 1) {
    const found = object.locate(path.slice(0, length));
    if (found) return found;
  }
  return undefined;
}

/** An item of a list, or an entry of a map such as labels. */
function itemPath({ value }: KubeObject, path: Path, index: number): Path | undefined {
  const found = at(value, ...path);
  const key = isRecord(found) ? Object.keys(found)[index] : index;
  return key === undefined ? undefined : [...path, key];
}

/** The location of a field that is not a declaration. */
export function originAt(object: KubeObject, path: Path): Origin {
  const handle = {} as Handle;
  places.set(handle, { object, path, parts: [] });
  return { file: object.file, decl: { ...NO_DECL, handle }, part: "whole" };
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
  const names = Object.keys(draft.args ?? {});
  // The field of a draft with one argument is its value.
  const only = names.length === 1 ? path : undefined;
  places.set(handle, { object, path, parts: names.map((name) => paths[name] ?? only) });
  return { ...draft, handle, file: object.file };
}
