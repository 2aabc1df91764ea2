/** What the declarations of a cluster refer to: labels, addresses, and prefixes. */
import { formatIp, type Ip, type Prefix, parseIp, prefixContains, prefixCovers } from "../../addressing/ip.ts";
import { all, child, childrenOf, oneOf } from "../../declared/access.ts";
import type { Decl } from "../../declared/decl.ts";

export interface Facts {
  /** Keys of labels that selectors of pods use. */
  readonly podKeys: ReadonlySet<string>;
  /** Keys of labels that selectors of nodes use. */
  readonly nodeKeys: ReadonlySet<string>;
  /** Whether policies or endpoints distinguish the address from others of its pod CIDR. */
  matters(ip: Ip): boolean;
  /** The prefixes in policies that contain a part of a pod CIDR. */
  readonly narrow: readonly Prefix[];
  readonly services: readonly SelectingService[];
}

/** A service with a selector. */
export interface SelectingService {
  readonly namespace: string;
  readonly labels: ReadonlyMap<string, string>;
  /** Whether the node of an endpoint decides. */
  readonly isLocal: boolean;
}

export function factsOf(cluster: Decl): Facts {
  const podKeys = new Set<string>();
  const nodeKeys = new Set<string>();
  const named = new Set<string>();
  const prefixes: Prefix[] = [];
  const ranges = childrenOf(cluster, "pods").flatMap((one) => oneOf(one, "prefix", "prefix")?.prefix ?? []);
  const visit = (decl: Decl): void => {
    for (const { name, value } of decl.values) {
      const keys = isOfNodes(decl, name) ? nodeKeys : podKeys;
      if (value.kind === "requirement" && value.requirement) keys.add(value.requirement.key);
      if (value.kind === "label" && !isLabels(decl)) keys.add(value.key);
      if (value.kind === "prefix" && (name === "cidr" || name === "except")) prefixes.push(value.prefix);
      if (value.kind === "endpoint" && value.address !== undefined) named.add(formatIp(value.address));
    }
    for (const one of decl.children) visit(one);
  };
  visit(cluster);
  const narrow = prefixes.filter(
    (prefix) =>
      !ranges.some((range) => prefixCovers(prefix, range)) && ranges.some((range) => prefixCovers(range, prefix)),
  );
  return {
    podKeys,
    nodeKeys,
    narrow,
    matters: (ip) => named.has(formatIp(ip)) || narrow.some((prefix) => prefixContains(prefix, ip)),
    services: servicesIn(cluster),
  };
}

/** Whether a service of the namespace selects pods with the labels. */
export function isSelected(
  services: readonly SelectingService[],
  namespace: Decl,
  labels: ReadonlyMap<string, string>,
): boolean {
  return services.some(
    (one) => one.namespace === nameIn(namespace) && [...one.labels].every(([key, value]) => labels.get(key) === value),
  );
}

function isLabels({ spec }: Decl): boolean {
  return spec?.keyword === "labels";
}

/** `nodes` peers of policies, and the selectors of Calico's pools and peers. */
function isOfNodes({ spec }: Decl, argument: string): boolean {
  return argument === "nodes" || spec?.keyword === "node-selector" || spec?.keyword === "peer-selector";
}

const LOCAL = ["external-traffic-policy", "internal-traffic-policy", "traffic-distribution"];

function servicesIn(cluster: Decl): readonly SelectingService[] {
  return childrenOf(cluster, "namespace").flatMap((namespace) =>
    childrenOf(namespace, "service").flatMap((service): readonly SelectingService[] => {
      const select = child(service, "select");
      const isLocal = LOCAL.some((keyword) => child(service, keyword) !== undefined);
      return select ? [{ namespace: nameIn(namespace), labels: labelsIn(select), isLocal }] : [];
    }),
  );
}

export function nameIn(decl: Decl): string {
  return oneOf(decl, "name", "name")?.text ?? "";
}

/** The labels of a `labels` or `select` statement. */
export function labelsIn(decl: Decl | undefined): ReadonlyMap<string, string> {
  return new Map(
    all(decl, "labels").flatMap(({ value }) => (value.kind === "label" ? [[value.key, value.value] as const] : [])),
  );
}

/** The values of an `address` statement, or of the addresses of an `attach` statement. */
export function addressesIn(decl: Decl | undefined): readonly Ip[] {
  return all(decl, "addresses").flatMap(({ text }) => parseIp(text) ?? []);
}
