/** A trace as text for terminals: one line a hop, what changed, why it ended. Works without colour; colour is optional. */
import { waysOf, wayTitle } from "../layout.ts";
import type { Header, Hop, Path, Reply, Trace } from "../schema.ts";

export interface TextOptions {
  /** ANSI colours. */
  readonly colour: boolean;
  /** Also the decisions between the crossings of devices. */
  readonly decisions: boolean;
}

type Style = "good" | "bad" | "dim" | "bold";
const CODES: Readonly<Record<Style, string>> = { good: "32", bad: "31", dim: "2", bold: "1" };

/** The whole trace; ends with a newline. */
export function renderText(asked: Trace, options: TextOptions): string {
  const trace = printable(asked);
  const paint = (style: Style, text: string): string =>
    options.colour ? `\u001b[${CODES[style]}m${text}\u001b[0m` : text;
  const lines: string[] = [];
  const { query } = trace;
  const port = query.port === undefined || query.proto === "icmp" || query.to.includes("://") ? "" : `:${query.port}`;
  lines.push(paint("bold", `${query.from} -> ${query.to}${port} (${query.proto})`));
  for (const note of trace.notes ?? []) lines.push(paint("dim", note));
  waysOf(trace).forEach((path, i) => {
    const title = wayTitle(trace, i);
    if (title) lines.push("", paint("bold", `${title}, probability ${percent(path.probability)}`));
    lines.push("", ...walkLines("request", path, options, paint));
    if (path.reply) lines.push("", ...walkLines(replyTitle(path), path.reply, options, paint));
  });
  lines.push("", `${mark(trace, paint)}`);
  return `${lines.join("\n")}\n`;
}

/** Names come from files: what a terminal would obey (C0, DEL, C1) becomes U+FFFD, and nothing breaks a line. */
function printable(trace: Trace): Trace {
  return JSON.parse(
    JSON.stringify(trace, (_, value: unknown) =>
      typeof value === "string" ? value.replace(/\p{Cc}/gu, "\ufffd") : value,
    ),
  );
}

function replyTitle(path: Path): string {
  if (path.verdict === "delivered") return "reply";
  if (
    path.error?.kind === "rst" ||
    path.reply?.hops.some((hop) => hop.packet.headers.some((h) => h.kind === "tcp" && h.flags?.startsWith("RST")))
  )
    return "refusal";
  return "ICMP error";
}

function mark(trace: Trace, paint: (style: Style, text: string) => string): string {
  if (trace.verdict === "delivered" && trace.answered) return paint("good", "✓ delivered and answered");
  if (trace.verdict === "delivered") return paint("bad", "✗ delivered, but the answer does not come back");
  return paint("bad", `✗ ${trace.verdict}`);
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
    const shown = crossing ? packetText(hop) : hop.text;
    const rule = hop.rule && crossing && hop.action !== "receive" ? `  [${hop.rule.text}]` : "";
    const decision = !crossing && hop.rule ? `  [${hop.rule.text}]` : "";
    const line = `${String(i + 1).padStart(3)}  ${owner}  ${device}  ${shown}`;
    lines.push(`${crossing ? line : paint("dim", line)}${paint("dim", `${rule}${decision}`)}`);
    previous = hop;
  });
  const ending: string[] = [];
  if (walk.verdict === "delivered") {
    if (walk.receiver)
      ending.push(
        `the receiver${walk.receiver.process === undefined ? "" : ` ${walk.receiver.process}`} sees ${walk.receiver.src}${walk.receiver.sport === undefined ? "" : `:${walk.receiver.sport}`}; largest packet ${walk.mtu} bytes`,
      );
  } else if (walk.reason) {
    const at = walk.reason.location;
    ending.push(
      `${walk.verdict}: ${walk.reason.message}${at ? ` (${at.file}:${at.range.start.line + 1}:${at.range.start.character + 1})` : ""}`,
    );
    ending.push(errorText(walk));
  }
  return [
    ...lines,
    ...ending.map((text) => `     ${walk.verdict === "delivered" ? paint("dim", text) : paint("bad", text)}`),
  ];
}

/** What the sender is told, in a sentence. */
export function errorText(walk: Reply): string {
  const error = walk.error;
  if (!error) return "the sender hears nothing";
  const errno = error.errno === undefined ? "" : ` (${error.errno})`;
  switch (error.kind) {
    case "icmp":
      return `the sender gets ICMP ${error.type}/${error.code} from ${error.from}${error.mtu === undefined ? "" : `, MTU ${error.mtu}`}${errno}`;
    case "rst":
      return `the sender gets a reset${errno}`;
    case "local":
      return `the sender's own kernel refuses${errno}${error.mtu === undefined ? "" : `, MTU ${error.mtu}`}`;
  }
}

function percent(probability: number): string {
  return `${Math.round(probability * 1000) / 10}%`;
}

function packetText(hop: Hop): string {
  const stack = hop.packet.headers.map(headerText).filter((text) => text !== "");
  return `${stack.join(" | ")}, ${hop.packet.length} bytes`;
}

/** One header as tcpdump's readers know it. Ports stand with their addresses' header in order. */
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
