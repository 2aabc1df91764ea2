/** The sockets of a network namespace that the lab agent opens. */
import { formatIp, type Ip } from "../addressing/ip.ts";
import type { Netns } from "../dataplane/model.ts";

export interface Listener {
  readonly proto: "tcp" | "udp" | "sctp";
  readonly port: number;
  readonly address: string | null;
}

/** Sockets of programs. `missing`: addresses of devices that the kernel does not support. Kernel sockets and sockets of TUN daemons are created together with the devices. */
export function listenersOf(space: Netns, missing: ReadonlySet<Ip> = new Set()): readonly Listener[] {
  const tunnels = new Set<number>();
  for (const device of space.devices.values()) {
    if (device.kind === "vxlan") tunnels.add(device.port);
    if (device.kind === "tun") tunnels.add(device.daemon.port);
    if (device.kind === "wireguard") tunnels.add(device.port);
  }
  const listeners = new Map<string, Listener>();
  for (const { proto, port, address } of space.sockets) {
    if (proto === "udp" && tunnels.has(port)) continue;
    if (address !== undefined && missing.has(address)) continue;
    const bound = address === undefined ? null : formatIp(address);
    listeners.set(`${proto} ${port} ${bound}`, { proto, port, address: bound });
  }
  return [...listeners.values()];
}
