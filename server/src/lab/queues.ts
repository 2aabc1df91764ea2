/**
 * User-space programs of NFQUEUE targets. In a lab, the agent returns the verdicts that the program of the model returns for the packets of
 * the predicted walks; a packet that no walk predicts is accepted, so it appears in the captures as a disagreement.
 */
import { formatIp } from "../addressing/ip.ts";
import type { Journey } from "../dataplane/journey.ts";
import type { NetnsId, Network } from "../dataplane/model.ts";
import { type Packet, portsOf, transportOf } from "../dataplane/packet.ts";
import { queuePrograms } from "../dataplane/rules.ts";

/** Queue number → "src dst protocol dport" → whether the packet is accepted. */
export type Verdicts = Readonly<Record<string, Readonly<Record<string, boolean>>>>;

/** The verdicts of each network namespace that has queues. */
export function queueVerdicts(
  network: Network,
  ids: readonly NetnsId[],
  journeys: readonly Journey[],
): ReadonlyMap<NetnsId, Verdicts> {
  const found = new Map<NetnsId, Verdicts>();
  for (const id of ids) {
    const netns = network.netns(id);
    const programs = netns ? queuePrograms(netns) : new Map();
    if (programs.size === 0) continue;
    const packets = journeys
      .flatMap((journey) => [...journey.steps, ...(journey.reply?.steps ?? [])])
      .filter((step) => step.netns === id)
      .map(({ packet }) => packet);
    found.set(
      id,
      Object.fromEntries(
        [...programs].map(([number, program]) => [
          String(number),
          Object.fromEntries(packets.map((packet) => [keyOf(packet), program.decide(packet).kind === "pass"])),
        ]),
      ),
    );
  }
  return found;
}

const NUMBERS = { tcp: 6, udp: 17, sctp: 132, icmp: 1, ipip: 4, esp: 50 } as const;

/** The agent builds the same key from the bytes of a packet; ICMP has port 0, and ICMPv6 the number of ICMP. */
function keyOf(packet: Packet): string {
  const proto = transportOf(packet);
  const dport = proto === "icmp" ? 0 : (portsOf(packet)?.dport ?? 0);
  return `${formatIp(packet.src)} ${formatIp(packet.dst)} ${NUMBERS[proto]} ${dport}`;
}
