/**
 * The sockets of `healthCheckNodePort`: kube-proxy responds on the node port addresses of every node, in every mode, with 200 if
 * the node has a ready endpoint of the service, and with 503 otherwise (pkg/proxy/healthcheck/service_health.go).
 */
import type { Ip } from "../../addressing/ip.ts";
import type { Device, Socket } from "../../dataplane/model.ts";
import type { Node } from "../../topology/model.ts";
import { nodePortIps } from "./node-addresses.ts";
import type { ProxyPort, ProxyPorts } from "./ports.ts";

/** `devices` are those that the node's mode adds. */
export function healthSockets(all: readonly ProxyPorts[], node: Node, devices: readonly Device[]): readonly Socket[] {
  const sockets = new Map<string, Socket>();
  for (const ports of all) {
    const checked = ports.healthChecked();
    if (checked.length === 0) continue;
    const ips = nodePortIps(node, ports.family, ports.cluster.services.kubeProxy, devices);
    for (const address of ips === "all" ? [undefined] : ips) {
      for (const port of checked) {
        const socket = socketOf(port, address);
        const key = `${socket.port} ${String(address)}`;
        if (!sockets.has(key)) sockets.set(key, socket);
      }
    }
  }
  return [...sockets.values()];
}

function socketOf({ service, port }: ProxyPort, address: Ip | undefined): Socket {
  return {
    proto: "tcp",
    port: service.healthCheckNodePort ?? 0,
    ...(address === undefined ? {} : { address }),
    process: "kube-proxy",
    origin: port.source,
  };
}
