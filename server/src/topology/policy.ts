/**
 * Network policies as written, all kinds in one form: tiers in order of evaluation, in each tier the policies in order,
 * in each policy its rules. A Kubernetes NetworkPolicy has only allow rules.
 */

import { type Prefix, prefixCovers, prefixEquals } from "../addressing/ip.ts";
import { all, child, has, isBroken, nameOf, numberOf, one, oneOf, sourceOfRead } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import { type Origin, sourceOf } from "../declared/origin.ts";
import { CODES, problem, type TopologyProblem } from "./problems.ts";
import { EVERYTHING, type Requirement, type Selector } from "./selector.ts";

export type Direction = "ingress" | "egress";

/** The label that every namespace has (kube-apiserver, 1.22 and later). */
export const NAMESPACE_NAME = "kubernetes.io/metadata.name";

/** Namespaces of every cluster (kubernetes.io, Namespaces, section Initial namespaces). */
export const INITIAL_NAMESPACES: readonly string[] = ["default", "kube-node-lease", "kube-public", "kube-system"];

export interface Policy {
  /** network: NetworkPolicy. admin, baseline: network-policy-api. calico: projectcalico.org. */
  readonly kind: "network" | "admin" | "baseline" | "calico";
  readonly name: string;
  /** Undefined: applies to the whole cluster. */
  readonly namespace: string | undefined;
  /** "shop/db", or the name alone. */
  readonly path: string;
  readonly tier: Tier;
  /** Order within the tier; lower values first, then by name. */
  readonly order: number;
  readonly pods: Selector;
  /** Undefined: the policy's own namespace. */
  readonly namespaces: Selector | undefined;
  /** Undefined: does not apply to this direction. An empty list isolates the pods (kinds network and calico). */
  readonly ingress: readonly PolicyRule[] | undefined;
  readonly egress: readonly PolicyRule[] | undefined;
  /** Calico: rules that log packets; the next rule decides. */
  readonly logs: readonly LogRule[];
  /** As set with `types`; undefined: the default. */
  readonly types: { readonly directions: ReadonlySet<Direction>; readonly source: Origin } | undefined;
  /** Rules of a direction that `types` does not list: they have no effect. */
  readonly ignored: readonly PolicyRule[];
  readonly source: Origin;
}

export interface Tier {
  readonly name: string;
  readonly order: number;
  /** Action for a connection if a policy of the tier selects the pod and no rule matches. */
  readonly otherwise: "deny" | "pass";
}

export interface PolicyRule {
  readonly direction: Direction;
  readonly action: "allow" | "deny" | "pass";
  /** Undefined: any, in the cluster or outside. */
  readonly peers: readonly Peer[] | undefined;
  /** Undefined: all ports of all protocols, ICMP included. */
  readonly ports: readonly PolicyPort[] | undefined;
  readonly source: Origin;
}

/** `before`: the index of the deciding rule of the direction that follows. */
export type LogRule = Omit<PolicyRule, "action"> & { readonly before: number };

export type Peer =
  /** `namespaces` undefined: the policy's own namespace. */
  | {
      readonly kind: "pods";
      readonly pods: Selector;
      readonly namespaces: Selector | undefined;
      readonly source: Origin;
    }
  | { readonly kind: "cidr"; readonly cidr: Prefix; readonly except: readonly Prefix[]; readonly source: Origin }
  | { readonly kind: "nodes"; readonly nodes: Selector; readonly source: Origin };

export type Protocol = "tcp" | "udp" | "sctp";

export type PolicyPort =
  | {
      readonly kind: "range";
      readonly proto: Protocol;
      readonly first: number;
      readonly last: number;
      readonly source: Origin;
    }
  /** All ICMP messages; for IPv6, ICMPv6. */
  | { readonly kind: "icmp"; readonly source: Origin }
  /** `proto` undefined: the port with this name of any protocol (admin policies). */
  | {
      readonly kind: "name";
      readonly proto: Protocol | undefined;
      readonly name: string;
      readonly source: Origin;
    };

/**
 * KubeAdmin, default, and KubeBaseline (projectcalico api/pkg/apis/projectcalico/v3/tier.go); actions without a match
 * as in the APIs.
 */
const ADMIN: Tier = { name: "kube-admin", order: 1000, otherwise: "pass" };
export const DEFAULT: Tier = { name: "default", order: 1_000_000, otherwise: "deny" };
const BASELINE: Tier = { name: "kube-baseline", order: 10_000_000, otherwise: "pass" };
/** Order of Kubernetes' own policies within the tier `default` (libcalico-go, backend/k8s/conversion: 1000). */
export const NETWORK_ORDER = 1000;
const LAST_PRIORITY = 1000;

export type PolicyKeyword = "policy" | "admin-policy" | "baseline-admin-policy" | "calico-policy";

const KINDS: Readonly<Record<PolicyKeyword, Policy["kind"]>> = {
  policy: "network",
  "admin-policy": "admin",
  "baseline-admin-policy": "baseline",
  "calico-policy": "calico",
};

export function policyKeyword(keyword: string | undefined): PolicyKeyword | undefined {
  switch (keyword) {
    case "policy":
    case "admin-policy":
    case "baseline-admin-policy":
    case "calico-policy":
      return keyword;
    default:
      return undefined;
  }
}

/** A policy after reading. */
export interface PolicyParts {
  /** Undefined if the name is unreadable. */
  readonly policy: Policy | undefined;
  readonly problems: readonly TopologyProblem[];
}

/** `namespace` undefined: it is in the cluster's own block. */
export function readPolicy(
  file: string,
  decl: Decl,
  keyword: PolicyKeyword,
  namespace: string | undefined,
  tiers: ReadonlyMap<string, Tier>,
): PolicyParts {
  const problems: TopologyProblem[] = [];
  const name = nameOf(decl);
  if (name === undefined) return { policy: undefined, problems };
  const source = sourceOf(file, decl);
  const own = keyword === "policy" ? (namespace ?? "default") : namespace;
  const context: RuleContext = { file, kind: KINDS[keyword], isClusterWide: own === undefined, problems };
  const written = decl.children.flatMap((statement) => readRule(context, statement));
  const rules = written.flatMap(({ action, ...rule }) => (action === "log" ? [] : [{ ...rule, action }]));
  const base = {
    name,
    namespace: own,
    path: own === undefined ? name : `${own}/${name}`,
    types: readTypes(file, decl),
    logs: logRules(written),
    source,
  };
  switch (keyword) {
    case "policy":
    case "calico-policy": {
      const isolated = isolatedDirections(decl, base.types?.directions, rules);
      const of = (direction: Direction): readonly PolicyRule[] | undefined =>
        isolated.has(direction) ? rules.filter((rule) => rule.direction === direction) : undefined;
      const kind = keyword === "policy" ? "network" : "calico";
      const tier = kind === "network" ? DEFAULT : readTier(file, decl, tiers, problems);
      const policy: Policy = {
        ...base,
        kind,
        tier,
        order: kind === "network" ? NETWORK_ORDER : (numberOf(decl, "order") ?? Number.POSITIVE_INFINITY),
        pods: selectorOf(child(decl, "select"), "pods"),
        namespaces: own === undefined ? (namespacesOf(child(decl, "select")) ?? EVERYTHING) : undefined,
        ingress: of("ingress"),
        egress: of("egress"),
        ignored: rules.filter(({ direction }) => !isolated.has(direction)),
      };
      return { policy, problems };
    }
    case "admin-policy":
    case "baseline-admin-policy": {
      const kind = keyword === "admin-policy" ? "admin" : "baseline";
      const subject = child(decl, "subject");
      const of = (direction: Direction): readonly PolicyRule[] | undefined => {
        const own = rules.filter((rule) => rule.direction === direction);
        return own.length === 0 ? undefined : own;
      };
      const policy: Policy = {
        ...base,
        kind,
        tier: kind === "admin" ? ADMIN : BASELINE,
        order: numberOf(decl, "priority") ?? LAST_PRIORITY,
        pods: selectorOf(subject, "pods"),
        namespaces: namespacesOf(subject) ?? EVERYTHING,
        ingress: of("ingress"),
        egress: of("egress"),
        ignored: [],
      };
      return { policy, problems };
    }
  }
}

function logRules(written: readonly WrittenRule[]): readonly LogRule[] {
  return written.flatMap(({ action, ...rule }, index) => {
    if (action !== "log") return [];
    const decided = written.slice(0, index).filter((one) => one.direction === rule.direction && one.action !== "log");
    return [{ ...rule, before: decided.length }];
  });
}

export function readCalicoTier(decl: Decl): Tier | undefined {
  const name = nameOf(decl);
  if (name === undefined) return undefined;
  const action = oneOf(child(decl, "default-action"), "action", "word")?.text;
  return {
    name,
    order: numberOf(decl, "order") ?? Number.POSITIVE_INFINITY,
    otherwise: action === "pass" ? "pass" : "deny",
  };
}

function readTier(file: string, decl: Decl, tiers: ReadonlyMap<string, Tier>, problems: TopologyProblem[]): Tier {
  const statement = child(decl, "tier");
  const read = one(statement, "tier");
  if (statement === undefined || read?.value.kind !== "name" || read.value.text === DEFAULT.name) return DEFAULT;
  const tier = tiers.get(read.value.text);
  if (tier !== undefined) return tier;
  const data = { name: read.value.text, kind: "calico-tier", suggestions: [] } as const;
  problems.push(problem(CODES.unknownName, sourceOfRead(file, statement, read), data));
  return DEFAULT;
}

/* ----------------------------------------------------------------- directions */

function readTypes(file: string, decl: Decl): Policy["types"] {
  const statement = child(decl, "types");
  if (statement === undefined) return undefined;
  const directions = new Set<Direction>();
  for (const { value } of all(statement, "directions")) {
    if (value.kind === "word" && (value.text === "ingress" || value.text === "egress")) directions.add(value.text);
  }
  return { directions, source: sourceOf(file, statement) };
}

/**
 * networking/v1 types.go, policyTypes: always ingress, and egress if there is an egress rule; if set, exactly the set
 * directions. Calico: the directions that have rules, ingress if there are no rules (libcalico-go,
 * globalnetworkpolicy.go).
 */
function isolatedDirections(
  decl: Decl,
  stated: ReadonlySet<Direction> | undefined,
  rules: readonly PolicyRule[],
): ReadonlySet<Direction> {
  if (stated !== undefined && stated.size > 0) return stated;
  const has = (direction: Direction): boolean =>
    rules.some((rule) => rule.direction === direction) || child(decl, direction) !== undefined;
  const directions = new Set<Direction>();
  const isCalico = decl.spec?.keyword === "calico-policy";
  if (!isCalico || has("ingress") || !has("egress")) directions.add("ingress");
  if (has("egress")) directions.add("egress");
  return directions;
}

/* ---------------------------------------------------------------------- rules */

interface RuleContext {
  readonly file: string;
  readonly kind: Policy["kind"];
  readonly isClusterWide: boolean;
  readonly problems: TopologyProblem[];
}

type WrittenRule = Omit<PolicyRule, "action"> & { readonly action: PolicyRule["action"] | "log" };

function readRule(context: RuleContext, decl: Decl): readonly WrittenRule[] {
  const direction = decl.spec?.keyword;
  if (direction !== "ingress" && direction !== "egress") return [];
  const { file, kind, problems } = context;
  const peerWord = direction === "ingress" ? "from" : "to";
  const portWord = direction === "ingress" ? "to" : "port";
  const word = oneOf(decl, "action", "word")?.text;
  const action = word === "deny" || word === "pass" || word === "log" ? word : "allow";
  const statements = [decl, ...decl.children];
  // A rule with an unreadable part is ignored: its peers are unknown.
  if (statements.some(isBroken)) return [];
  const before = problems.length;
  let isAny = false;
  const peers: Peer[] = [];
  const ports: PolicyPort[] = [];
  for (const statement of statements) {
    const keyword = statement.spec?.keyword;
    if (statement === decl || keyword === peerWord) {
      const read = readPeer(context, statement);
      if (direction === "ingress" && isAdmin(kind)) refuseInIngress(context, statement);
      if (has(statement, "any")) isAny = true;
      else if (read.length > 0) peers.push(...read);
      else if (statement !== decl && kind !== "calico") {
        problems.push(problem(CODES.peerEmpty, sourceOf(file, statement), { peer: peerWord, kind }));
      }
    }
    if (statement === decl || keyword === portWord) ports.push(...readPorts(context, statement));
  }
  const hasPeers = isAny || peers.length > 0;
  if (!hasPeers && isAdmin(kind) && problems.length === before) {
    problems.push(
      problem(CODES.rulePeerMissing, { ...sourceOf(file, decl), part: "keyword" }, { direction, peer: peerWord }),
    );
  }
  // kube-apiserver rejects the policy, so the rule matches nothing.
  if (problems.slice(before).some(({ code }) => REJECTED.has(code))) return [];
  return [
    {
      direction,
      action,
      peers: isAny || !hasPeers ? undefined : peers,
      ports: ports.length === 0 ? undefined : ports,
      source: sourceOf(file, decl),
    },
  ];
}

const REJECTED: ReadonlySet<string> = new Set([CODES.peerEmpty, CODES.rulePeerMissing, CODES.peerUnsupported]);

function isAdmin(kind: Policy["kind"]): boolean {
  return kind === "admin" || kind === "baseline";
}

/**
 * Ingress rules of admin policies have only peers with pods (network-policy-api: AdminNetworkPolicyIngressPeer in
 * v1alpha1, ClusterNetworkPolicyIngressPeer in v1alpha2, fields `namespaces` and `pods`).
 */
function refuseInIngress({ file, problems }: RuleContext, decl: Decl): void {
  for (const peer of ["cidr", "nodes", "any"] as const) {
    const read = one(decl, peer);
    if (read !== undefined) problems.push(problem(CODES.peerUnsupported, sourceOfRead(file, decl, read), { peer }));
  }
}

function readPeer({ file, isClusterWide, problems }: RuleContext, decl: Decl): readonly Peer[] {
  const source = sourceOf(file, decl);
  const cidr = one(decl, "cidr");
  const namespaces = namespacesOf(decl);
  const hasPods = all(decl, "pods").length > 0;
  if (cidr?.value.kind === "prefix") {
    if (hasPods || namespaces !== undefined) problems.push(problem(CODES.peerMixed, source, {}));
    return [
      { kind: "cidr", cidr: cidr.value.prefix, except: readExcept(file, decl, cidr.value.prefix, problems), source },
    ];
  }
  if (has(decl, "nodes")) return [{ kind: "nodes", nodes: selectorOf(decl, "nodes"), source }];
  if (!hasPods && namespaces === undefined) return [];
  return [
    {
      kind: "pods",
      pods: selectorOf(decl, "pods"),
      namespaces: namespaces ?? (isClusterWide ? EVERYTHING : undefined),
      source,
    },
  ];
}

/** Each must be a part of the prefix and not the whole prefix (pkg/apis/networking/validation, ValidateIPBlock). */
function readExcept(file: string, decl: Decl, cidr: Prefix, problems: TopologyProblem[]): readonly Prefix[] {
  const except: Prefix[] = [];
  for (const read of all(decl, "except")) {
    if (read.value.kind !== "prefix") continue;
    const { prefix } = read.value;
    if (prefixCovers(cidr, prefix) && !prefixEquals(cidr, prefix)) {
      except.push(prefix);
      continue;
    }
    const text = one(decl, "cidr")?.text ?? "";
    problems.push(problem(CODES.exceptOutside, sourceOfRead(file, decl, read), { except: read.text, cidr: text }));
  }
  return except;
}

/** `namedPort` of admin policies has no protocol: the port with this name matches with its own (AdminNetworkPolicyPort). */
function readPorts({ file, kind }: RuleContext, decl: Decl): readonly PolicyPort[] {
  return all(decl, "ports").flatMap((read): readonly PolicyPort[] => {
    const { value } = read;
    const source = sourceOfRead(file, decl, read);
    if (value.kind === "word") return [{ kind: "icmp", source }];
    if (value.kind === "port-name") {
      const proto = isAdmin(kind) ? undefined : (value.proto ?? "tcp");
      return [{ kind: "name", proto, name: value.name, source }];
    }
    if (value.kind !== "ports") return [];
    return [{ kind: "range", proto: value.proto ?? "tcp", first: value.first, last: value.last, source }];
  });
}

function selectorOf(decl: Decl | undefined, argument: string): Selector {
  const requirements: Requirement[] = [];
  for (const { value } of all(decl, argument)) {
    if (value.kind === "requirement" && value.requirement !== undefined) requirements.push(value.requirement);
  }
  return requirements.length === 0 ? EVERYTHING : requirements;
}

/** `namespaces team=a`, or `namespace shop`: the label with its name. Undefined: neither is set. */
function namespacesOf(decl: Decl | undefined): Selector | undefined {
  if (has(decl, "namespaces")) return selectorOf(decl, "namespaces");
  const names = all(decl, "namespace").flatMap(({ value }) => (value.kind === "ref" ? [value.text] : []));
  return names.length === 0 ? undefined : [{ key: NAMESPACE_NAME, operator: "In", values: names }];
}
