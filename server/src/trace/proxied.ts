/**
 * Requests through a proxy of the cluster consist of two connections: the client connects to the service of the proxy, and
 * the proxy opens a second connection directly to an endpoint of the backend service, bypassing its ClusterIP (like ingress
 * controllers).
 */
import { formatIp } from "../addressing/ip.ts";
import type { Journey } from "../dataplane/journey.ts";
import type { NetnsId, Network } from "../dataplane/model.ts";
import { list } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import { backendOf, entryOf, routeUrl, type Url } from "../topology/ingress.ts";
import type { Cluster, Ingress, IngressRule, Service, Topology } from "../topology/model.ts";
import { journeysTo, type Target } from "./aim.ts";

export interface Proxied {
  readonly cluster: Cluster;
  readonly ingress: Ingress;
  /** The service of the proxy. */
  readonly entry: Service;
  readonly backends: readonly Backend[];
  readonly notes: readonly string[];
}
interface Backend {
  readonly path: string;
  readonly targets: readonly Target[];
  /** Share of all requests. */
  readonly share: number;
}

/** Differs from the client's source port. */
const SOURCE_PORT = 40002;

/** The ingress that serves the URL and its backends, or an error message. */
export function proxiedBy(topology: Topology, url: Url): Proxied | string {
  const routed = routeUrl(topology.clusters, url);
  const shown = `${url.host}${url.path}`;
  if (!routed) return unmatched(topology, shown);
  const { cluster, ingress, rules } = routed;
  const entry = entryOf(cluster, ingress);
  if (!entry) return t`${ingress.path} serves ${shown}, but no service selects its proxy; set \`served-by\``;
  const total = rules.reduce((sum, { weight }) => sum + weight, 0);
  const backends: Backend[] = [];
  for (const rule of rules) {
    if (total === 0 || rule.weight === 0) continue;
    const backend = targetsOf(cluster, ingress, rule, rule.weight / total);
    if (typeof backend === "string")
      return t`${ingress.path} forwards ${shown} to ${rule.backend.text}:${rule.backend.port}, but ${backend}`;
    backends.push(backend);
  }
  const names = list([...new Set(backends.map(({ path }) => path))]);
  const note = t`${ingress.path} forwards ${shown} to ${names}: the proxy opens a separate connection to a pod; the client address appears only in X-Forwarded-For`;
  return { cluster, ingress, entry, backends, notes: [note] };
}

function unmatched({ clusters }: Topology, shown: string): string {
  const rules = clusters.flatMap(({ ingresses }) => (ingresses ?? []).flatMap((one) => one.rules));
  const hosts = [...new Set(rules.map(({ host, path }) => `${host ?? "*"}${path}`))];
  return hosts.length === 0
    ? t`no ingress or HTTP route matches ${shown}`
    : t`no ingress or HTTP route matches ${shown}; rules exist for ${list(hosts, 5)}`;
}

function targetsOf(cluster: Cluster, ingress: Ingress, { backend }: IngressRule, share: number): Backend | string {
  const found = backendOf(cluster, ingress, backend);
  if (typeof found === "string") return found;
  const { service, port } = found;
  const endpoints = cluster.services.endpoints(service, port, 4);
  const all = endpoints.length > 0 ? endpoints : cluster.services.endpoints(service, port, 6);
  if (all.length === 0) return t`${service.path} has no endpoints: the proxy responds with 503`;
  const targets = all.map(({ ip, port: number }) => ({ ip, port: number, weight: 1 / all.length }));
  return { path: service.path, targets, share };
}

export interface SecondLeg {
  /** The proxies that the client's connection reaches. */
  readonly from: readonly NetnsId[];
  readonly journeys: readonly Journey[];
  readonly to: string;
  readonly port: number;
}

/** The backend connections, from all proxies that the first connection reaches. */
export function secondLeg(network: Network, { backends }: Proxied, first: readonly Journey[]): SecondLeg {
  const reached = new Map<NetnsId, number>();
  for (const journey of first) {
    const at = journey.verdict === "delivered" ? journey.steps.at(-1)?.netns : undefined;
    if (at !== undefined) reached.set(at, (reached.get(at) ?? 0) + journey.probability);
  }
  const journeys = [...reached].flatMap(([from, probability]) =>
    backends.flatMap(({ targets, share }) =>
      journeysTo(
        network,
        { from, src: undefined, proto: "tcp", sport: SOURCE_PORT, dport: 0, size: undefined, df: false },
        targets.map((target) => ({ ...target, weight: target.weight * share * probability })),
      ),
    ),
  );
  const [target] = backends.flatMap((one) => one.targets);
  return {
    from: [...reached.keys()],
    journeys,
    to: [...new Set(backends.map(({ path }) => path))].join(", ") || (target ? formatIp(target.ip) : ""),
    port: target?.port ?? 0,
  };
}
