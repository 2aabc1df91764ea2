/** Hovers of services: ports, endpoints, and DNS names. */

import { formatIp } from "../../../addressing/ip.ts";
import { number, plural } from "../../../text/format.ts";
import { t } from "../../../text/l10n.ts";
import { serviceName } from "../../../topology/dns.ts";
import type { Cluster, Service, ServicePort } from "../../../topology/model.ts";
import { endpointText } from "../../../topology/service-endpoints.ts";
import { bullets, code, paragraphs } from "../markdown.ts";

const MOST_ENDPOINTS = 8;

export function serviceText(cluster: Cluster, service: Service): string {
  const ips = service.clusterIps.map(formatIp).join(", ");
  const addresses = [
    ...service.externalIps.map(({ ip }) => t`external IP ${formatIp(ip)}`),
    ...service.loadBalancerIps.map(({ ip }) => t`load balancer IP ${formatIp(ip)}`),
  ];
  const title = `**service** ${code(service.path)} · ${service.type}`;
  const clusterIp = service.allocated ? t`ClusterIP ${ips} (allocated)` : `ClusterIP ${ips}`;
  return paragraphs(
    ips === "" ? title : `${title}, ${clusterIp}`,
    service.externalName === undefined ? "" : t`DNS resolves to ${code(service.externalName)}`,
    bullets(addresses),
    ...service.ports.map((port) => servicePortText(cluster, service, port)),
    bullets([t`DNS name ${code(serviceName(cluster, service))}`, ...environment(service)]),
  );
}

export function servicePortText(cluster: Cluster, service: Service, port: ServicePort): string {
  const endpoints = ([4, 6] as const).flatMap((of) => cluster.services.endpoints(service, port, of));
  const name = port.name === undefined ? "" : ` (${port.name})`;
  const nodePort =
    port.nodePort === undefined
      ? ""
      : port.nodePortGiven
        ? t`, node port ${port.nodePort}`
        : t`, node port ${port.nodePort} (allocated)`;
  const shown = `**${port.port}/${port.proto}**${name}`;
  return paragraphs(
    t`Port ${shown} → target port ${port.target}${nodePort}: ${plural(endpoints.length, "endpoint")}`,
    bullets([
      ...endpoints.slice(0, MOST_ENDPOINTS).map((endpoint) => {
        const pod = endpoint.pod && code(endpoint.pod.name);
        const node = endpoint.node && t`on ${code(endpoint.node.name)}`;
        return [endpointText(endpoint), pod, node].filter((text) => text !== undefined).join(" ");
      }),
      endpoints.length > MOST_ENDPOINTS ? t`and ${number(endpoints.length - MOST_ENDPOINTS)} more` : undefined,
    ]),
  );
}

/** Environment variables that kubelet sets in containers of the namespace that start after the service (pkg/kubelet/envvars). */
function environment({ name, clusterIps, ports }: Service): readonly string[] {
  const [ip] = clusterIps;
  const [port] = ports;
  if (ip === undefined || port === undefined) return [];
  const prefix = name.toUpperCase().replaceAll("-", "_");
  const variables = [`${prefix}_SERVICE_HOST=${formatIp(ip)}`, `${prefix}_SERVICE_PORT=${port.port}`];
  return [t`environment ${variables.map(code).join(" ")}`];
}
