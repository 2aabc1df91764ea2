/** Services, as a hover tells of them: their ports, where each leads, their names. */

import { formatIp } from "../../../addressing/ip.ts";
import { number, plural } from "../../../text/words.ts";
import { serviceName } from "../../../topology/dns.ts";
import type { Cluster, Service, ServicePort } from "../../../topology/model.ts";
import { endpointText } from "../../../topology/service-endpoints.ts";
import { bullets, code, paragraphs } from "../markdown.ts";

const MOST_ENDPOINTS = 8;

export function serviceText(cluster: Cluster, service: Service): string {
  const ips = service.clusterIps.map(formatIp).join(", ");
  const addresses = [
    ...service.externalIps.map(({ ip }) => `external ${formatIp(ip)}`),
    ...service.loadBalancerIps.map(({ ip }) => `load balancer ${formatIp(ip)}`),
  ];
  return paragraphs(
    `**service** ${code(service.path)} · ${service.type}${ips === "" ? "" : `, ClusterIP ${ips}${service.allocated ? " (allocated)" : ""}`}`,
    service.externalName === undefined ? "" : `DNS answers ${code(service.externalName)}`,
    bullets(addresses),
    ...service.ports.map((port) => servicePortText(cluster, service, port)),
    bullets([`DNS name ${code(serviceName(cluster, service))}`, ...environment(service)]),
  );
}

export function servicePortText(cluster: Cluster, service: Service, port: ServicePort): string {
  const endpoints = ([4, 6] as const).flatMap((of) => cluster.services.endpoints(service, port, of));
  const name = port.name === undefined ? "" : ` (${port.name})`;
  const nodePort =
    port.nodePort === undefined ? "" : `, on every node ${port.nodePort}${port.nodePortGiven ? "" : " (allocated)"}`;
  return paragraphs(
    `Port **${port.port}/${port.proto}**${name} → ${port.target}${nodePort}: ${plural(endpoints.length, "endpoint")}`,
    bullets([
      ...endpoints.slice(0, MOST_ENDPOINTS).map((endpoint) => {
        const pod = endpoint.pod && ` ${code(endpoint.pod.name)}`;
        const node = endpoint.node && ` on ${code(endpoint.node.name)}`;
        return `${endpointText(endpoint)}${pod ?? ""}${node ?? ""}`;
      }),
      endpoints.length > MOST_ENDPOINTS ? `and ${number(endpoints.length - MOST_ENDPOINTS)} more` : undefined,
    ]),
  );
}

/** What kubelet gives to containers of the namespace that start after the service (pkg/kubelet/envvars). */
function environment({ name, clusterIps, ports }: Service): readonly string[] {
  const [ip] = clusterIps;
  const [port] = ports;
  if (ip === undefined || port === undefined) return [];
  const prefix = name.toUpperCase().replaceAll("-", "_");
  return [
    `environment ${code(`${prefix}_SERVICE_HOST=${formatIp(ip)}`)} ${code(`${prefix}_SERVICE_PORT=${port.port}`)}`,
  ];
}
