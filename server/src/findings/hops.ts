/** The path of a lost packet as related locations, and what was lost. */
import { formatIp } from "../addressing/ip.ts";
import type { Journey, Step } from "../dataplane/journey.ts";
import { withoutRepetition } from "../dataplane/loop.ts";
import { headOf } from "../declared/navigate.ts";
import type { Related } from "../declared/problem.ts";
import { lostPacket } from "../questions/causes.ts";
import { t } from "../text/l10n.ts";
import type { Topology } from "../topology/model.ts";
import { stationsByPath } from "../topology/stations.ts";

const MOST_HOPS = 10;

/** The hops of a failed journey, each with the place in the file that determined it. A loop is listed once. */
export function hopsOf(journey: Journey, topology: Topology): readonly Related[] {
  const stations = stationsByPath(topology);
  const hops: Related[] = [];
  const steps = journey.verdict === "looped" ? withoutRepetition(journey.steps) : journey.steps;
  const shown = steps.filter((step, i) => i === steps.length - 1 || SHOWN.has(step.action));
  for (const [i, step] of shown.entries()) {
    const source = step.rule?.origin ?? stations(step.netns)?.source;
    if (!source) continue;
    // A failure reason names its machine.
    const hop = namesMachine(step.text, step.netns)
      ? t`${i + 1}. ${step.text}`
      : t`${i + 1}. ${step.netns}: ${step.text}`;
    const message = step.rule && step.action === "route" ? t`${hop} [${step.rule.text}]` : hop;
    hops.push({ source: headOf(source), message });
  }
  return hops.length <= MOST_HOPS ? hops : [...hops.slice(0, MOST_HOPS - 2), ...hops.slice(-2)];
}

/** Whether the text names the machine: "r" is not the router in "routed". */
function namesMachine(text: string, netns: string): boolean {
  return text.split(/[\s:,()]+/).includes(netns);
}

const SHOWN: ReadonlySet<Step["action"]> = new Set([
  "route",
  "encapsulate",
  "decapsulate",
  "dnat",
  "snat",
  "fragment",
  "reject",
  "drop",
  "deliver",
]);

const CARRIERS = { vxlan: "VXLAN", wireguard: "WireGuard", esp: "ESP-in-UDP", ip: "flannel udp" } as const;

/** "VXLAN packets (UDP port 8472)" for a tunnel packet, otherwise "packets to 10.244.1.2". */
export function whatDied(journey: Journey): string {
  const packet = lostPacket(journey);
  const body = packet?.body;
  if (body?.kind === "icmp" && journey.reason?.lost) return t`IPv6 neighbor discovery (ICMPv6)`;
  if (body?.kind === "udp" && journey.reason?.lost && journey.reason.code === "neighbour-failed")
    return t`ARP requests in VXLAN packets (UDP port ${body.dport})`;
  if (body?.kind === "udp" && journey.reason?.lost) return t`key exchange messages (UDP port ${body.dport})`;
  if (body?.kind === "ipip") return t`IP-in-IP packets (protocol 4)`;
  if (body?.kind === "esp") return t`ESP packets (IPsec, protocol 50)`;
  if (body?.kind === "udp" && body.carries) return t`${CARRIERS[body.carries.kind]} packets (UDP port ${body.dport})`;
  if (body?.kind === "icmp") return t`pings`;
  return packet ? t`packets to ${formatIp(packet.dst)}` : t`packets`;
}
