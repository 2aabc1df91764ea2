/**
 * The endpoints that a running cluster lists for services with a selector. kube-proxy uses these lists, not the pods: a list that
 * differs from the pods shows a controller that is stopped, a label or a condition that changed after the list, or a custom list.
 */
import { parseIp } from "../../addressing/ip.ts";
import type { FileProblem } from "../../declared/file-problem.ts";
import { valueAt } from "../../memo/memo.ts";
import { at, listAt, type Path, textAt, textsAt } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import { annotationsOf, type KubeObject, labelsOf, originAt } from "./object.ts";
import { located, placeText } from "./problems.ts";
import { isTerminating, isUnready, podIps } from "./workloads.ts";

export interface Observed {
  /** Pods that no list has, although services select them and they are ready. */
  readonly ignored: ReadonlySet<KubeObject>;
  /** By service: the objects whose addresses are endpoints in addition to the pods, with these addresses. */
  readonly additional: ReadonlyMap<KubeObject, readonly Listed[]>;
  /** By service: what the hints of its endpoints amount to; undefined if there are no hints. */
  readonly hints: ReadonlyMap<KubeObject, Hints>;
  readonly problems: readonly FileProblem[];
}

/** Addresses in a list of endpoints. */
export interface Listed {
  readonly object: KubeObject;
  readonly addresses: ReadonlySet<string>;
}

/** For the nodes in the zone of the endpoint, or for its own node. */
export type Hints = "prefer-same-zone" | "prefer-same-node";

/** `listsOf`: the EndpointSlices of a service, or its Endpoints. */
export function observedEndpoints(
  services: readonly KubeObject[],
  pods: readonly KubeObject[],
  listsOf: (service: KubeObject) => readonly KubeObject[],
): Observed {
  const listed = services.flatMap((service): readonly Service[] => {
    const selector = textsAt(service.value, "spec", "selector");
    const lists = selector.size === 0 ? [] : listsOf(service).filter(isRead);
    return lists.length === 0 ? [] : [{ service, selector, lists }];
  });
  const selected = selectedPods(pods, listed);
  const compared = listed.map((one) => compare(one, selected(one)));
  const used = new Set(compared.flatMap(({ used: own }) => own));
  const ignored = new Set(compared.flatMap(({ unlisted }) => unlisted.filter((pod) => !used.has(pod))));
  return {
    ignored,
    additional: new Map(compared.map(({ service, additional }) => [service, additional])),
    hints: new Map(
      listed.flatMap(({ service, lists }) => {
        const hints = hintsOf(lists.filter(isManaged));
        return hints === undefined ? [] : [[service, hints] as const];
      }),
    ),
    problems: compared.flatMap((one) => problemsOf(one, pods.length > 0)),
  };
}

interface Service {
  readonly service: KubeObject;
  readonly selector: ReadonlyMap<string, string>;
  readonly lists: readonly KubeObject[];
}

/** Names do not have addresses; a truncated list (over 1,000 endpoints) shows nothing about the others. */
function isRead(list: KubeObject): boolean {
  return (
    textAt(list.value, "addressType") !== "FQDN" &&
    annotationsOf(list).get("endpoints.kubernetes.io/over-capacity") !== "truncated"
  );
}

/** Whether the control plane writes the list from the pods; any other list of the service is an addition to it. */
function isManaged(list: KubeObject): boolean {
  return (
    list.kind === "Endpoints" ||
    labelsOf(list).get("endpointslice.kubernetes.io/managed-by") === "endpointslice-controller.k8s.io"
  );
}

/** The pods of each service; only the labels that selectors begin with are indexed. */
function selectedPods(
  pods: readonly KubeObject[],
  services: readonly Service[],
): (service: Service) => readonly KubeObject[] {
  const keys = new Set(services.flatMap(({ selector }) => [...selector.keys()].slice(0, 1)));
  const index = new Map<string, KubeObject[]>();
  for (const pod of keys.size === 0 ? [] : pods) {
    const labels = labelsOf(pod);
    for (const key of keys) {
      const value = labels.get(key);
      if (value !== undefined) valueAt(index, indexKey(pod, key, value), (): KubeObject[] => []).push(pod);
    }
  }
  return ({ service, selector }) => {
    const [[key, value] = ["", ""], ...rest] = selector;
    const found = index.get(indexKey(service, key, value)) ?? [];
    return rest.length === 0
      ? found
      : found.filter((pod) => rest.every(([other, wanted]) => labelsOf(pod).get(other) === wanted));
  };
}

function indexKey({ namespace }: KubeObject, key: string, value: string): string {
  return `${namespace ?? "default"} ${key}=${value}`;
}

/* ------------------------------------------------------------------ the lists */

interface Entry {
  readonly ip: string;
  readonly object: KubeObject;
  readonly path: Path;
  readonly isReady: boolean;
  /** Terminating, and still ready to serve. */
  readonly isDraining: boolean;
}

/** kube-proxy reads only `addresses[0]`; an absent `ready` means true, an absent `serving` means `ready` (discovery/v1, types.go). */
export function entriesOf(list: KubeObject): readonly Entry[] {
  const { value } = list;
  if (list.kind === "Endpoints")
    return listAt(value, "subsets").flatMap((subset, index) =>
      (["addresses", "notReadyAddresses"] as const).flatMap((field) =>
        listAt(subset, field).flatMap((one, place): readonly Entry[] => {
          const ip = textAt(one, "ip");
          const path = ["subsets", index, field, place];
          return ip === undefined
            ? []
            : [{ ip, object: list, path, isReady: field === "addresses", isDraining: false }];
        }),
      ),
    );
  return listAt(value, "endpoints").flatMap((one, index): readonly Entry[] => {
    const ip = textAt(one, "addresses", 0);
    const isReady = at(one, "conditions", "ready") !== false;
    const serving = at(one, "conditions", "serving") ?? isReady;
    const isDraining = at(one, "conditions", "terminating") === true && serving !== false;
    return ip === undefined ? [] : [{ ip, object: list, path: ["endpoints", index], isReady, isDraining }];
  });
}

/** Without ready endpoints, kube-proxy uses the terminating ones that still serve (pkg/proxy/topology.go, CategorizeEndpoints). */
export function usable(entries: readonly Entry[]): readonly Entry[] {
  const ready = entries.filter(({ isReady }) => isReady);
  return ready.length > 0 ? ready : entries.filter(({ isDraining }) => isDraining);
}

/* ------------------------------------------------------------------ the comparison */

interface Compared {
  readonly service: KubeObject;
  readonly lists: readonly KubeObject[];
  /** Pods that kube-proxy forwards to. */
  readonly used: readonly KubeObject[];
  readonly unlisted: readonly KubeObject[];
  /** Entries of the control plane's lists without a ready pod. */
  readonly unmatched: readonly Entry[];
  readonly additional: readonly Listed[];
}

function compare({ service, lists }: Service, pods: readonly KubeObject[]): Compared {
  const managed = lists.filter(isManaged);
  const entries = usable(managed.flatMap(entriesOf));
  const ips = new Set(entries.map(({ ip }) => ip));
  const publishes = at(service.value, "spec", "publishNotReadyAddresses") === true;
  const families = new Set(managed.map(familyOf));
  const ready = pods.filter((pod) => publishes || !isUnready(pod.value));
  const inFamily = (ip: string): boolean => families.has("") || families.has(familyOfText(ip));
  const unlisted =
    managed.length === 0
      ? []
      : ready.filter((pod) => {
          const own = podIps(pod.value).filter(inFamily);
          return own.length > 0 && hasPorts(service, pod) && !own.some((ip) => ips.has(ip));
        });
  const expected = new Set(ready.flatMap((pod) => podIps(pod.value)));
  const unmatched = entries.filter(({ ip }) => !expected.has(ip));
  const custom = usable(lists.filter((one) => !isManaged(one)).flatMap(entriesOf));
  const additional = new Map<KubeObject, Set<string>>();
  for (const { object, ip } of [...unmatched, ...custom])
    if (!expected.has(ip)) valueAt(additional, object, () => new Set<string>()).add(ip);
  const isListed = (pod: KubeObject): boolean => podIps(pod.value).some((ip) => ips.has(ip));
  const draining = new Set(pods.filter(({ value }) => isTerminating(value)).flatMap(({ value }) => podIps(value)));
  return {
    service,
    lists: managed,
    used: ready.filter(isListed),
    unlisted,
    // kube-proxy falls back to terminating pods: the list and the pods agree.
    unmatched: unmatched.filter(({ ip, isReady }) => isReady || !draining.has(ip)),
    additional: [...additional].map(([object, addresses]) => ({ object, addresses })),
  };
}

function familyOf({ value }: KubeObject): string {
  return textAt(value, "addressType") ?? "";
}

function familyOfText(ip: string): string {
  return typeof parseIp(ip) === "bigint" ? "IPv6" : "IPv4";
}

/** A pod without the named port of a service is not its endpoint. */
function hasPorts(service: KubeObject, pod: KubeObject): boolean {
  const names = listAt(service.value, "spec", "ports").flatMap((port) => {
    const target = at(port, "targetPort");
    return typeof target === "string" && target !== "" ? [target] : [];
  });
  if (names.length === 0) return true;
  const own = listAt(pod.value, "spec", "containers").flatMap((one) =>
    listAt(one, "ports").flatMap((port) => textAt(port, "name") ?? []),
  );
  return names.some((name) => own.includes(name));
}

/* ------------------------------------------------------------------ hints */

/** kube-proxy uses hints only if all endpoints have them (pkg/proxy/topology.go, topologyModeFromHints). */
function hintsOf(slices: readonly KubeObject[]): Hints | undefined {
  const all = slices.flatMap(({ value }) => listAt(value, "endpoints"));
  if (all.length === 0) return undefined;
  const isFor = (field: "forZones" | "forNodes", own: "zone" | "nodeName"): boolean =>
    all.every((one) => {
      const names = listAt(one, "hints", field).flatMap((hint) => textAt(hint, "name") ?? []);
      return names.length === 1 && names[0] === textAt(one, own);
    });
  return isFor("forNodes", "nodeName")
    ? "prefer-same-node"
    : isFor("forZones", "zone")
      ? "prefer-same-zone"
      : undefined;
}

/* ------------------------------------------------------------------ problems */

/** At the list, with the pods. Without pods in the dump, there is nothing to compare. */
function problemsOf(
  { service, lists: [list], unlisted, unmatched }: Compared,
  hasPods: boolean,
): readonly FileProblem[] {
  if (!list || !hasPods) return [];
  const name = `${service.namespace ?? "default"}/${service.name}`;
  const place = placeText(list);
  const problems: FileProblem[] = [];
  const [pod] = unlisted;
  if (pod) {
    const names = unlisted.map((one) => one.name);
    const path: Path = [list.kind === "Endpoints" ? "subsets" : "endpoints"];
    const related = { source: originAt(pod, ["metadata", "name"]), message: t`pod ${pod.name} is ready` };
    problems.push(located("KN804", list, path, { cause: "unlisted", service: name, names, place }, [related]));
  }
  const [entry] = unmatched;
  if (entry) {
    const names = unmatched.map(({ ip }) => ip);
    const data = { cause: "unmatched", service: name, names, place: placeText(entry.object) } as const;
    const related = { source: originAt(service, ["spec", "selector"]), message: t`selector of the service` };
    problems.push(located("KN804", entry.object, entry.path, data, [related]));
  }
  return problems;
}
