/**
 * User-space programs of NFQUEUE targets. In a lab, the agent returns the verdicts that the program of the model returns for the packets of
 * the predicted walks; a packet that no walk predicts is accepted, so it appears in the captures as a disagreement.
 */
import { formatIp } from "../addressing/ip.ts";
import type { Journey } from "../dataplane/journey.ts";
import type { Netns, NetnsId, Network, QueueVerdict } from "../dataplane/model.ts";
import { type Packet, portsOf, transportOf } from "../dataplane/packet.ts";

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
    const programs = netns ? programsOf(netns) : new Map();
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
          Object.fromEntries(packets.map((packet) => [keyOf(packet), program(packet).accept])),
        ]),
      ),
    );
  }
  return found;
}

type Program = (packet: Packet) => QueueVerdict;

function programsOf({ netfilter }: Netns): ReadonlyMap<number, Program> {
  const programs = new Map<number, Program>();
  for (const family of [4, 6] as const) {
    const chains = [
      ...[...netfilter.chains(family)].map(({ chain }) => chain),
      ...netfilter.bases(family).flatMap(({ table, chain }) => netfilter.chain(family, table, chain) ?? []),
    ];
    for (const { target } of chains.flatMap(({ rules }) => rules))
      if (target?.kind === "NFQUEUE") programs.set(target.number, target.program);
  }
  return programs;
}

const NUMBERS = { tcp: 6, udp: 17, sctp: 132, icmp: 1, ipip: 4, esp: 50 } as const;

/** The agent builds the same key from the bytes of a packet; ICMP has port 0, and ICMPv6 the number of ICMP. */
function keyOf(packet: Packet): string {
  const proto = transportOf(packet);
  const dport = proto === "icmp" ? 0 : (portsOf(packet)?.dport ?? 0);
  return `${formatIp(packet.src)} ${formatIp(packet.dst)} ${NUMBERS[proto]} ${dport}`;
}
