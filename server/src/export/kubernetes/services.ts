/** Services, their manual endpoints, and ingresses. */
import { family, formatIp, formatPrefix } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import { entryOf } from "../../topology/ingress.ts";
import type { Cluster, Ingress, IngressRule, Router, Service, ServicePort } from "../../topology/model.ts";
import { ifAny, type KubeItem, labelRecord, type PlainRecord, unless } from "../objects.ts";
import { balancerItems } from "./balancer.ts";
import { GATEWAY_NAME, gatewayItems } from "./gateways.ts";

export interface ServiceItems {
  readonly items: readonly KubeItem[];
  readonly losses: readonly string[];
}

export function serviceItems(cluster: Cluster, routers: readonly Router[]): ServiceItems {
  const { services, ingresses = [] } = cluster;
  const losses = [...services.all.flatMap(lossesOf)];
  const proxyOf = (ingress: Ingress): Service | undefined => entryOf(cluster, ingress);
  const routed = ingresses
    .filter(({ kind }) => kind === "ingress")
    .map((one) => ingressItem(one, proxyOf(one), losses));
  const gateways = gatewayItems(ingresses, proxyOf, losses);
  return {
    items: [
      ...services.all.flatMap((service) => [
        serviceItem(service, gateways.names.get(`${service.namespace}/${service.name}`)),
        ...endpointItems(service),
      ]),
      ...routed,
      ...gateways.items,
      ...balancerItems(cluster, routers, losses),
    ],
    losses,
  };
}

const TYPES: Readonly<Record<Service["type"], string | undefined>> = {
  "cluster-ip": undefined,
  headless: undefined,
  "node-port": "NodePort",
  "load-balancer": "LoadBalancer",
  "external-name": "ExternalName",
};
const DISTRIBUTIONS = { "prefer-same-zone": "PreferSameZone", "prefer-same-node": "PreferSameNode" } as const;
/** DefaultClientIPServiceAffinitySeconds (k8s.io/api/core/v1). */
const AFFINITY = 10_800;

function lossesOf({ ports, path, type }: Service): readonly string[] {
  return ports.length === 0 && type !== "headless" && type !== "external-name"
    ? [t`service ${path}: without ports, kube-apiserver rejects it`]
    : [];
}

/** `gateway`: the one that the service serves. */
function serviceItem(service: Service, gateway: string | undefined): KubeItem {
  const { name, namespace, type, selector, affinity } = service;
  const clusterIps = type === "headless" ? ["None"] : service.clusterIps.map(formatIp);
  const isDual = new Set(service.clusterIps.map(family)).size > 1;
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name, namespace, labels: gateway === undefined ? undefined : { [GATEWAY_NAME]: gateway } },
    spec: {
      type: TYPES[type],
      externalName: service.externalName,
      clusterIP: clusterIps[0],
      clusterIPs: ifAny(clusterIps),
      ipFamilyPolicy: isDual ? "RequireDualStack" : undefined,
      ipFamilies: isDual ? service.clusterIps.map((ip) => `IPv${family(ip)}`) : undefined,
      selector: selector && labelRecord(selector),
      ports: ifAny(service.ports.map((port) => portOf(service, port))),
      externalIPs: ifAny(service.externalIps.map(({ ip }) => formatIp(ip))),
      loadBalancerSourceRanges: ifAny(service.sourceRanges.map(formatPrefix)),
      externalTrafficPolicy: unless(capital(service.externalPolicy), "Cluster"),
      internalTrafficPolicy: unless(capital(service.internalPolicy), "Cluster"),
      healthCheckNodePort: service.healthCheckNodePort,
      sessionAffinity: affinity === undefined ? undefined : "ClientIP",
      sessionAffinityConfig:
        affinity === undefined || affinity === AFFINITY ? undefined : { clientIP: { timeoutSeconds: affinity } },
      publishNotReadyAddresses: service.publishNotReady ? true : undefined,
      trafficDistribution: service.distribution && DISTRIBUTIONS[service.distribution],
    },
    status:
      service.loadBalancerIps.length === 0
        ? undefined
        : { loadBalancer: { ingress: service.loadBalancerIps.map(({ ip }) => ({ ip: formatIp(ip) })) } },
  };
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Several ports require names. */
function portOf({ ports }: Service, port: ServicePort): PlainRecord {
  const { name, port: number, proto, target, nodePort } = port;
  return {
    name: name ?? (ports.length > 1 ? portName(port) : undefined),
    protocol: unless(proto.toUpperCase(), "TCP"),
    port: number,
    targetPort: target === number ? undefined : target,
    nodePort,
  };
}

function portName({ port, proto }: ServicePort): string {
  return `port-${port}-${proto}`;
}

/** The slices of a service without a selector: one for each family and port. */
function endpointItems(service: Service): readonly KubeItem[] {
  const { name, namespace, written, ports } = service;
  const groups = new Map<string, Service["written"][number][]>();
  for (const one of written) {
    const key = `${family(one.ip)} ${one.port ?? ""}`;
    groups.set(key, [...(groups.get(key) ?? []), one]);
  }
  return [...groups.values()].map((group, index): KubeItem => {
    const given = group[0]?.port;
    return {
      apiVersion: "discovery.k8s.io/v1",
      kind: "EndpointSlice",
      metadata: {
        name: `${name}-${index + 1}`,
        namespace,
        labels: { "kubernetes.io/service-name": name },
      },
      addressType: `IPv${family(group[0]!.ip)}`,
      ports: ports.map((port) => ({
        name: port.name ?? (ports.length > 1 ? portName(port) : ""),
        protocol: port.proto.toUpperCase(),
        port: given ?? (typeof port.target === "number" ? port.target : port.port),
      })),
      endpoints: group.map(({ ip }) => ({ addresses: [formatIp(ip)] })),
    };
  });
}

/* ------------------------------------------------------------------ ingresses */

/** The addresses of the proxy are in `status`, which is how clients find it. */
function ingressItem(ingress: Ingress, proxy: Service | undefined, losses: string[]): KubeItem {
  const { namespace, name, servedBy } = ingress;
  const addresses = proxy?.loadBalancerIps.map(({ ip }) => formatIp(ip)) ?? [];
  if (addresses.length === 0)
    losses.push(
      t`ingress ${namespace}/${name}: \`served-by ${servedBy?.text ?? ""}\` cannot be expressed, because its service has no load balancer IP`,
    );
  const rules = ingress.rules.filter(({ isDefault }) => !isDefault);
  const hosts = [...new Set(rules.map(({ host }) => host))];
  const [otherwise] = ingress.rules.filter(({ isDefault }) => isDefault);
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "Ingress",
    metadata: { name, namespace },
    spec: {
      defaultBackend: otherwise && backendOf(otherwise),
      rules: ifAny(
        hosts.map((host) => ({
          host,
          http: {
            paths: rules
              .filter((rule) => rule.host === host)
              .map((rule) => ({
                path: rule.path,
                pathType: rule.exact ? "Exact" : "Prefix",
                backend: backendOf(rule),
              })),
          },
        })),
      ),
    },
    status: addresses.length === 0 ? undefined : { loadBalancer: { ingress: addresses.map((ip) => ({ ip })) } },
  };
}

function backendOf({ backend }: IngressRule): PlainRecord {
  return { service: { name: backend.text.split("/").at(-1), port: { number: backend.port } } };
}
