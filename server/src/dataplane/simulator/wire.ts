/** A frame on a segment: MTU and filters of the network. */
import { formatIp } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import { UNTRACKED } from "../conntrack.ts";
import { matches } from "../match.ts";
import type { Device, L2Segment, LinkEnd } from "../model.ts";
import { familyOf, type Packet, pieceLength } from "../packet.ts";
import type { HookContext, Seen } from "../seen.ts";
import { ruleText } from "../text.ts";
import type { Neighbour } from "./neighbour.ts";
import { type End, fail, type Host, limitMtu, machine, machineAt } from "./run.ts";

/** Sends the frame to the segment. */
export function ontoSegment(host: Host, device: Device & { kind: "physical" }, packet: Packet, to: Neighbour): End {
  const { run } = host;
  if (to.kind !== "station" && to.kind !== "permanent") throw new Error(`no machine on ${device.name}`);
  const segment = run.network.segment(device.segment);
  if (segment) {
    const size = pieceLength(packet);
    if (run.overhead === 0 || segment.mtu < device.mtu) limitMtu(run, segment.mtu);
    if (size > segment.mtu) {
      return fail(host, packet, {
        verdict: "dropped",
        code: "segment-mtu",
        message: t`segment ${segment.name} (MTU ${segment.mtu}) silently drops the packet of ${size} bytes`,
        device: device.name,
        origin: segment.origin,
      });
    }
  }
  if (segment?.refusesIpip !== undefined && packet.body.kind === "ipip") {
    return fail(host, packet, {
      verdict: "dropped",
      code: "protocol-refused",
      message: t`the network of ${segment.refusesIpip} (segment ${segment.name}) drops IP-in-IP (protocol 4)`,
      device: device.name,
      origin: segment.origin,
    });
  }
  const filter = segment?.filters?.[familyOf(packet)].find(({ matches: all }) => matches(all, seenBy(packet)));
  if (segment && filter) {
    return fail(host, packet, {
      verdict: "dropped",
      code: "filtered",
      message: t`segment ${segment.name} drops the packet`,
      device: device.name,
      rule: { table: `segment ${segment.name}`, text: ruleText(filter, familyOf(packet)), origin: filter.origin },
    });
  }
  if (to.kind === "permanent") {
    return fail(host, packet, {
      verdict: "dropped",
      code: "wrong-mac",
      message: t`no machine on segment ${device.segment} has MAC address ${to.mac}, which the neighbor entry of ${machine(host.netns)} contains`,
      device: device.name,
      rule: to.rule,
      origin: to.rule.origin,
    });
  }
  const unwanted = segment && unwantedBy(host, segment, device.name, to.end, packet);
  if (unwanted !== undefined) {
    return fail(host, packet, {
      verdict: "dropped",
      code: "source-check",
      message: unwanted,
      device: device.name,
      origin: segment?.origin,
    });
  }
  return run.stack.receive(run, to.end, packet, to);
}

/** A network matches packets without any state. */
function seenBy(packet: Packet): Seen {
  return { packet, mark: 0, tracking: UNTRACKED, context: NO_MACHINE };
}

const NO_MACHINE: HookContext = {
  in: undefined,
  out: undefined,
  isLocal: () => false,
  isOf: () => false,
  reversePath: () => true,
  pathMtu: () => Number.POSITIVE_INFINITY,
  masqueradeAs: () => undefined,
  redirectTo: () => undefined,
  chance: () => false,
  connections: [],
};

/** The message if the source/destination check of the network drops the packet. */
function unwantedBy(
  { run, netns }: Host,
  segment: L2Segment,
  device: string,
  to: LinkEnd,
  packet: Packet,
): string | undefined {
  if (!segment.admits(netns.id, device, packet.src)) {
    return t`segment ${segment.name} drops packets from ${formatIp(packet.src)} because ${device} of ${machine(netns)} does not have this address (source check)`;
  }
  if (!segment.admits(to.netns, to.device, packet.dst)) {
    return t`segment ${segment.name} drops packets to ${formatIp(packet.dst)} because ${to.device} of ${machineAt(run, to.netns)} does not have this address (source check)`;
  }
  return undefined;
}
