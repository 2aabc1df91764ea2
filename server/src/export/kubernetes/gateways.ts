/** Gateways and HTTPRoutes (gateway.networking.k8s.io/v1). */
import { formatIp } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import type { Ingress, IngressRule, Service } from "../../topology/model.ts";
import { ifAny, type KubeItem, type PlainRecord } from "../objects.ts";

const API = "gateway.networking.k8s.io/v1";
/** The label that implementations set on the service of a gateway's proxy (Gateway API, GEP-1762). */
export const GATEWAY_NAME = "gateway.networking.k8s.io/gateway-name";

export interface GatewayItems {
  readonly items: readonly KubeItem[];
  /** The gateways' names by the path of the service that serves them. */
  readonly names: ReadonlyMap<string, string>;
}

/** `proxyOf`: the service that serves a route. */
export function gatewayItems(
  ingresses: readonly Ingress[],
  proxyOf: (ingress: Ingress) => Service | undefined,
  losses: string[],
): GatewayItems {
  const routes = ingresses.filter(({ kind }) => kind === "route");
  const names = new Map<string, string>();
  const made = new Map<string, KubeItem>();
  const items = routes.flatMap((route): readonly KubeItem[] => {
    const { gateway, namespace, name } = route;
    const proxy = proxyOf(route);
    if (gateway === undefined || !proxy) {
      losses.push(t`http-route ${namespace}/${name}: its gateway has no service, so it is not exported`);
      return [];
    }
    if (!made.has(gateway)) {
      const item = gatewayItem(gateway, proxy, names);
      if (!item) {
        losses.push(
          t`http-route ${namespace}/${name}: the service of its gateway already serves another gateway and has no load balancer IP`,
        );
        return [];
      }
      made.set(gateway, item);
    }
    return routeItems(route, gateway);
  });
  return { items: [...made.values(), ...items], names };
}

/** A service has one gateway in its label; another one is found by its addresses. */
function gatewayItem(path: string, proxy: Service, names: Map<string, string>): KubeItem | undefined {
  const [namespace = "", name = ""] = path.split("/");
  const addresses = proxy.loadBalancerIps.map(({ ip }) => formatIp(ip));
  const owner = `${proxy.namespace}/${proxy.name}`;
  if (!names.has(owner)) names.set(owner, name);
  else if (addresses.length === 0) return undefined;
  return {
    apiVersion: API,
    kind: "Gateway",
    metadata: { name, namespace },
    spec: {
      gatewayClassName: "default",
      listeners: proxy.ports.map((port) => ({
        name: port.name ?? `port-${port.port}`,
        port: port.port,
        protocol: port.port === 443 ? "HTTPS" : "HTTP",
        allowedRoutes: { namespaces: { from: "All" } },
      })),
    },
    status:
      addresses.length === 0 ? undefined : { addresses: addresses.map((value) => ({ type: "IPAddress", value })) },
  };
}

/** The rules of an HTTPRoute apply to all of its host names: hosts with other rules are another route. */
function routeItems(route: Ingress, gateway: string): readonly KubeItem[] {
  const hosts = [...new Set(route.rules.map(({ host }) => host))];
  const groups = new Map<string, (string | undefined)[]>();
  for (const host of hosts) {
    const key = `${host === undefined} ${JSON.stringify(rulesOf(route, host))}`;
    groups.set(key, [...(groups.get(key) ?? []), host]);
  }
  const [namespace, name] = gateway.split("/");
  return [...groups.values()].map((own, index) => ({
    apiVersion: API,
    kind: "HTTPRoute",
    metadata: { name: index === 0 ? route.name : `${route.name}-${index + 1}`, namespace: route.namespace },
    spec: {
      parentRefs: [{ name, namespace: namespace === route.namespace ? undefined : namespace }],
      hostnames: ifAny(own.flatMap((host) => host ?? [])),
      rules: rulesOf(route, own[0]),
    },
  }));
}

/** One rule for each path, with its backends. */
function rulesOf({ rules }: Ingress, host: string | undefined): readonly PlainRecord[] {
  const byPath = new Map<string, IngressRule[]>();
  for (const rule of rules) {
    if (rule.host !== host) continue;
    const key = `${rule.exact} ${rule.path}`;
    byPath.set(key, [...(byPath.get(key) ?? []), rule]);
  }
  return [...byPath.values()].map((own) => ({
    matches: own
      .slice(0, 1)
      .map(({ path, exact }) => ({ path: { type: exact ? "Exact" : "PathPrefix", value: path } })),
    backendRefs: own.map(({ backend, weight }) => {
      const [name, namespace] = backend.text.split("/").slice(-2).reverse();
      return { name, namespace, port: backend.port, weight: weight === 1 ? undefined : weight };
    }),
  }));
}
