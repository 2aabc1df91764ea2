/** Rules of access lists that allow lost packets. */
import type { Journey } from "../dataplane/journey.ts";
import { lostPacket } from "../questions/causes.ts";

/** The rule that allows the tunnel packets: "allow udp port 8472"; empty if they are not tunnel packets. */
export function wayThrough(journey: Journey): string {
  const body = lostPacket(journey)?.body;
  if (body?.kind === "icmp" && journey.reason?.lost) return "allow icmp";
  if (body?.kind === "ipip" || body?.kind === "esp") return `allow ${body.kind}`;
  const isTunnel = body?.kind === "udp" && (body.carries || journey.reason?.lost);
  return isTunnel ? `allow udp port ${body.dport}` : "";
}
