/** Compares prediction and observation: device crossings in order, and the result at the sender. */
import { formatIp, parseIp } from "../addressing/ip.ts";
import { t } from "../text/l10n.ts";
import type { Header, Path, Reply, Trace } from "../trace/schema.ts";

/** A device crossing as one line, in a normalized form for both sides. */
export type Line = string;

export interface Observation {
  readonly lines: readonly Line[];
  readonly result: "answered" | "error" | "timeout";
  readonly errno: string | undefined;
  /** The ICMP error that a ping received. */
  readonly icmp: { readonly type: number; readonly code: number; readonly from: string } | undefined;
  /** Source address that the receiving process saw. */
  readonly receiver: string | undefined;
}

export interface Difference {
  /** Description of the difference. */
  readonly text: string;
  /** The crossings of the path that matches the observation best. */
  readonly predicted: readonly Line[];
}

/** Undefined: prediction and observation agree. If several paths are possible, the kernel used one of them. */
export function compare(trace: Trace, observed: Observation): Difference | undefined {
  let nearest: { difference: Difference; agreed: number } | undefined;
  for (const path of trace.paths) {
    const predicted = crossings(path);
    const comparable = { ...observed, lines: comparableLines(path, predicted, observed.lines) };
    const text = differenceIn(path, predicted, comparable, trace.paths.length > 1);
    if (text === undefined) return undefined;
    const { seen: agreed } = follow(predicted, comparable.lines);
    const lines = predicted.map((one) => one.line);
    if (!nearest || agreed > nearest.agreed) nearest = { difference: { text, predicted: lines }, agreed };
  }
  return nearest?.difference;
}

/** A multicast frame enters all machines on the link; only the device of the sender is predicted. */
function comparableLines({ reason }: Path, predicted: readonly Predicted[], lines: readonly Line[]): readonly Line[] {
  if (reason?.code !== "multicast" || predicted.length === 0) return lines;
  const places = new Set(predicted.map(({ line }) => placeOf(line)));
  return lines.filter((line) => places.has(placeOf(line)));
}

/** "n1 eth0 out" */
function placeOf(line: Line): string {
  return line.split(" ", 3).join(" ");
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
    return t`crossing ${seen + 1}: predicted ${predicted[at]?.line ?? t`nothing`}, observed ${observed.lines[seen] ?? t`nothing`}`;
  // The kernel does not know which machine a packet is meant for.
  const isReceived = path.verdict === "delivered" || path.verdict === "misdelivered";
  const answered = isReceived && path.reply?.verdict === "delivered";
  if (answered !== (observed.result === "answered"))
    return t`predicted ${answered ? t`a reply` : path.verdict}, observed ${observed.errno ?? observed.result} at the sender`;
  const error = path.error;
  if (observed.errno !== undefined && observed.errno !== error?.errno)
    return t`predicted ${error?.errno ?? t`no error`}, the sender received ${observed.errno}`;
  // With several paths, the probe does not wait until TCP reports an error that arrived during connect(); the capture shows it.
  if (error?.errno !== undefined && observed.result === "timeout" && (error.kind === "local" || !forked))
    return t`predicted ${error.errno}, the sender received nothing`;
  if (error?.kind === "icmp" && observed.icmp) {
    const expected = `${error.type}/${error.code} from ${canonical(error.from ?? "")}`;
    const received = `${observed.icmp.type}/${observed.icmp.code} from ${canonical(observed.icmp.from)}`;
    if (expected !== received) return t`predicted ICMP ${expected}, the sender received ${received}`;
  }
  if (path.receiver && observed.receiver !== undefined && canonical(path.receiver.src) !== canonical(observed.receiver))
    return t`predicted source ${path.receiver.src}, the receiver saw ${observed.receiver}`;
  return undefined;
}

/** A trace ends with the lost reply; ICMP errors about the reply are not part of the prediction. */
function isErrorAboutReply({ reply }: Path, one: Line): boolean {
  return reply !== undefined && reply.verdict !== "delivered" && / icmp (?:3|11)\/| ipv6-icmp icmp [1-4]\//.test(one);
}

interface Predicted {
  readonly line: Line;
  /** Observed only if the machine has no neighbor entry yet: a frame rewritten by NAT that stays on its bridge. */
  readonly perhaps: boolean;
}

/** A prediction has the maximum segment size only if a machine lowers it; a captured SYN always has one. */
function isSame(predicted: Line | undefined, seen: Line | undefined): boolean {
  return predicted === seen || (predicted !== undefined && predicted === seen?.replace(/ mss=\d+$/, ""));
}

/** The first prediction without a matching crossing, and the first crossing without a prediction. */
function follow(
  predicted: readonly Predicted[],
  lines: readonly Line[],
): { readonly at: number; readonly seen: number } {
  let at = 0;
  let seen = 0;
  while (at < predicted.length) {
    if (isSame(predicted[at]?.line, lines[seen])) seen += 1;
    else if (!predicted[at]?.perhaps) break;
    at += 1;
  }
  return { at, seen };
}

/** The crossings of the request and the reply. */
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

/** Compared: network namespace, device, direction, headers. Not compared: UDP source ports of tunnels (a seeded hash), MAC addresses of veth devices. */
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
      return `${header.sport}>${header.dport} ${header.flags ?? ""}${header.mss === undefined ? "" : ` mss=${header.mss}`}`;
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
