// A small kube-apiserver for tests: serves Kubernetes objects that are given as data, so that the real programs (kube-proxy,
// flanneld, kube-router, Felix) run without a cluster. HTTP on loopback, JSON only, no authentication.
//
//   const server = await serve([{ apiVersion: "v1", kind: "Node", metadata: { name: "n1" } }]);
//   kubeconfig: server.kubeconfig           clientConnection.contentType: application/json
//   server.objects()                        the objects, with everything that the program has written
//
// In a network namespace, as a process; prints one line when it listens, and the objects at GET /:
//
//   ip netns exec NS node test/programs/api-server.ts objects.json 8080
//
// Supported: get, list, watch (resumed, or with initial events and the bookmark that ends them), label and field selectors,
// create, update, patch (merged), delete. The status subresource is the object itself. Any group, version, and resource
// exists; without objects, a list is empty. The name of a resource is the kind's plural.

import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** Any JSON object. */
export interface JsonObject {
  readonly [key: string]: unknown;
}

export interface Metadata extends JsonObject {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A Kubernetes object of any kind. */
export interface KubeObject extends JsonObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: Metadata;
}

export interface ApiServer {
  readonly url: string;
  /** A kubeconfig file's content, as JSON. */
  readonly kubeconfig: string;
  /** In order of creation, with the changes made by clients. */
  objects(): readonly KubeObject[];
  close(): Promise<void>;
}

/** `group` is "" for the core group; `resource` is the plural. */
interface Target {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  readonly namespace: string | undefined;
  readonly name: string | undefined;
}

interface Change {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly version: number;
  readonly object: KubeObject;
}

interface Watcher {
  readonly target: Target;
  readonly selects: (object: KubeObject) => boolean;
  readonly response: ServerResponse;
}

interface Store {
  readonly objects: Map<string, KubeObject>;
  readonly changes: Change[];
  readonly watchers: Set<Watcher>;
  version: number;
}

/** Kinds of resources that a program may watch although no object exists: a bookmark must name its kind. */
const KINDS: readonly string[] =
  "Node Service EndpointSlice ServiceCIDR Pod Namespace NetworkPolicy ServiceAccount ConfigMap Secret Lease".split(" ");

export async function serve(objects: readonly KubeObject[], port = 0, host = "127.0.0.1"): Promise<ApiServer> {
  const store: Store = { objects: new Map(), changes: [], watchers: new Set(), version: 1 };
  for (const object of objects) put(store, object, "ADDED");
  const server = createServer((request, response) => {
    answer(store, request, response).catch((error: unknown) => {
      response.writeHead(500).end(JSON.stringify(status(500, "InternalError", String(error))));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, resolve);
  });
  const url = `http://${host}:${(server.address() as AddressInfo).port}`;
  return {
    url,
    kubeconfig: kubeconfigOf(url),
    objects: () => [...store.objects.values()],
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function kubeconfigOf(url: string): string {
  return JSON.stringify({
    apiVersion: "v1",
    kind: "Config",
    clusters: [{ name: "test", cluster: { server: url } }],
    contexts: [{ name: "test", context: { cluster: "test", user: "test" } }],
    users: [{ name: "test", user: {} }],
    "current-context": "test",
  });
}

/* ---------------------------------------------------------------- requests */

async function answer(store: Store, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = new URL(request.url ?? "/", "http://localhost");
  const body = await bodyOf(request);
  const send = (code: number, value: unknown): void => {
    response.writeHead(code, { "content-type": "application/json" }).end(JSON.stringify(value));
  };
  if (url.pathname === "/") return send(200, [...store.objects.values()]);
  if (url.pathname === "/version") return send(200, { major: "1", minor: "37", gitVersion: "v1.37.0" });
  const target = targetOf(url.pathname);
  if (target === undefined) return send(200, discovery(store, url.pathname));
  const found = target.name === undefined ? undefined : store.objects.get(keyOf(target, target.namespace, target.name));
  switch (request.method) {
    case "GET":
      if (target.name !== undefined) return found ? send(200, found) : send(404, missing(target));
      if (url.searchParams.get("watch") === "true" || url.searchParams.get("watch") === "1")
        return watch(store, target, url.searchParams, response);
      return send(200, {
        metadata: { resourceVersion: String(store.version) },
        items: listed(store, target, selectorOf(url.searchParams)),
      });
    case "POST": {
      const object = withDefaults(body as KubeObject, target);
      return send(201, put(store, object, "ADDED"));
    }
    case "PUT":
      return send(200, put(store, withDefaults(body as KubeObject, target), found ? "MODIFIED" : "ADDED"));
    case "PATCH":
      if (!found) return send(404, missing(target));
      return send(200, put(store, merged(found, body) as KubeObject, "MODIFIED"));
    case "DELETE":
      if (!found) return send(404, missing(target));
      return send(200, put(store, found, "DELETED"));
    default:
      return send(405, status(405, "MethodNotAllowed", `${request.method} is not supported`));
  }
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString("utf8");
  return text === "" ? undefined : JSON.parse(text);
}

/** /api/v1/… and /apis/GROUP/VERSION/…; a subresource is ignored. */
function targetOf(path: string): Target | undefined {
  const parts = path.split("/").filter((part) => part !== "");
  const [root, ...rest] = parts;
  const [group, version] = root === "api" ? ["", rest.shift()] : [rest.shift(), rest.shift()];
  if ((root !== "api" && root !== "apis") || group === undefined || version === undefined || rest.length === 0)
    return undefined;
  const namespaced = rest[0] === "namespaces" && rest.length > 2;
  const [resource = "", name] = namespaced ? rest.slice(2) : rest;
  return { group, version, resource, namespace: namespaced ? rest[1] : undefined, name };
}

/** /api, /apis, and the resources of a version: those that have objects. */
function discovery(store: Store, path: string): unknown {
  const versions = [...new Set([...store.objects.values()].map(({ apiVersion }) => apiVersion))];
  if (path === "/api") return { kind: "APIVersions", versions: ["v1"] };
  if (path === "/apis") {
    const groups = versions
      .filter((one) => one.includes("/"))
      .map((groupVersion) => {
        const [name = "", version = ""] = groupVersion.split("/");
        return { name, versions: [{ groupVersion, version }], preferredVersion: { groupVersion, version } };
      });
    return { kind: "APIGroupList", apiVersion: "v1", groups };
  }
  const groupVersion = path.replace(/^\/apis?\//, "");
  const kinds = new Map<string, boolean>();
  for (const { apiVersion, kind, metadata } of store.objects.values())
    if (apiVersion === groupVersion) kinds.set(kind, metadata.namespace !== undefined);
  const resources = [...kinds].map(([kind, namespaced]) => ({
    name: pluralOf(kind),
    kind,
    namespaced,
    verbs: ["get", "list", "watch", "create", "update", "patch", "delete"],
  }));
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion, resources };
}

/* ------------------------------------------------------------------- watch */

/** Initial events if requested, else the changes since `resourceVersion`; then changes as they happen. */
function watch(store: Store, target: Target, query: URLSearchParams, response: ServerResponse): void {
  const selects = selectorOf(query);
  response.writeHead(200, { "content-type": "application/json" });
  response.flushHeaders();
  if (query.get("sendInitialEvents") === "true") {
    for (const object of listed(store, target, selects)) event(response, "ADDED", object);
    event(response, "BOOKMARK", bookmark(store, target));
  } else {
    const since = Number(query.get("resourceVersion") ?? store.version);
    for (const { type, version, object } of store.changes)
      if (version > since && isIn(target, object) && selects(object)) event(response, type, object);
  }
  const watcher: Watcher = { target, selects, response };
  store.watchers.add(watcher);
  response.on("close", () => store.watchers.delete(watcher));
}

function event(response: ServerResponse, type: string, object: unknown): void {
  response.write(`${JSON.stringify({ type, object })}\n`);
}

/** The end of the initial events (k8s.io/apimachinery/pkg/apis/meta/v1, InitialEventsAnnotationKey). */
function bookmark(store: Store, target: Target): KubeObject {
  const known = [...store.objects.values()].find((object) => isIn({ ...target, namespace: undefined }, object));
  const kind = known?.kind ?? KINDS.find((one) => pluralOf(one) === target.resource) ?? target.resource;
  return {
    apiVersion: versionOf(target),
    kind,
    metadata: {
      name: "",
      resourceVersion: String(store.version),
      annotations: { "k8s.io/initial-events-end": "true" },
    },
  };
}

/* ------------------------------------------------------------------- store */

/** Stores the object under a new resource version, and sends it to the watchers. */
function put(store: Store, object: KubeObject, type: Change["type"]): KubeObject {
  store.version += 1;
  const metadata: Metadata = {
    uid: `uid-${store.version}`,
    ...object.metadata,
    resourceVersion: String(store.version),
  };
  const stored: KubeObject = { ...object, metadata };
  const key = keyOf(placeOf(stored), metadata.namespace, metadata.name);
  if (type === "DELETED") store.objects.delete(key);
  else store.objects.set(key, stored);
  store.changes.push({ type, version: store.version, object: stored });
  for (const { target, selects, response } of store.watchers)
    if (isIn(target, stored) && selects(stored)) event(response, type, stored);
  return stored;
}

function listed(store: Store, target: Target, selects: (object: KubeObject) => boolean): readonly KubeObject[] {
  return [...store.objects.values()].filter((object) => isIn(target, object) && selects(object));
}

function isIn(target: Target, object: KubeObject): boolean {
  const place = placeOf(object);
  return (
    place.group === target.group &&
    place.version === target.version &&
    place.resource === target.resource &&
    (target.namespace === undefined || target.namespace === object.metadata.namespace) &&
    (target.name === undefined || target.name === object.metadata.name)
  );
}

function placeOf({ apiVersion, kind }: KubeObject): Pick<Target, "group" | "version" | "resource"> {
  const [group, version] = apiVersion.includes("/") ? apiVersion.split("/") : ["", apiVersion];
  return { group: group ?? "", version: version ?? "", resource: pluralOf(kind) };
}

function keyOf({ group, resource }: Pick<Target, "group" | "resource">, namespace = "", name = ""): string {
  return `${group}/${resource}/${namespace}/${name}`;
}

function versionOf({ group, version }: Pick<Target, "group" | "version">): string {
  return group === "" ? version : `${group}/${version}`;
}

function pluralOf(kind: string): string {
  const lower = kind.toLowerCase();
  if (lower === "endpoints") return lower;
  if (lower.endsWith("y")) return `${lower.slice(0, -1)}ies`;
  return lower.endsWith("s") ? `${lower}es` : `${lower}s`;
}

/** A client may omit the type, and the namespace that is in the path. */
function withDefaults(object: KubeObject, target: Target): KubeObject {
  const kind = object.kind ?? KINDS.find((one) => pluralOf(one) === target.resource) ?? target.resource;
  const { metadata } = object;
  const name =
    metadata.name ?? target.name ?? `${String(metadata["generateName"] ?? "")}${Math.floor(performance.now())}`;
  const namespace = metadata.namespace ?? target.namespace;
  return {
    ...object,
    apiVersion: object.apiVersion ?? versionOf(target),
    kind,
    metadata: { ...metadata, name, ...(namespace === undefined ? {} : { namespace }) },
  };
}

/** RFC 7396. A strategic merge patch of maps is the same; lists are replaced. */
function merged(before: unknown, patch: unknown): unknown {
  if (!isObject(patch)) return patch;
  const result: Record<string, unknown> = isObject(before) ? { ...before } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = merged(result[key], value);
  }
  return result;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/* --------------------------------------------------------------- selectors */

function selectorOf(query: URLSearchParams): (object: KubeObject) => boolean {
  const labels = (query.get("labelSelector") ?? "").match(/[^,(]+(\([^)]*\))?/g) ?? [];
  const fields = (query.get("fieldSelector") ?? "").split(",").filter((one) => one !== "");
  return (object) =>
    labels.every((term) => hasLabel(object.metadata.labels ?? {}, term.trim())) &&
    fields.every((term) => {
      const [, path = "", operator, value = ""] = /^([^=!]+)(==|=|!=)(.*)$/.exec(term) ?? [];
      const found = path.split(".").reduce<unknown>((at, key) => (isObject(at) ? at[key] : undefined), object);
      return (String(found ?? "") === value) !== (operator === "!=");
    });
}

/** `key=value`, `key!=value`, `key`, `!key`, `key in (a,b)`, `key notin (a,b)`. */
function hasLabel(labels: Readonly<Record<string, string>>, term: string): boolean {
  const set = /^(\S+) (in|notin) \(([^)]*)\)$/.exec(term);
  if (set) {
    const [, key = "", how, values = ""] = set;
    const inside = values.split(",").includes(labels[key] ?? "");
    return how === "in" ? inside && labels[key] !== undefined : !inside;
  }
  if (term.startsWith("!")) return labels[term.slice(1)] === undefined;
  const [key = "", value] = term.split(/!?==?/);
  if (value === undefined) return labels[key] !== undefined;
  return (labels[key] === value) !== term.includes("!=");
}

function missing({ resource, name }: Target): JsonObject {
  return status(404, "NotFound", `${resource} "${name}" not found`);
}

function status(code: number, reason: string, message: string): JsonObject {
  return { kind: "Status", apiVersion: "v1", metadata: {}, status: "Failure", code, reason, message };
}

if (import.meta.main || process.argv[1] === import.meta.filename) {
  const [file = "", port = "8080"] = process.argv.slice(2);
  const { url } = await serve(JSON.parse(readFileSync(file, "utf8")) as KubeObject[], Number(port));
  console.log(`listening on ${url}`);
}
