/**
 * Calico's Tier, GlobalNetworkPolicy, and NetworkPolicy (projectcalico, api/pkg/apis/projectcalico/v3). A rule that the
 * declarations cannot express is omitted and named in a note.
 */

import { formatPrefix, type Prefix, prefixCovers, prefixEquals } from "../../addressing/ip.ts";
import type { Arguments, Draft } from "../../declared/build.ts";
import type { Requirement } from "../../declared/values.ts";
import { at, type Json, listAt, type Path, textAt } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import { entryOf } from "../../text/table.ts";
import { NAMESPACE_LABEL, type PeerAlternative, peerAlternatives, type Scope } from "./calico-peers.ts";
import { networksIn, prefixesIn, resources, setting, shown, textOf } from "./evidence.ts";
import { note, type Reading } from "./inference.ts";
import { drafted, type KubeObject } from "./object.ts";
import { ALL, term } from "./selector.ts";

const GROUP = "projectcalico.org";

/** Tiers that exist in every cluster, and the tiers of Kubernetes' own policies. */
const BUILT_IN: ReadonlySet<string> = new Set([
  "default",
  "kube-admin",
  "kube-baseline",
  "adminnetworkpolicy",
  "baselineadminnetworkpolicy",
]);

/** The API server lists Kubernetes' policies as Calico's, with these prefixes. */
const MIRRORED = /^(?:knp\.|kanp\.|kbanp\.|kcnp\.)/;

/** Tiers and GlobalNetworkPolicies: statements of the cluster. */
export function globalPolicies(reading: Reading): readonly Draft[] {
  return [
    ...resources(reading.dump, "Tier", GROUP).flatMap((object) => (BUILT_IN.has(object.name) ? [] : tierDraft(object))),
    ...resources(reading.dump, "GlobalNetworkPolicy", GROUP).flatMap((object) => policyDrafts(reading, object)),
  ];
}

/** NetworkPolicies, by object: statements of a namespace. */
export function namespacedPolicies(reading: Reading): ReadonlyMap<KubeObject, readonly Draft[]> {
  return new Map(
    resources(reading.dump, "NetworkPolicy", GROUP).map((object) => [object, policyDrafts(reading, object)] as const),
  );
}

function tierDraft(object: KubeObject): Draft {
  const action = textOf(object, "spec", "defaultAction");
  return drafted(
    object,
    [],
    {
      keyword: "calico-tier",
      args: { name: object.name },
      children: [
        ...orderDrafts(object),
        ...(action?.value === "Pass" ? [shown(action, "default-action", { action: "pass" })] : []),
      ],
    },
    { name: ["metadata", "name"] },
  );
}

function orderDrafts(object: KubeObject): readonly Draft[] {
  return setting("order", textOf(object, "spec", "order"));
}

/* ------------------------------------------------------------------ policies */

/** A selector with alternatives needs one policy for each of them: a policy selects by a conjunction. */
function policyDrafts(reading: Reading, object: KubeObject): readonly Draft[] {
  const tier = textAt(object.value, "spec", "tier") ?? "default";
  const name = object.name.startsWith(`${tier}.`) ? object.name.slice(tier.length + 1) : object.name;
  if (MIRRORED.test(name) || MIRRORED.test(object.name)) return [];
  const subjects = subjectsOf(reading, object);
  if (!subjects) return [];
  return subjects.map((subject, index) =>
    policyDraft(reading, object, {
      name: index === 0 ? name : `${name}-${index + 1}`,
      tier,
      subject,
      isFirst: index === 0,
    }),
  );
}

interface PolicyParts {
  readonly name: string;
  readonly tier: string;
  readonly subject: PeerAlternative;
  /** Notes are the same for all alternatives. */
  readonly isFirst: boolean;
}

function policyDraft(reading: Reading, object: KubeObject, { name, tier, subject, isFirst }: PolicyParts): Draft {
  const spec = at(object.value, "spec");
  const types = listAt(spec, "types").flatMap((one) => (typeof one === "string" ? one.toLowerCase() : []));
  const rules = (["ingress", "egress"] as const).flatMap((direction) =>
    listAt(spec, direction).flatMap((rule, index) => {
      const scope: Scope = { reading, object, path: ["spec", direction, index] };
      const read = ruleDraft(scope, direction, rule);
      if (typeof read !== "string") return read;
      if (isFirst) note(reading, scope, t`Calico policy ${name}: ${direction} rule ${index + 1} is omitted: ${read}`);
      return [];
    }),
  );
  return drafted(
    object,
    [],
    {
      keyword: "calico-policy",
      args: { name },
      children: [
        ...(tier === "default"
          ? []
          : setting("tier", textOf(object, "spec", "tier")).map((one) => renamed(one, "tier"))),
        ...orderDrafts(object),
        drafted(object, ["spec", "selector"], { keyword: "select", args: selectorArguments(subject) }),
        ...(types.length > 0
          ? [drafted(object, ["spec", "types"], { keyword: "types", args: { directions: types } })]
          : []),
        ...rules,
      ],
    },
    { name: ["metadata", "name"] },
  );
}

/** The argument of `tier` is not called `value`. */
function renamed(draft: Draft, name: string): Draft {
  const value = draft.args?.["value"];
  return { ...draft, args: { [name]: value } };
}

/** Undefined if the policy has no effect on pods, or cannot be expressed. */
function subjectsOf(reading: Reading, object: KubeObject): readonly PeerAlternative[] | undefined {
  const spec = at(object.value, "spec");
  const omit = (path: Path, reason: string): undefined => {
    note(reading, { object, path: ["spec", ...path] }, t`Calico policy ${object.name} is omitted: ${reason}`);
    return undefined;
  };
  for (const field of ["preDNAT", "doNotTrack"])
    if (at(spec, field) === true) return omit([field], t`it applies only to host endpoints, which are not modeled`);
  const accounts = textAt(spec, "serviceAccountSelector");
  const scope: Scope = { reading, object, path: ["spec"] };
  const read = peerAlternatives(scope, {
    selector: textAt(spec, "selector"),
    notSelector: undefined,
    namespaceSelector: textAt(spec, "namespaceSelector"),
    accountSelector: accounts,
    accounts: undefined,
  });
  return typeof read === "string" ? omit(["selector"], read) : read.pods;
}

function selectorArguments({ pods, namespaces }: PeerAlternative): Arguments {
  const [only] = namespaces ?? [];
  if (namespaces?.length === 1 && only?.key === NAMESPACE_LABEL && only.operator === "In")
    return { pods: terms(pods), namespace: [...only.values] };
  return {
    pods: terms(pods),
    ...(namespaces ? { namespaces: terms(namespaces) } : {}),
  };
}

function terms(requirements: readonly Requirement[]): NonNullable<Arguments[string]> & object {
  return requirements.length === 0
    ? [ALL]
    : requirements.map(({ key, operator, values }) => term(key, operator, values));
}

/* ------------------------------------------------------------------ rules */

/** A reason if it cannot be expressed; an empty list if it matches nothing. */
function ruleDraft(scope: Scope, direction: "ingress" | "egress", rule: Json): readonly Draft[] | string {
  const action = textAt(rule, "action")?.toLowerCase() ?? "";
  for (const field of ["icmp", "notICMP", "http", "notProtocol"])
    if (at(rule, field) !== undefined) return t`\`${field}\` cannot be expressed`;
  const [near, far, from, to] =
    direction === "ingress"
      ? (["destination", "source", "from", "to"] as const)
      : (["source", "destination", "to", "port"] as const);
  const sender = direction === "ingress" ? far : near;
  for (const field of ["ports", "notPorts"])
    if (listAt(rule, sender, field).length > 0) return t`source ports cannot be expressed`;
  for (const field of ["nets", "notNets", "selector", "notSelector", "namespaceSelector", "serviceAccounts"])
    if (isStated(at(rule, near, field))) return t`\`${near}.${field}\` cannot be expressed`;
  const ports = portTexts(rule);
  if (typeof ports === "string") return ports;
  const peers = peersOf(scope, at(rule, far) ?? null, textAt(rule, "ipVersion"));
  if (typeof peers === "string") return peers;
  if (peers?.length === 0 || ports?.length === 0) return [];
  const children = [
    ...(peers ?? []).map((args) => drafted(scope.object, [...scope.path, far], { keyword: from, args })),
    ...(ports
      ? [drafted(scope.object, [...scope.path, "destination", "ports"], { keyword: to, args: { ports } })]
      : []),
  ];
  const args = { action, ...(children.length === 0 ? { any: true as const } : {}) };
  const place = { action: [...scope.path, "action"] };
  return [
    drafted(
      scope.object,
      scope.path,
      { keyword: direction, args, ...(children.length > 0 ? { children } : {}) },
      place,
    ),
  ];
}

function isStated(value: Json | undefined): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== "";
}

/** Undefined: any peer. */
function peersOf(scope: Scope, entity: Json, ipVersion: string | undefined): readonly Arguments[] | undefined | string {
  const accounts = at(entity, "serviceAccounts");
  for (const field of ["services", "domains"])
    if (isStated(at(entity, field))) return t`\`${field}\` cannot be expressed`;
  const hasNets = isStated(at(entity, "nets")) || isStated(at(entity, "notNets"));
  const selectors = {
    selector: textAt(entity, "selector"),
    notSelector: textAt(entity, "notSelector"),
    namespaceSelector: textAt(entity, "namespaceSelector"),
    accountSelector: textAt(accounts, "selector"),
    accounts: isStated(at(accounts, "names")) ? accounts : undefined,
  };
  const hasSelector = Object.values(selectors).some(isStated);
  if (hasNets && hasSelector) return t`selectors together with \`nets\` cannot be expressed`;
  if (hasNets) return netPeers(entity);
  if (hasSelector) {
    const read = peerAlternatives(scope, selectors);
    if (typeof read === "string") return read;
    return [...read.pods.map(selectorArguments), ...read.nets.map((cidr) => ({ cidr: formatPrefix(cidr) }))];
  }
  if (ipVersion === "4" || ipVersion === "6") return [{ cidr: ipVersion === "4" ? "0.0.0.0/0" : "::/0" }];
  return undefined;
}

function netPeers(entity: Json): readonly Arguments[] {
  const read = (field: string): readonly Prefix[] =>
    listAt(entity, field).flatMap((one) => (typeof one === "string" ? networksIn(one) : []));
  const excluded = read("notNets");
  const stated = read("nets");
  const bases = stated.length > 0 ? stated : [...prefixesIn("0.0.0.0/0"), ...prefixesIn("::/0")];
  return bases.flatMap((cidr): readonly Arguments[] => {
    if (excluded.some((one) => prefixCovers(one, cidr) || prefixEquals(one, cidr))) return [];
    const except = excluded.filter((one) => prefixCovers(cidr, one)).map(formatPrefix);
    return [{ cidr: formatPrefix(cidr), ...(except.length > 0 ? { except } : {}) }];
  });
}

/** Numbers of protocols (IANA). */
const PROTOCOLS: Readonly<Record<string, string>> = {
  "1": "icmp",
  "6": "tcp",
  "17": "udp",
  "58": "icmp",
  "132": "sctp",
  icmpv6: "icmp",
};

/** Undefined: all ports of all protocols. A text without brackets is a reason. */
function portTexts(rule: Json): readonly string[] | undefined | string {
  const stated = textAt(rule, "protocol")?.toLowerCase();
  if (stated === undefined) return undefined;
  const protocol = entryOf(PROTOCOLS, stated) ?? stated;
  if (protocol === "icmp") return [protocol];
  if (!["tcp", "udp", "sctp"].includes(protocol)) return t`protocol ${stated} cannot be expressed`;
  const ports = listAt(rule, "destination", "ports");
  const excluded = listAt(rule, "destination", "notPorts");
  if (excluded.length === 0)
    return ports.length === 0 ? [protocol] : ports.map((port) => `${String(port).replace(":", "-")}/${protocol}`);
  const numbers = excluded.map(rangeOf);
  if (ports.length > 0 || numbers.includes(undefined)) return t`these \`notPorts\` cannot be expressed`;
  return gaps(numbers.flatMap((one) => one ?? [])).map(([first, last]) => `${first}-${last}/${protocol}`);
}

type Range = readonly [first: number, last: number];

/** 80 or "80:90"; undefined for a name. */
function rangeOf(port: Json): readonly Range[] | undefined {
  const [, first, last] = /^(\d+)(?::(\d+))?$/.exec(String(port)) ?? [];
  return first === undefined ? undefined : [[Number(first), Number(last ?? first)]];
}

/** The ports that are in none of the ranges. */
function gaps(ranges: readonly Range[]): readonly Range[] {
  const result: Range[] = [];
  let next = 1;
  for (const [first, last] of [...ranges].sort((a, b) => a[0] - b[0])) {
    if (first > next) result.push([next, first - 1]);
    next = Math.max(next, last + 1);
  }
  if (next <= 65535) result.push([next, 65535]);
  return result;
}
