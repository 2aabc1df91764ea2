/**
 * The sockets of `healthCheckNodePort`: kube-proxy responds on the node port addresses of every node, in every mode, with 200 if
 * the node has a ready endpoint of the service, and with 503 otherwise (pkg/proxy/healthcheck/service_health.go).
 */
import { formatIp, type Ip } from "../../addressing/ip.ts";
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
    const { kubeProxy } = ports.cluster.services;
    const ips = nodePortIps(node, ports.family, kubeProxy, devices);
    // Before 1.36, a socket for any address accepts both families, and cannot be opened next to a socket of the other family: IPv4
    // is first (metaProxier.OnServiceSynced, pkg/proxy/metaproxier/meta_proxier.go).
    const both = kubeProxy.minor < 36;
    const before = new Set([...sockets.values()].map(({ port }) => port));
    const places = ips === "all" ? [both ? {} : { family: ports.family }] : ips.map(atAddress);
    for (const place of places) {
      for (const port of checked) {
        const socket = socketOf(port, place);
        const isTaken = sockets.has(placeText(socket.port, {})) || (both && ips === "all" && before.has(socket.port));
        if (!isTaken) sockets.set(placeText(socket.port, place), socket);
      }
    }
  }
  return [...sockets.values()];
}

type Place = Pick<Socket, "address" | "family">;

function atAddress(address: Ip): Place {
  return { address };
}

/** The same for sockets that are one socket. */
function placeText(port: number, { address, family }: Place): string {
  return `${port} ${address === undefined ? `any ${family ?? ""}` : formatIp(address)}`;
}

function socketOf({ service, port }: ProxyPort, place: Place): Socket {
  return {
    proto: "tcp",
    port: service.healthCheckNodePort ?? 0,
    ...place,
    process: "kube-proxy",
    origin: port.source,
  };
}
