/** A trace as text for terminals: one line per hop, rewrites, and the reason of the verdict. Color is optional. */
import { parseIp } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import { visibleIn } from "../../text/visible.ts";
import { waysOf, wayTitle } from "../layout.ts";
import { icmpName } from "../names.ts";
import type { Header, Hop, Path, Query, Reply, Trace, Verdict } from "../schema.ts";

export interface TextOptions {
  /** ANSI colors. */
  readonly colour: boolean;
  /** Also print decisions between device crossings. */
  readonly decisions: boolean;
}

type Style = "good" | "bad" | "dim" | "bold";
const CODES: Readonly<Record<Style, string>> = { good: "32", bad: "31", dim: "2", bold: "1" };

/** The complete trace; ends with a newline. */
export function renderText(asked: Trace, options: TextOptions): string {
  const trace = visibleIn(asked);
  const paint = (style: Style, text: string): string =>
    options.colour ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text;
  const lines: string[] = [];
  const { query } = trace;
  lines.push(paint("bold", `${query.from} -> ${targetText(query)} (${query.proto})`));
  for (const note of trace.notes ?? []) lines.push(paint("dim", note));
  waysOf(trace).forEach((path, i) => {
    const title = wayTitle(trace, i);
    if (title) lines.push("", paint("bold", titleWithProbability(title, path.probability)));
    lines.push("", ...walkLines(t`request`, path, options, paint));
    if (path.reply) lines.push("", ...walkLines(replyTitle(path), path.reply, options, paint));
  });
  lines.push("", paint(trace.verdict === "delivered" && trace.answered ? "good" : "bad", markText(trace)));
  return `${lines.join("\n")}\n`;
}

/** "api:80", "[fd00::1]:80", without the protocol; unchanged if the destination is a URL. */
export function targetText({ to, port, proto }: Query): string {
  const [, written] = /^([^:]+:\d+|\[.*\]:\d+)(?:\/\w+)?$/.exec(to) ?? [];
  if (written !== undefined) return written;
  if (port === undefined || proto === "icmp" || to.includes("://")) return to;
  return parseIp(to) !== undefined && to.includes(":") ? `[${to}]:${port}` : `${to}:${port}`;
}

/** The kind of reply: a response, a reset, or an ICMP error. */
export function replyTitle(path: Path): string {
  if (isReceived(path)) return t`reply`;
  const headers = path.reply?.hops[0]?.packet.headers ?? [];
  if (headers.some((header) => header.kind === "tcp")) return t`TCP reset`;
  return headers.some((header) => header.kind === "sctp") ? t`SCTP ABORT` : t`ICMP error`;
}

/** Whether a machine received the packet: the named one, or another one. */
export function isReceived({ verdict }: Reply): boolean {
  return verdict === "delivered" || verdict === "misdelivered";
}

/** The verdict of the trace, with a check mark or a cross. */
export function markText(trace: Trace): string {
  if (trace.verdict !== "delivered") return `✗ ${verdictWord(trace.verdict)}`;
  return trace.answered ? t`✓ delivered, reply received` : t`✗ delivered, but no reply received`;
}

export function verdictWord(verdict: Verdict): string {
  switch (verdict) {
    case "delivered":
      return t`delivered`;
    case "misdelivered":
      return t`misdelivered`;
    case "dropped":
      return t`dropped`;
    case "rejected":
      return t`rejected`;
    case "unreachable":
      return t`unreachable`;
    case "looped":
      return t`looped`;
  }
}

export function titleWithProbability(title: string, probability: number): string {
  const percent = probability < 0.0005 ? "<0.1%" : `${Math.round(probability * 1000) / 10}%`;
  return t`${title}, probability ${percent}`;
}

/** "10.0.0.1:80", "[fd00::1]:80". */
export function withPort(address: string, port: number | undefined): string {
  if (port === undefined) return address;
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function walkLines(
  title: string,
  walk: Reply,
  options: TextOptions,
  paint: (style: Style, text: string) => string,
): string[] {
  const hops = walk.hops.filter((hop) => options.decisions || hop.direction !== null);
  const width = (pick: (hop: Hop) => string): number => hops.reduce((most, hop) => Math.max(most, pick(hop).length), 0);
  const owners = width((hop) => hop.owner);
  const devices = width((hop) => `${hop.device} ${hop.direction ?? ""}`);
  const lines = [paint("bold", title)];
  let previous: Hop | undefined;
  hops.forEach((hop, i) => {
    const owner = previous?.owner === hop.owner ? " ".repeat(owners) : hop.owner.padEnd(owners);
    const device = `${hop.device} ${hop.direction ?? ""}`.padEnd(devices);
    const crossing = hop.direction !== null;
    // The reason of the verdict is printed once, below the hops.
    const decided = hop.text === walk.reason?.message ? verdictWord(walk.verdict) : hop.text;
    const shown = crossing ? packetText(hop) : decided;
    const rule = hop.rule && crossing && hop.action !== "receive" ? `  [${hop.rule.text}]` : "";
    const decision = !crossing && hop.rule ? `  [${hop.rule.text}]` : "";
    const line = `${String(i + 1).padStart(3)}  ${owner}  ${device}  ${shown}`;
    lines.push(`${crossing ? line : paint("dim", line)}${paint("dim", `${rule}${decision}`)}`);
    previous = hop;
  });
  const ending: string[] = [];
  if (walk.receiver) ending.push(receivedText(walk.receiver, walk.mtu));
  if (walk.reason && walk.verdict !== "delivered") {
    const at = walk.reason.location;
    ending.push(
      `${verdictWord(walk.verdict)}: ${walk.reason.message}${at ? ` (${at.file}:${at.range.start.line + 1}:${at.range.start.character + 1})` : ""}`,
    );
    if (!isReceived(walk)) ending.push(errorText(walk));
  }
  return [
    ...lines,
    ...ending.map((text) => `     ${walk.verdict === "delivered" ? paint("dim", text) : paint("bad", text)}`),
  ];
}

function receivedText({ src, sport, process }: NonNullable<Reply["receiver"]>, mtu: number): string {
  const source = withPort(src, sport);
  return process === undefined
    ? t`received from ${source}; path MTU ${mtu} bytes`
    : t`received by ${process} from ${source}; path MTU ${mtu} bytes`;
}

/** The error that the sender receives. */
export function errorText(walk: Reply): string {
  const error = walk.error;
  if (!error) return t`the sender receives no error (timeout)`;
  const { mtu } = error;
  const errno = error.errno === undefined ? "" : ` (${error.errno})`;
  switch (error.kind) {
    case "icmp": {
      const from = error.from ?? "";
      const [type, code] = [error.type ?? -1, error.code ?? -1];
      const message = `ICMP ${icmpName(type, code, from.includes(":"))} (${type}/${code})`;
      // udp_err, sctp_v4_err: without IP_RECVERR, these sockets report only fatal errors.
      if (error.errno === undefined) {
        const protocol = walk.hops[0]?.packet.headers.some(({ kind }) => kind === "sctp") ? "SCTP" : "UDP";
        return t`the sender's kernel receives ${message} from ${from}, which the ${protocol} socket does not report (timeout)`;
      }
      return mtu === undefined
        ? t`the sender receives ${message} from ${from}${errno}`
        : t`the sender receives ${message} from ${from}, MTU ${mtu}${errno}`;
    }
    case "rst":
      return walk.hops[0]?.packet.headers.some((header) => header.kind === "sctp")
        ? t`the sender receives an SCTP ABORT${errno}`
        : t`the sender receives a TCP reset${errno}`;
    case "local":
      return mtu === undefined
        ? t`the sender's kernel returns an error${errno}`
        : t`the sender's kernel returns an error${errno}, MTU ${mtu}`;
  }
}

function packetText(hop: Hop): string {
  const stack = hop.packet.headers.map(headerText).filter((text) => text !== "");
  return t`${stack.join(" | ")}, ${hop.packet.length} bytes`;
}

/** One header in a tcpdump-like form. Ports are part of the transport header. */
export function headerText(header: Header): string {
  switch (header.kind) {
    case "ip":
      return `${header.src} > ${header.dst} ttl ${header.ttl}${header.df ? " DF" : ""}`;
    case "tcp":
      return `tcp ${header.sport} > ${header.dport}${header.flags === undefined ? "" : ` ${header.flags}`}`;
    case "udp":
    case "sctp":
      return `${header.kind} ${header.sport} > ${header.dport}`;
    case "icmp":
      return `icmp ${header.type}/${header.code}${header.mtu === undefined ? "" : ` mtu ${header.mtu}`}`;
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
