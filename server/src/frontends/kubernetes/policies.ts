/** NetworkPolicy, AdminNetworkPolicy, BaselineAdminNetworkPolicy, and ClusterNetworkPolicy as policies. */
import type { Arguments, Draft } from "../../declared/build.ts";
import { at, type Json, listAt, numberAt, type Path, textAt } from "../../text/json.ts";
import { drafted, type KubeObject } from "./object.ts";
import { ALL, selectorTerms } from "./selector.ts";

type Direction = "ingress" | "egress";
const DIRECTIONS: readonly Direction[] = ["ingress", "egress"];

/**
 * The keys of API versions are different: AdminNetworkPolicy has `ports`, ClusterNetworkPolicy `protocols`
 * (network-policy-api, apis/v1alpha1 and apis/v1alpha2).
 */

/** networking.k8s.io/v1 */
export function networkPolicy(object: KubeObject): Draft {
  const spec = at(object.value, "spec");
  const types = listAt(spec, "policyTypes").flatMap((one) => (typeof one === "string" ? one.toLowerCase() : []));
  const selector = at(spec, "podSelector");
  return drafted(
    object,
    [],
    {
      keyword: "policy",
      args: { name: object.name },
      children: [
        drafted(object, ["spec", "podSelector"], { keyword: "select", args: { pods: selectorTerms(selector) } }),
        ...(types.length > 0
          ? [drafted(object, ["spec", "policyTypes"], { keyword: "types", args: { directions: types } })]
          : []),
        ...DIRECTIONS.flatMap((direction) =>
          listAt(spec, direction).map((rule, index) => policyRule(object, direction, rule, ["spec", direction, index])),
        ),
      ],
    },
    { name: ["metadata", "name"] },
  );
}

function policyRule(object: KubeObject, direction: Direction, rule: Json, path: Path): Draft {
  const [from, to] = direction === "ingress" ? (["from", "to"] as const) : (["to", "port"] as const);
  const peers = listAt(rule, direction === "ingress" ? "from" : "to");
  const ports = listAt(rule, "ports");
  const key = direction === "ingress" ? "from" : "to";
  const children = [
    ...peers.map((peer, index) =>
      drafted(
        object,
        [...path, key, index],
        { keyword: from, args: peerArguments(peer) },
        peerPaths([...path, key, index]),
      ),
    ),
    ...portDrafts(object, to, ports.map(portText), [...path, "ports"]),
  ];
  // A rule without peers and ports allows everything.
  return children.length === 0
    ? drafted(object, path, { keyword: direction, args: { any: true } })
    : drafted(object, path, { keyword: direction, children });
}

function portDrafts(
  object: KubeObject,
  keyword: string,
  texts: readonly (string | undefined)[],
  path: Path,
): readonly Draft[] {
  const ports = texts.flatMap((text) => text ?? []);
  return ports.length === 0 ? [] : [drafted(object, path, { keyword, args: { ports } }, { ports: path })];
}

/** A peer without any field matches nothing; kube-apiserver rejects it, and knet reports it. */
function peerArguments(peer: Json): Arguments {
  const pods = at(peer, "podSelector");
  const namespaces = at(peer, "namespaceSelector");
  const block = at(peer, "ipBlock");
  const except = listAt(block, "except").flatMap((one) => (typeof one === "string" ? one : []));
  return {
    ...(isSet(pods) || isSet(namespaces) ? { pods: isSet(pods) ? selectorTerms(pods) : [ALL] } : {}),
    ...(isSet(namespaces) ? { namespaces: selectorTerms(namespaces) } : {}),
    ...(isSet(block) ? { cidr: textAt(block, "cidr") ?? "" } : {}),
    ...(except.length > 0 ? { except } : {}),
  };
}

function peerPaths(path: Path): Readonly<Record<string, Path>> {
  return {
    pods: [...path, "podSelector"],
    namespaces: [...path, "namespaceSelector"],
    cidr: [...path, "ipBlock", "cidr"],
    except: [...path, "ipBlock", "except"],
  };
}

function isSet(value: Json | undefined): value is Json {
  return value !== undefined && value !== null;
}

/** `{port: 80}`, `{port: 80, endPort: 90}`, `{port: http}`, `{protocol: UDP}`; TCP by default. */
function portText(port: Json): string | undefined {
  const protocol = (textAt(port, "protocol") ?? "TCP").toLowerCase();
  const first = textAt(port, "port");
  const last = rangeEnd(port);
  if (first === undefined) return protocol;
  return `${first}${last === undefined ? "" : `-${last}`}/${protocol}`;
}

/** An `endPort` without a number as `port`, or below it, is ignored: the rule keeps the port. */
function rangeEnd(port: Json): number | undefined {
  const first = numberAt(port, "port");
  const last = numberAt(port, "endPort");
  return first !== undefined && last !== undefined && last >= first ? last : undefined;
}

/* ------------------------------------------------------------------ admin policies */

/** policy.networking.k8s.io: the object's kind and tier decide the keyword. */
export function adminPolicy(object: KubeObject): Draft {
  const spec = at(object.value, "spec");
  const isBaseline = object.kind === "BaselineAdminNetworkPolicy" || textAt(spec, "tier")?.toLowerCase() === "baseline";
  const priority = numberAt(spec, "priority");
  return drafted(
    object,
    [],
    {
      keyword: isBaseline ? "baseline-admin-policy" : "admin-policy",
      args: { name: object.name },
      children: [
        ...(priority === undefined
          ? []
          : [drafted(object, ["spec", "priority"], { keyword: "priority", args: { value: String(priority) } })]),
        drafted(object, ["spec", "subject"], { keyword: "subject", args: subjectArguments(at(spec, "subject")) }),
        ...DIRECTIONS.flatMap((direction) =>
          listAt(spec, direction).map((rule, index) => adminRule(object, direction, rule, ["spec", direction, index])),
        ),
      ],
    },
    { name: ["metadata", "name"] },
  );
}

/** `{namespaces: selector}` or `{pods: {namespaceSelector, podSelector}}`. */
function subjectArguments(subject: Json | undefined): Arguments {
  const pods = at(subject, "pods");
  return isSet(pods)
    ? { pods: selectorTerms(at(pods, "podSelector")), namespaces: selectorTerms(at(pods, "namespaceSelector")) }
    : { pods: [ALL], namespaces: selectorTerms(at(subject, "namespaces")) };
}

function adminRule(object: KubeObject, direction: Direction, rule: Json, path: Path): Draft {
  const key = direction === "ingress" ? "from" : "to";
  const [from, to] = direction === "ingress" ? (["from", "to"] as const) : (["to", "port"] as const);
  const action = textAt(rule, "action")?.toLowerCase() ?? "";
  const texts =
    at(rule, "protocols") === undefined
      ? listAt(rule, "ports").map(adminPortText)
      : listAt(rule, "protocols").map(protocolText);
  const children = [
    ...listAt(rule, key).flatMap((peer, index) =>
      adminPeers(peer).map((args) => drafted(object, [...path, key, index], { keyword: from, args })),
    ),
    ...portDrafts(object, to, texts, [...path, "ports"]),
  ];
  return drafted(
    object,
    path,
    { keyword: direction, args: { action: action === "accept" ? "allow" : action }, children },
    { action: [...path, "action"] },
  );
}

/** One declaration per network: `cidr` has one value. */
function adminPeers(peer: Json): readonly Arguments[] {
  const nodes = at(peer, "nodes");
  const networks = listAt(peer, "networks").flatMap((one) => (typeof one === "string" ? one : []));
  if (networks.length > 0) return networks.map((cidr) => ({ cidr }));
  if (isSet(nodes)) return [{ nodes: selectorTerms(nodes) }];
  return isSet(at(peer, "pods")) || isSet(at(peer, "namespaces")) ? [subjectArguments(peer)] : [];
}

/** v1alpha1: `portNumber`, `portRange`, `namedPort`. */
function adminPortText(port: Json): string | undefined {
  const named = textAt(port, "namedPort");
  if (named !== undefined) return named;
  const range = at(port, "portRange");
  const one = at(port, "portNumber");
  const protocol = (textAt(isSet(range) ? range : one, "protocol") ?? "TCP").toLowerCase();
  if (isSet(range)) return `${textAt(range, "start") ?? ""}-${textAt(range, "end") ?? ""}/${protocol}`;
  return isSet(one) ? `${textAt(one, "port") ?? ""}/${protocol}` : undefined;
}

/** v1alpha2: `tcp: {destinationPort: {number | range}}`, `destinationNamedPort`. */
function protocolText(entry: Json): string | undefined {
  const named = textAt(entry, "destinationNamedPort");
  if (named !== undefined) return named;
  for (const protocol of ["tcp", "udp", "sctp"]) {
    const own = at(entry, protocol);
    if (!isSet(own)) continue;
    const port = at(own, "destinationPort");
    const range = at(port, "range");
    if (isSet(range)) return `${textAt(range, "start") ?? ""}-${textAt(range, "end") ?? ""}/${protocol}`;
    const number = textAt(port, "number");
    return number === undefined ? protocol : `${number}/${protocol}`;
  }
  return undefined;
}
