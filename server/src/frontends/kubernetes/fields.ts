/** The types of the fields that knet reads, and values that the maker of a dump has hidden. */
import { type FileProblem, problemInText } from "../../declared/file-problem.ts";
import { either } from "../../text/format.ts";
import { isRecord, type Json, type JsonRecord, listAt, numberAt, type Path } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import { nearest } from "../../text/nearest.ts";
import { groupOf, type KubeObject } from "./object.ts";
import { spanOf } from "./problems.ts";
import { lacksValues } from "./selector.ts";

/** `text` also accepts a number: `textAt` does. */
type Leaf = "text" | "number" | "boolean" | "number or text";
type Shape =
  | Leaf
  | { readonly list: Shape }
  | { readonly map: Shape }
  | { readonly words: readonly string[] }
  | {
      readonly fields: Readonly<Record<string, Shape>>;
      /** The other fields of the API's type, which knet does not read; undefined if they are not listed. */
      readonly others?: readonly string[];
      readonly fault?: (value: JsonRecord) => Fault | undefined;
    };

/** A field whose value does not fit to the other fields of its object. */
interface Fault {
  readonly cause: "type" | "rejected";
  readonly key: string;
  readonly value: Json;
  readonly expected: string;
}

const TEXTS: Shape = { list: "text" };
const LABELS: Shape = { map: "text" };
const fields = (of: Readonly<Record<string, Shape>>): Shape => ({ fields: of });
/** An object with these fields, `others`, and nothing else. */
const closed = (
  of: Readonly<Record<string, Shape>>,
  others: readonly string[] = [],
  fault?: (value: JsonRecord) => Fault | undefined,
): Shape => ({ fields: of, others, ...(fault ? { fault } : {}) });
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
/** meta/v1 ObjectMeta. */
const OTHER_METADATA = (
  "name generateName namespace selfLink uid resourceVersion generation creationTimestamp deletionTimestamp " +
  "deletionGracePeriodSeconds annotations ownerReferences finalizers managedFields clusterName initializers"
).split(" ");
const TEMPLATE = closed({ metadata: closed({ labels: LABELS }, OTHER_METADATA), spec: fields(POD_SPEC) });
const SELECTOR = closed({
  matchLabels: LABELS,
  matchExpressions: list(
    closed(
      { key: "text", operator: { words: ["In", "NotIn", "Exists", "DoesNotExist"] }, values: TEXTS },
      [],
      requirementFault,
    ),
  ),
});
const CONTROLLER = object({ replicas: "number", selector: SELECTOR, template: TEMPLATE });
const PEERS = list(
  closed({ podSelector: SELECTOR, namespaceSelector: SELECTOR, ipBlock: closed({ cidr: "text", except: TEXTS }) }),
);
const PROTOCOL: Shape = { words: ["TCP", "UDP", "SCTP"] };
const POLICY_PORTS = list(closed({ port: "number or text", endPort: "number", protocol: PROTOCOL }, [], rangeFault));
/** core/v1 ServiceSpec, with the removed fields of earlier versions. */
const OTHER_SERVICE = (
  "sessionAffinity loadBalancerIP externalName externalTrafficPolicy publishNotReadyAddresses sessionAffinityConfig " +
  "ipFamilies ipFamilyPolicy ipFamily topologyKeys allocateLoadBalancerNodePorts loadBalancerClass " +
  "internalTrafficPolicy trafficDistribution"
).split(" ");

function requirementFault(value: JsonRecord): Fault | undefined {
  const { key, operator } = value;
  if (key === undefined || key === null) return { cause: "rejected", key: "key", value: "", expected: t`a label key` };
  if (operator === undefined || operator === null)
    return { cause: "rejected", key: "operator", value: "", expected: t`an operator` };
  return typeof operator === "string" && lacksValues(operator, listAt(value, "values"))
    ? { cause: "rejected", key: "values", value: [], expected: t`at least one value` }
    : undefined;
}

/** NetworkPolicyPort: `endPort` requires a number as `port`, and is not below it. */
function rangeFault(value: JsonRecord): Fault | undefined {
  const last = numberAt(value, "endPort");
  if (last === undefined) return undefined;
  const first = numberAt(value, "port");
  if (first === undefined)
    return { cause: "type", key: "endPort", value: last, expected: t`a \`port\` that is a number` };
  return last < first
    ? { cause: "type", key: "endPort", value: last, expected: t`at least ${String(first)}` }
    : undefined;
}

function withClosedSpec(spec: Readonly<Record<string, Shape>>, others: readonly string[] = []): Shape {
  return closed(
    { metadata: closed({ labels: LABELS, annotations: fields({}) }, OTHER_METADATA), spec: closed(spec, others) },
    ["apiVersion", "kind", "status"],
  );
}

/** Other groups have kinds with the same names: a NetworkPolicy of Calico, a Service of Knative. */
const GROUPS: ReadonlySet<string> = new Set([
  "",
  "apps",
  "batch",
  "extensions",
  "networking.k8s.io",
  "discovery.k8s.io",
]);

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
  Service: withClosedSpec(
    {
      type: "text",
      clusterIP: "text",
      clusterIPs: TEXTS,
      selector: LABELS,
      externalIPs: TEXTS,
      loadBalancerSourceRanges: TEXTS,
      healthCheckNodePort: "number",
      ports: list(
        closed({ name: "text", port: "number", nodePort: "number", protocol: PROTOCOL, targetPort: "number or text" }, [
          "appProtocol",
        ]),
      ),
    },
    OTHER_SERVICE,
  ),
  EndpointSlice: fields({
    metadata: fields({ labels: LABELS }),
    endpoints: list(fields({ addresses: TEXTS })),
    ports: list(fields({ port: "number", name: "text", protocol: "text" })),
  }),
  NetworkPolicy: withClosedSpec({
    podSelector: SELECTOR,
    policyTypes: list({ words: ["Ingress", "Egress"] }),
    ingress: list(closed({ from: PEERS, ports: POLICY_PORTS })),
    egress: list(closed({ to: PEERS, ports: POLICY_PORTS })),
  }),
  ServiceCIDR: object({ cidrs: TEXTS }),
  IPPool: object({ cidr: "text", natOutgoing: "boolean", disabled: "boolean" }),
};

/** Longer texts are cut in a message. */
const LONGEST = 40;

/** Fields with another type than the API's: readers ignore their values. */
export function wrongTypes(of: KubeObject): readonly FileProblem[] {
  const isKnown = Object.hasOwn(SHAPES, of.kind) && (of.kind === "IPPool" || GROUPS.has(groupOf(of)));
  const shape = isKnown ? SHAPES[of.kind] : undefined;
  return shape === undefined ? [] : [...mismatches(of, of.value, shape, [])];
}

function* mismatches(of: KubeObject, value: Json | undefined, shape: Shape, path: Path): Generator<FileProblem> {
  if (value === undefined || value === null) return;
  if (typeof shape === "string") {
    if (!isOf(value, shape)) yield mismatch(of, value, path, expected(shape));
  } else if ("words" in shape) {
    if (typeof value !== "string") yield mismatch(of, value, path, t`a string`);
    else if (!shape.words.includes(value))
      yield mismatch(of, value, path, either(shape.words.map((one) => `\`${one}\``)), "rejected");
  } else if ("list" in shape) {
    if (!Array.isArray(value)) yield mismatch(of, value, path, t`a list`);
    else
      for (const [index, one] of (value as readonly Json[]).entries())
        yield* mismatches(of, one, shape.list, [...path, index]);
  } else if (!isRecord(value)) yield mismatch(of, value, path, t`an object`);
  else if ("map" in shape)
    for (const key of Object.keys(value)) yield* mismatches(of, value[key], shape.map, [...path, key]);
  else {
    for (const [key, inner] of Object.entries(shape.fields))
      if (Object.hasOwn(value, key)) yield* mismatches(of, value[key], inner, [...path, key]);
    const fault = shape.fault?.(value);
    if (fault) yield mismatch(of, fault.value, [...path, fault.key], fault.expected, fault.cause);
    if (shape.others) yield* unknownFields(of, value, [...Object.keys(shape.fields), ...shape.others], path);
  }
}

function* unknownFields(
  of: KubeObject,
  value: JsonRecord,
  known: readonly string[],
  path: Path,
): Generator<FileProblem> {
  for (const field of Object.keys(value))
    if (!known.includes(field))
      yield problemInText("KN806", of.file, spanOf(of, [...path, field]), {
        cause: "unknown-field",
        field,
        parent: fieldText(path),
        nearest: nearest(field, known),
      });
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

function mismatch(
  of: KubeObject,
  value: Json,
  path: Path,
  wanted: string,
  cause: Fault["cause"] = "type",
): FileProblem<"KN806"> {
  return problemInText("KN806", of.file, spanOf(of, path), {
    cause,
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
  if (Array.isArray(value)) return value.length === 0 ? "[]" : "[…]";
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
