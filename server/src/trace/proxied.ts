/**
 * Requests that a proxy of the cluster takes: two connections. The client's goes to the service of the proxy; the proxy opens
 * another one, to a pod behind the backend's service and not to its ClusterIP, as ingress controllers do.
 */
import { formatIp } from "../addressing/ip.ts";
import type { Journey } from "../dataplane/journey.ts";
import type { NetnsId, Network } from "../dataplane/model.ts";
import { backendOf, entryOf, routeUrl, type Url } from "../topology/ingress.ts";
import type { Cluster, Ingress, IngressRule, Service, Topology } from "../topology/model.ts";
import { journeysTo, type Target } from "./aim.ts";

export interface Proxied {
  readonly cluster: Cluster;
  readonly ingress: Ingress;
  /** Of the proxy. */
  readonly entry: Service;
  readonly backends: readonly Backend[];
  readonly notes: readonly string[];
}
interface Backend {
  readonly path: string;
  readonly targets: readonly Target[];
  /** Of all requests. */
  readonly share: number;
}

/** Another port than the client's. */
const SOURCE_PORT = 40002;

/** Who serves the URL, and where it sends requests; a sentence where nobody does. */
export function proxiedBy(topology: Topology, url: Url): Proxied | string {
  const routed = routeUrl(topology.clusters, url);
  const shown = `${url.host}${url.path}`;
  if (!routed) return `no ingress and no HTTP route has a rule for ${shown}${hostsHint(topology)}`;
  const { cluster, ingress, rules } = routed;
  const entry = entryOf(cluster, ingress);
  if (!entry) return `${ingress.path} serves ${shown}, but no service leads to its proxy; name it with served-by`;
  const total = rules.reduce((sum, { weight }) => sum + weight, 0);
  const backends: Backend[] = [];
  for (const rule of rules) {
    if (total === 0 || rule.weight === 0) continue;
    const backend = targetsOf(cluster, ingress, rule, rule.weight / total);
    if (typeof backend === "string")
      return `${ingress.path} sends ${shown} to ${rule.backend.text}:${rule.backend.port}, but ${backend}`;
    backends.push(backend);
  }
  const names = [...new Set(backends.map(({ path }) => path))].join(", ");
  const note = `${ingress.path} sends ${shown} to ${names}: the proxy opens a connection of its own, straight to a pod; the client stands in X-Forwarded-For only`;
  return { cluster, ingress, entry, backends, notes: [note] };
}

function hostsHint({ clusters }: Topology): string {
  const rules = clusters.flatMap(({ ingresses }) => (ingresses ?? []).flatMap((one) => one.rules));
  const hosts = [...new Set(rules.map(({ host, path }) => `${host ?? "*"}${path}`))];
  return hosts.length === 0 ? "" : `; there are rules for ${hosts.slice(0, 5).join(", ")}`;
}

function targetsOf(cluster: Cluster, ingress: Ingress, { backend }: IngressRule, share: number): Backend | string {
  const found = backendOf(cluster, ingress, backend);
  if (typeof found === "string") return found;
  const { service, port } = found;
  const endpoints = cluster.services.endpoints(service, port, 4);
  const all = endpoints.length > 0 ? endpoints : cluster.services.endpoints(service, port, 6);
  if (all.length === 0) return `${service.path} has no endpoints: the proxy answers 503`;
  const targets = all.map(({ ip, port: number }) => ({ ip, port: number, weight: 1 / all.length }));
  return { path: service.path, targets, share };
}

export interface SecondLeg {
  /** The proxies that the client's connection has reached. */
  readonly from: readonly NetnsId[];
  readonly journeys: readonly Journey[];
  readonly to: string;
  readonly port: number;
}

/** The proxy's own connections, from every proxy that the first connection has reached. */
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
