/** Source/destination checks of a cloud's fabric. */
import { type Ip, isLinkLocal, isMulticast } from "../addressing/ip.ts";
import type { NetnsId, Network } from "../dataplane/model.ts";
import { valueAt } from "../memo/memo.ts";
import type { Interface, Segment } from "../topology/model.ts";
import { clusterOf, type World } from "./world.ts";

/** Whether the fabric allows this interface to send from the address, or to receive packets for it. */
export type SourceCheck = (segment: Segment, id: NetnsId, device: string, ip: Ip) => boolean;

export function sourceCheck(world: World, netns: Network["netns"]): SourceCheck {
  const { topology, stations, fabric } = world;
  const attached = new Map<string, ReadonlyMap<string, Interface>>();
  const attachedTo = (segment: string): ReadonlyMap<string, Interface> =>
    valueAt(
      attached,
      segment,
      () => new Map(topology.attachedTo(segment).map((iface) => [`${iface.station.path} ${iface.device}`, iface])),
    );
  return (segment, id, device, ip) => {
    // Routers are exempt, including their devices for routing domains, which are not attached to the segment.
    const iface = attachedTo(segment.name).get(`${id} ${device}`);
    if (!(iface?.sourceCheck ?? (segment.sourceCheck && stations(id)?.kind !== "router"))) return true;
    if (isLinkLocal(ip) || isMulticast(ip)) return true;
    const own = netns(id)?.devices.get(device);
    if (own?.addresses.some((one) => one.ip === ip)) return true;
    for (const end of fabric.ends(segment.name, ip)) if (end.netns === id && end.device === device) return true;
    return isDelivered(world, segment, id, ip);
  };
}

/** Whether the cloud itself delivers packets to this address to the nodes of the machine's cluster. */
function isDelivered(world: World, segment: Segment, id: NetnsId, ip: Ip): boolean {
  const station = world.stations(id);
  const cluster = station?.kind === "node" ? clusterOf(world, station) : undefined;
  return (
    cluster !== undefined && world.contributors.some((one) => one.delivers?.(world.topology, cluster, segment, ip))
  );
}
