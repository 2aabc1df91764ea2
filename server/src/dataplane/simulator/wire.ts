/** A frame crosses a segment: its MTU, what its switches refuse. */
import { formatIp } from "../../addressing/ip.ts";
import type { Device, L2Segment, LinkEnd, Netns, NetnsId } from "../model.ts";
import { type Packet, pieceLength } from "../packet.ts";
import type { Neighbour } from "./neighbours.ts";
import { type End, fail, limitMtu, type Run } from "./run.ts";

/** The frame is on the wire. */
export function ontoSegment(
  run: Run,
  netns: Netns,
  device: Device & { kind: "physical" },
  packet: Packet,
  to: Neighbour,
): End {
  if (to.kind !== "station") throw new Error(`no station on ${device.name}`);
  const segment = run.network.segment(device.segment);
  if (segment) {
    const size = pieceLength(packet);
    if (run.overhead === 0 || segment.mtu < device.mtu) limitMtu(run, segment.mtu);
    if (size > segment.mtu) {
      return fail(run, netns, packet, {
        verdict: "dropped",
        code: "segment-mtu",
        message: `segment ${segment.name} carries packets of at most ${segment.mtu} bytes; this one of ${size} is lost on the wire`,
        device: device.name,
        origin: segment.origin,
      });
    }
  }
  if (segment?.refusesIpip !== undefined && packet.body.kind === "ipip") {
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: "protocol-refused",
      message: `${segment.refusesIpip}'s network (segment ${segment.name}) drops IP in IP (protocol 4)`,
      device: device.name,
      origin: segment.origin,
    });
  }
  const unwanted = segment && unwantedBy(segment, netns.id, device.name, to.end, packet);
  if (unwanted !== undefined) {
    return fail(run, netns, packet, {
      verdict: "dropped",
      code: "source-check",
      message: unwanted,
      device: device.name,
      origin: segment?.origin,
    });
  }
  return run.stack.receive(run, to.end.netns, to.end.device, packet, to);
}

/** What the network itself refuses to carry (source/destination check), as a sentence. */
function unwantedBy(
  segment: L2Segment,
  netns: NetnsId,
  device: string,
  to: LinkEnd,
  packet: Packet,
): string | undefined {
  if (!segment.admits(netns, device, packet.src)) {
    return `segment ${segment.name} drops what ${device} of ${netns} sends from ${formatIp(packet.src)}, which is not its address (source check)`;
  }
  if (!segment.admits(to.netns, to.device, packet.dst)) {
    return `segment ${segment.name} drops what ${to.device} of ${to.netns} would get for ${formatIp(packet.dst)}, which is not its address (source check)`;
  }
  return undefined;
}
