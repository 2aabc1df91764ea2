// The Kubernetes objects of a cluster that knet has resolved: what kube-apiserver stores, and what the controllers add.
import { family, formatIp, formatPrefix, type Ip } from "../../server/src/addressing/ip.ts";
import type { Cluster, Node, Service, ServiceEndpoint, ServicePort } from "../../server/src/topology/model.ts";
import type { KubeObject } from "./api-server.ts";

const ZONE = "topology.kubernetes.io/zone";

/** Nodes, ServiceCIDRs, services, and their EndpointSlices. */
export function objectsOf(cluster: Cluster): readonly KubeObject[] {
  const { services } = cluster;
  return [
    ...cluster.nodes.map(nodeObject),
    ...serviceCidrs(cluster),
    ...services.all.map(serviceObject),
    ...services.all.flatMap((service) => slices(cluster, service)),
  ];
}

export function nodeObject(node: Node): KubeObject {
  const { name, labels, podCidrs, interfaces } = node;
  const cidrs = podCidrs.map(({ prefix }) => formatPrefix(prefix));
  const ips = interfaces.flatMap(({ addresses }) => addresses.map(({ ip }) => ip));
  const primary = ([4, 6] as const).flatMap((of) => ips.find((ip) => family(ip) === of) ?? []);
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name, labels: { "kubernetes.io/hostname": name, ...Object.fromEntries(labels) } },
    spec: cidrs.length === 0 ? {} : { podCIDR: cidrs[0], podCIDRs: cidrs },
    status: {
      addresses: [
        ...primary.map((ip) => ({ type: "InternalIP", address: formatIp(ip) })),
        { type: "Hostname", address: name },
      ],
    },
  };
}

function serviceCidrs({ serviceCidrs: ranges }: Cluster): readonly KubeObject[] {
  if (ranges.length === 0) return [];
  return [
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "ServiceCIDR",
      metadata: { name: "kubernetes" },
      spec: { cidrs: ranges.map(({ prefix }) => formatPrefix(prefix)) },
      status: { conditions: [{ type: "Ready", status: "True" }] },
    },
  ];
}

const TYPES: Readonly<Record<Service["type"], string>> = {
  "cluster-ip": "ClusterIP",
  headless: "ClusterIP",
  "node-port": "NodePort",
  "load-balancer": "LoadBalancer",
  "external-name": "ExternalName",
};

function policy(of: "cluster" | "local"): string {
  return of === "cluster" ? "Cluster" : "Local";
}

function serviceObject(service: Service): KubeObject {
  const { namespace, name, type, clusterIps, affinity, healthCheckNodePort, distribution } = service;
  const isHeadless = type === "headless";
  const reachable = type === "node-port" || type === "load-balancer" || service.externalIps.length > 0;
  const ips = isHeadless ? ["None"] : clusterIps.map(formatIp);
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name,
      namespace,
      labels: isHeadless ? { "service.kubernetes.io/headless": "" } : {},
    },
    spec: {
      type: TYPES[type],
      ...(ips.length > 0 ? { clusterIP: ips[0], clusterIPs: ips } : {}),
      ipFamilies: clusterIps.map((ip) => (family(ip) === 4 ? "IPv4" : "IPv6")),
      ...(service.selector ? { selector: Object.fromEntries(service.selector) } : {}),
      ...(service.externalName === undefined ? {} : { externalName: service.externalName }),
      ports: service.ports.map(portObject),
      externalIPs: service.externalIps.map(({ ip }) => formatIp(ip)),
      ...(reachable ? { externalTrafficPolicy: policy(service.externalPolicy) } : {}),
      internalTrafficPolicy: policy(service.internalPolicy),
      sessionAffinity: affinity === undefined ? "None" : "ClientIP",
      ...(affinity === undefined ? {} : { sessionAffinityConfig: { clientIP: { timeoutSeconds: affinity } } }),
      ...(healthCheckNodePort === undefined ? {} : { healthCheckNodePort }),
      loadBalancerSourceRanges: service.sourceRanges.map(formatPrefix),
      publishNotReadyAddresses: service.publishNotReady,
      ...(distribution === undefined
        ? {}
        : { trafficDistribution: distribution === "prefer-same-node" ? "PreferSameNode" : "PreferSameZone" }),
    },
    status: {
      loadBalancer:
        type === "load-balancer"
          ? { ingress: service.loadBalancerIps.map(({ ip }) => ({ ip: formatIp(ip), ipMode: "VIP" })) }
          : {},
    },
  };
}

function portObject({ name, port, proto, target, nodePort }: ServicePort): object {
  return {
    ...(name === undefined ? {} : { name }),
    port,
    protocol: proto.toUpperCase(),
    targetPort: target,
    ...(nodePort === undefined ? {} : { nodePort }),
  };
}

/** One slice per family, port, and number of the target port. */
function slices(cluster: Cluster, service: Service): readonly KubeObject[] {
  return ([4, 6] as const).flatMap((of) =>
    service.ports.flatMap((port, i) => {
      const byNumber = new Map<number, ServiceEndpoint[]>();
      for (const endpoint of cluster.services.endpoints(service, port, of)) {
        const own = byNumber.get(endpoint.port) ?? [];
        own.push(endpoint);
        byNumber.set(endpoint.port, own);
      }
      return [...byNumber].map(
        ([number, endpoints]): KubeObject => ({
          apiVersion: "discovery.k8s.io/v1",
          kind: "EndpointSlice",
          metadata: {
            name: `${service.name}-${of}-${i}-${number}`,
            namespace: service.namespace,
            labels: { "kubernetes.io/service-name": service.name },
          },
          addressType: of === 4 ? "IPv4" : "IPv6",
          ports: [{ name: port.name ?? "", protocol: port.proto.toUpperCase(), port: number }],
          endpoints: endpoints.map((endpoint) => endpointObject(endpoint, service)),
        }),
      );
    }),
  );
}

/** Hints as the EndpointSlice controller sets them (staging/src/k8s.io/endpointslice/trafficdist). */
function endpointObject({ ip, node }: ServiceEndpoint, { distribution }: Service): object {
  const zone = node?.labels.get(ZONE);
  const forZones = zone === undefined ? {} : { forZones: [{ name: zone }] };
  const forNodes = node && distribution === "prefer-same-node" ? { forNodes: [{ name: node.name }] } : {};
  return {
    addresses: [formatIp(ip as Ip)],
    conditions: { ready: true, serving: true, terminating: false },
    ...(node ? { nodeName: node.name } : {}),
    ...(zone === undefined ? {} : { zone }),
    ...(distribution === undefined ? {} : { hints: { ...forZones, ...forNodes } }),
  };
}
