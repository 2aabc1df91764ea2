/** Prediction against observation: crossings of devices in order, and what the sender saw. */
import { formatIp, parseIp } from "../addressing/ip.ts";
import type { Header, Path, Reply, Trace } from "../trace/schema.ts";

/** A crossing in one line, in a form that both sides can be brought to. */
export type Line = string;

export interface Observation {
  readonly lines: readonly Line[];
  readonly result: "answered" | "error" | "timeout";
  readonly errno: string | undefined;
  /** What a ping heard of. */
  readonly icmp: { readonly type: number; readonly code: number; readonly from: string } | undefined;
  /** Source that the receiving process saw. */
  readonly receiver: string | undefined;
}

export interface Difference {
  /** In one sentence. */
  readonly text: string;
  /** The crossings of the path that is most like what was seen. */
  readonly predicted: readonly Line[];
}

/** Undefined: they agree. Where a packet may take one of several ways, the kernel took one of them. */
export function compare(trace: Trace, observed: Observation): Difference | undefined {
  let nearest: { difference: Difference; agreed: number } | undefined;
  for (const path of trace.paths) {
    const predicted = crossings(path);
    const text = differenceIn(path, predicted, observed, trace.paths.length > 1);
    if (text === undefined) return undefined;
    const { seen: agreed } = follow(predicted, observed.lines);
    const lines = predicted.map((one) => one.line);
    if (!nearest || agreed > nearest.agreed) nearest = { difference: { text, predicted: lines }, agreed };
  }
  return nearest?.difference;
}

function differenceIn(
  path: Path,
  predicted: readonly Predicted[],
  observed: Observation,
  forked: boolean,
): string | undefined {
  const { at, seen } = follow(predicted, observed.lines);
  const more = observed.lines.slice(seen).filter((one) => !isErrorAboutReply(path, one));
  if (at < predicted.length || more.length > 0)
    return `crossing ${seen + 1}: predicted ${predicted[at]?.line ?? "nothing"}, seen ${observed.lines[seen] ?? "nothing"}`;
  const answered = path.verdict === "delivered" && path.reply?.verdict === "delivered";
  if (answered !== (observed.result === "answered"))
    return `predicted ${answered ? "an answer" : path.verdict}, the sender saw ${observed.errno ?? observed.result}`;
  const error = path.error;
  if (observed.errno !== undefined && observed.errno !== error?.errno)
    return `predicted ${error?.errno ?? "silence"}, the sender got ${observed.errno}`;
  // At a fork nobody waits until TCP tells an error that came while connect() held the socket; it was seen to arrive.
  if (error?.errno !== undefined && observed.result === "timeout" && (error.kind === "local" || !forked))
    return `predicted ${error.errno}, the sender heard nothing`;
  if (error?.kind === "icmp" && observed.icmp) {
    const told = `${error.type}/${error.code} from ${canonical(error.from ?? "")}`;
    const heard = `${observed.icmp.type}/${observed.icmp.code} from ${canonical(observed.icmp.from)}`;
    if (told !== heard) return `predicted ICMP ${told}, the sender got ${heard}`;
  }
  if (path.receiver && observed.receiver !== undefined && canonical(path.receiver.src) !== canonical(observed.receiver))
    return `predicted source ${path.receiver.src}, the receiver saw ${observed.receiver}`;
  return undefined;
}

/** A trace ends where the answer is lost; what its sender is then told is no part of it. */
function isErrorAboutReply({ reply }: Path, one: Line): boolean {
  return reply !== undefined && reply.verdict !== "delivered" && / icmp (?:3|11)\/| ipv6-icmp icmp [1-4]\//.test(one);
}

interface Predicted {
  readonly line: Line;
  /** Seen only where the host does not know its neighbour yet: a translated frame that stays on its bridge. */
  readonly perhaps: boolean;
}

/** How far both go together: the first prediction that is not met, and the first crossing that is not predicted. */
function follow(
  predicted: readonly Predicted[],
  lines: readonly Line[],
): { readonly at: number; readonly seen: number } {
  let at = 0;
  let seen = 0;
  while (at < predicted.length) {
    if (predicted[at]?.line === lines[seen]) seen += 1;
    else if (!predicted[at]?.perhaps) break;
    at += 1;
  }
  return { at, seen };
}

/** There and back. */
function crossings(path: Path): readonly Predicted[] {
  return [path, ...(path.reply ? [path.reply] : [])]
    .flatMap((walk: Reply) => walk.hops)
    .flatMap(({ netns, device, direction, packet, action, rule }) =>
      direction === null
        ? []
        : [
            {
              line: line(netns, device, direction, packet.headers),
              perhaps: action === "bridge" && rule === undefined,
            },
          ],
    );
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
