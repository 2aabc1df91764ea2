/** The types of the fields that knet reads, and values that the maker of a dump has hidden. */
import { type FileProblem, problemInText } from "../../declared/file-problem.ts";
import { t } from "../../text/l10n.ts";
import { isRecord, type Json, type Path } from "./json.ts";
import type { KubeObject } from "./object.ts";

/** `text` also accepts a number: `textAt` does. */
type Leaf = "text" | "number" | "boolean" | "number or text";
type Shape =
  | Leaf
  | { readonly list: Shape }
  | { readonly map: Shape }
  | { readonly fields: Readonly<Record<string, Shape>> };

const TEXTS: Shape = { list: "text" };
const LABELS: Shape = { map: "text" };
const fields = (of: Readonly<Record<string, Shape>>): Shape => ({ fields: of });
const list = (of: Shape): Shape => ({ list: of });
const object = (spec: Readonly<Record<string, Shape>>, more: Readonly<Record<string, Shape>> = {}): Shape =>
  fields({ metadata: fields({ labels: LABELS, annotations: fields({}) }), spec: fields(spec), ...more });

const CONTAINERS = list(
  fields({
    name: "text",
    ports: list(fields({ name: "text", containerPort: "number", hostPort: "number", protocol: "text" })),
  }),
);
const POD_SPEC: Readonly<Record<string, Shape>> = {
  hostNetwork: "boolean",
  nodeName: "text",
  containers: CONTAINERS,
  initContainers: CONTAINERS,
};
const TEMPLATE = fields({ metadata: fields({ labels: LABELS }), spec: fields(POD_SPEC) });
const CONTROLLER = object({ replicas: "number", template: TEMPLATE });
const SELECTOR = fields({
  matchLabels: LABELS,
  matchExpressions: list(fields({ key: "text", operator: "text", values: TEXTS })),
});
const PEERS = list(
  fields({ podSelector: SELECTOR, namespaceSelector: SELECTOR, ipBlock: fields({ cidr: "text", except: TEXTS }) }),
);
const POLICY_PORTS = list(fields({ port: "number or text", endPort: "number", protocol: "text" }));

/** By kind, from the types of k8s.io/api (core/v1, apps/v1, networking/v1, discovery/v1). */
const SHAPES: Readonly<Record<string, Shape>> = {
  Node: object(
    { podCIDR: "text", podCIDRs: TEXTS },
    { status: fields({ addresses: list(fields({ type: "text", address: "text" })) }) },
  ),
  Namespace: object({}),
  Pod: object(POD_SPEC, { status: fields({ podIP: "text", podIPs: list(fields({ ip: "text" })), phase: "text" }) }),
  Deployment: CONTROLLER,
  ReplicaSet: CONTROLLER,
  StatefulSet: CONTROLLER,
  DaemonSet: CONTROLLER,
  Job: CONTROLLER,
  CronJob: object({ jobTemplate: fields({ spec: fields({ template: TEMPLATE }) }) }),
  Service: object({
    type: "text",
    clusterIP: "text",
    clusterIPs: TEXTS,
    selector: LABELS,
    externalIPs: TEXTS,
    loadBalancerSourceRanges: TEXTS,
    healthCheckNodePort: "number",
    ports: list(
      fields({ name: "text", port: "number", nodePort: "number", protocol: "text", targetPort: "number or text" }),
    ),
  }),
  EndpointSlice: fields({
    metadata: fields({ labels: LABELS }),
    endpoints: list(fields({ addresses: TEXTS })),
    ports: list(fields({ port: "number", name: "text", protocol: "text" })),
  }),
  NetworkPolicy: object({
    podSelector: SELECTOR,
    policyTypes: TEXTS,
    ingress: list(fields({ from: PEERS, ports: POLICY_PORTS })),
    egress: list(fields({ to: PEERS, ports: POLICY_PORTS })),
  }),
  ServiceCIDR: object({ cidrs: TEXTS }),
  IPPool: object({ cidr: "text", natOutgoing: "boolean", disabled: "boolean" }),
};

/** Longer texts are cut in a message. */
const LONGEST = 40;

/** Fields with another type than the API's: readers ignore their values. */
export function wrongTypes(of: KubeObject): readonly FileProblem[] {
  const shape = Object.hasOwn(SHAPES, of.kind) ? SHAPES[of.kind] : undefined;
  return shape === undefined ? [] : [...mismatches(of, of.value, shape, [])];
}

function* mismatches(of: KubeObject, value: Json | undefined, shape: Shape, path: Path): Generator<FileProblem> {
  if (value === undefined || value === null) return;
  if (typeof shape === "string") {
    if (!isOf(value, shape)) yield mismatch(of, value, path, expected(shape));
  } else if ("list" in shape) {
    if (!Array.isArray(value)) yield mismatch(of, value, path, t`a list`);
    else
      for (const [index, one] of (value as readonly Json[]).entries())
        yield* mismatches(of, one, shape.list, [...path, index]);
  } else if (!isRecord(value)) yield mismatch(of, value, path, t`an object`);
  else if ("map" in shape)
    for (const key of Object.keys(value)) yield* mismatches(of, value[key], shape.map, [...path, key]);
  else
    for (const [key, inner] of Object.entries(shape.fields))
      if (Object.hasOwn(value, key)) yield* mismatches(of, value[key], inner, [...path, key]);
}

function isOf(value: Json, shape: Leaf): boolean {
  switch (shape) {
    case "text":
      return typeof value === "string" || typeof value === "number" || typeof value === "boolean";
    case "number or text":
      return typeof value === "string" || typeof value === "number";
    case "number":
    case "boolean":
      return typeof value === shape;
  }
}

function expected(shape: Leaf): string {
  switch (shape) {
    case "text":
      return t`a string`;
    case "number":
      return t`a number`;
    case "boolean":
      return t`true or false`;
    case "number or text":
      return t`a number or a string`;
  }
}

function mismatch(of: KubeObject, value: Json, path: Path, wanted: string): FileProblem<"KN806"> {
  return problemInText("KN806", of.file, of.locate(path) ?? { start: 0, end: 0 }, {
    cause: "type",
    field: fieldText(path),
    value: shown(value),
    expected: wanted,
  });
}

/** "spec.ports[0].port" */
function fieldText(path: Path): string {
  return path.map((one, index) => (typeof one === "number" ? `[${one}]` : index === 0 ? one : `.${one}`)).join("");
}

function shown(value: Json): string {
  if (Array.isArray(value)) return "[…]";
  if (isRecord(value)) return "{…}";
  const text = typeof value === "string" ? value : String(value);
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`;
}

/* ------------------------------------------------------------------ hidden values */

/** What troubleshoot.sh puts in place of addresses and secrets. */
export const HIDDEN = "***HIDDEN***";

/** Fields with texts for people and programs, whose hidden values change no result. */
const UNUSED: ReadonlySet<string> = new Set(["annotations", "env", "args", "command", "data", "conditions", "images"]);
/** Deeper values are not searched. */
const DEEPEST = 30;

/** Replaces hidden values by null, which is an absent value. `locate` is not affected: paths stay the same. */
export function withoutHidden(
  of: KubeObject,
  reported: Set<string>,
): { readonly object: KubeObject; readonly problems: readonly FileProblem[] } {
  const problems: FileProblem[] = [];
  const value = revealed(of.value, []);
  return { object: isRecord(value) ? { ...of, value } : of, problems };

  function revealed(value: Json, path: Path): Json {
    if (typeof value === "string") {
      if (!value.includes(HIDDEN)) return value;
      // One report for the same field of all objects of a kind.
      const key = `${of.kind} ${fieldText(path.map((one) => (typeof one === "number" ? 0 : one)))}`;
      if (!reported.has(key) && !path.some((one) => UNUSED.has(String(one)))) {
        reported.add(key);
        const span = of.locate(path) ?? { start: 0, end: 0 };
        problems.push(
          problemInText("KN806", of.file, span, { cause: "redacted", field: fieldText(path), value: shown(value) }),
        );
      }
      return null;
    }
    if (path.length > DEEPEST || typeof value !== "object" || value === null) return value;
    if (Array.isArray(value)) return (value as readonly Json[]).map((one, index) => revealed(one, [...path, index]));
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, revealed(one ?? null, [...path, key])]));
  }
}
