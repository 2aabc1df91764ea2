/** Prediction against observation: crossings of devices in order, and what the sender saw. */
import { formatIp, parseIp } from "../addressing/ip.ts";
import type { Header, Path, Reply, Trace } from "../trace/schema.ts";

/** A crossing in one line, in a form that both sides can be brought to. */
export type Line = string;

export interface Observation {
  readonly lines: readonly Line[];
  readonly result: "answered" | "error" | "timeout";
  readonly errno: string | undefined;
  /** Source that the receiving process saw. */
  readonly receiver: string | undefined;
}

/** Undefined: they agree. */
export function compare(trace: Trace, observed: Observation): string | undefined {
  const differences = trace.paths.map((path) => comparePath(path, observed));
  // Where a packet may take one of several ways, the kernel took one of them.
  return differences.includes(undefined) ? undefined : differences[0];
}

function comparePath(path: Path, observed: Observation): string | undefined {
  const predicted = [...crossings(path), ...(path.reply ? crossings(path.reply) : [])];
  const at = predicted.findIndex((line, i) => line !== observed.lines[i]);
  if (at >= 0 || observed.lines.length !== predicted.length) {
    const i = at >= 0 ? at : predicted.length;
    return `crossing ${i + 1}: predicted ${predicted[i] ?? "nothing"}, seen ${observed.lines[i] ?? "nothing"}`;
  }
  const answered = path.verdict === "delivered" && path.reply?.verdict === "delivered";
  if (answered !== (observed.result === "answered"))
    return `predicted ${answered ? "an answer" : path.verdict}, the sender saw ${observed.result} ${observed.errno ?? ""}`;
  const errno = path.error?.errno;
  if (observed.errno !== undefined && observed.errno !== errno)
    return `predicted ${errno ?? "silence"}, the sender got ${observed.errno}`;
  if (errno !== undefined && observed.result === "timeout") return `predicted ${errno}, the sender heard nothing`;
  if (path.receiver && observed.receiver !== undefined && path.receiver.src !== observed.receiver)
    return `predicted source ${path.receiver.src}, the receiver saw ${observed.receiver}`;
  return undefined;
}

/** libpcap leaves out what goes out of lo, since it comes in again at once (pcap-linux.c). */
function crossings(walk: Reply): Line[] {
  return walk.hops
    .filter((hop) => hop.direction !== null && !(hop.device === "lo" && hop.direction === "out"))
    .map((hop) => line(hop.netns, hop.device, hop.direction ?? "in", hop.packet.headers));
}

/** What is compared: place, direction, headers. Not compared: a tunnel's source port (a seeded hash), MAC addresses of veth ends. */
export function line(netns: string, device: string, direction: "in" | "out", headers: readonly Header[]): Line {
  return `${netns} ${device} ${direction} ${headers
    .map((header, i) => headerLine(header, headers[i + 1]))
    .filter((text) => text !== "")
    .join(" ")}`;
}

function headerLine(header: Header, next: Header | undefined): string {
  switch (header.kind) {
    case "ip":
      return `${canonical(header.src)}>${canonical(header.dst)} ttl=${header.ttl}${header.df ? " DF" : ""} ${header.proto}`;
    case "tcp":
      return `${header.sport}>${header.dport} ${header.flags ?? ""}`;
    case "udp":
    case "sctp":
      return next?.kind === "vxlan" || next?.kind === "ip" ? `*>${header.dport}` : `${header.sport}>${header.dport}`;
    case "icmp":
      return `icmp ${header.type}/${header.code}${header.mtu === undefined ? "" : ` mtu=${header.mtu}`}`;
    case "vxlan":
    case "geneve":
      return `${header.kind} ${header.vni}`;
    case "wireguard":
    case "esp":
      return header.kind;
    case "ethernet":
      return "";
  }
}

function canonical(text: string): string {
  const ip = parseIp(text);
  return ip === undefined ? text : formatIp(ip);
}
