/** Texts and data of the trace page, computed without a DOM. */

import { phrase, t, translated } from "../../server/src/text/l10n.ts";
import { type Step, splitOwner, stepsOf, waysOf } from "../../server/src/trace/layout.ts";
import { actionText, icmpName } from "../../server/src/trace/names.ts";
import type { Header, Hop, Packet, Path, Reply, SenderError, Trace, Verdict } from "../../server/src/trace/schema.ts";

/** An outcome, which determines color and icon. */
export type Outcome = "good" | "partly" | "bad";

export interface Summary {
  readonly outcome: Outcome;
  readonly text: string;
}

interface VerdictTexts {
  readonly title: string;
  readonly label: string;
  readonly request: string;
  readonly reply: string;
  /** The request is delivered, the reply has this verdict. */
  readonly path: string;
}

const VERDICTS: Readonly<Record<Verdict, VerdictTexts>> = {
  delivered: {
    title: phrase("Delivered"),
    label: phrase("delivered"),
    request: phrase("Request delivered"),
    reply: phrase("Reply delivered"),
    path: phrase("Delivered, reply received"),
  },
  misdelivered: {
    title: phrase("Misdelivered"),
    label: phrase("misdelivered"),
    request: phrase("Request received by another machine"),
    reply: phrase("Reply received by another machine"),
    path: phrase("Delivered, reply received by another machine"),
  },
  dropped: {
    title: phrase("Dropped"),
    label: phrase("dropped"),
    request: phrase("Request dropped"),
    reply: phrase("Reply dropped"),
    path: phrase("Delivered, reply dropped"),
  },
  rejected: {
    title: phrase("Rejected"),
    label: phrase("rejected"),
    request: phrase("Request rejected"),
    reply: phrase("Reply rejected"),
    path: phrase("Delivered, reply rejected"),
  },
  unreachable: {
    title: phrase("Unreachable"),
    label: phrase("unreachable"),
    request: phrase("Request: destination unreachable"),
    reply: phrase("Reply: destination unreachable"),
    path: phrase("Delivered, reply unreachable"),
  },
  looped: {
    title: phrase("Looped"),
    label: phrase("looped"),
    request: phrase("Request looped"),
    reply: phrase("Reply looped"),
    path: phrase("Delivered, reply looped"),
  },
};

/** "Dropped"; for a verdict of a newer server, the verdict itself. */
export function verdictText(verdict: Verdict, form: keyof VerdictTexts = "title"): string {
  const texts: VerdictTexts | undefined = VERDICTS[verdict];
  return texts === undefined ? verdict : translated(texts[form]);
}

export function legText(leg: "request" | "reply"): string {
  return leg === "request" ? t`Request` : t`Reply`;
}

export function summaryOfTrace(trace: Trace): Summary {
  if (trace.verdict !== "delivered") {
    const delivered = trace.paths.filter((path) => path.verdict === "delivered").length;
    if (delivered === 0) return { outcome: "bad", text: verdictText(trace.verdict) };
    return {
      outcome: "bad",
      text: t`${verdictText(trace.verdict)} on ${trace.paths.length - delivered} of ${trace.paths.length} paths`,
    };
  }
  return trace.answered
    ? { outcome: "good", text: t`Delivered, reply received` }
    : { outcome: "partly", text: t`Delivered, no reply` };
}

export function summaryOfPath(path: Path): Summary {
  if (path.verdict !== "delivered") return { outcome: "bad", text: verdictText(path.verdict) };
  if (!path.reply) return { outcome: "good", text: verdictText("delivered") };
  const outcome = path.reply.verdict === "delivered" ? "good" : "partly";
  return { outcome, text: verdictText(path.reply.verdict, "path") };
}

export function percent(probability: number): string {
  const value = probability * 100;
  if (value > 0 && value < 1) return "<1%";
  return `${Math.abs(value - Math.round(value)) < 0.05 ? Math.round(value) : value.toFixed(1)}%`;
}

/** Source, destination, port, and options of a query, for a title. */
export function queryParts(query: Trace["query"]): { from: string; to: string; service: string; details: string[] } {
  const details: string[] = [];
  if (query.size !== undefined) details.push(t`${query.size} bytes`);
  if (query.df) details.push(t`DF set`);
  return {
    from: query.from,
    to: query.to,
    service: query.proto === "icmp" || query.port === undefined ? query.proto : `${query.port}/${query.proto}`,
    details,
  };
}

/* -------------------------------------------------------------------- failures */

export interface Failure {
  readonly leg: "request" | "reply";
  readonly title: string;
  readonly code: string;
  readonly message: string;
  readonly hasSource: boolean;
  /** The error that the sender receives. */
  readonly error: string;
}

export function failuresOf(path: Path): Failure[] {
  const failures: Failure[] = [];
  const add = (leg: "request" | "reply", walk: Reply): void => {
    if (walk.verdict === "delivered") return;
    failures.push({
      leg,
      title: verdictText(walk.verdict, leg),
      code: walk.reason?.code ?? "",
      message: walk.reason?.message ?? "",
      hasSource: walk.reason?.location !== undefined,
      error: walk.verdict === "misdelivered" ? t`The reply is from another machine.` : errorText(walk.error, leg),
    });
  };
  add("request", path);
  if (path.reply) add("reply", path.reply);
  return failures;
}

const errnoTexts: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by peer",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  EMSGSIZE: "message too long",
  EPERM: "operation not permitted",
  EACCES: "permission denied",
  EINVAL: "invalid argument",
  ETIMEDOUT: "connection timed out",
  ENETDOWN: "network is down",
  EHOSTDOWN: "host is down",
};

export function errorText(error: SenderError | undefined, leg: "request" | "reply" = "request"): string {
  const side = leg === "request" ? t`The sender` : t`The receiver`;
  if (!error) return t`${side} receives no error and times out.`;
  const errno = error.errno ? `${error.errno}${errnoTexts[error.errno] ? `, "${errnoTexts[error.errno]}"` : ""}` : "";
  if (error.kind === "local")
    return errno === "" ? t`${side}'s kernel returns an error.` : t`${side}'s kernel returns ${errno}.`;
  if (error.kind === "icmp" && errno === "")
    return `${receivedText(t`${side}'s kernel`, error)} ${t`The socket does not report this error.`}`;
  const received = receivedText(side, error);
  return errno === "" ? received : `${received} ${t`The socket returns ${errno}.`}`;
}

function receivedText(side: string, { kind, type, code, from, mtu }: SenderError): string {
  if (kind === "rst") return from ? t`${side} receives a TCP reset from ${from}.` : t`${side} receives a TCP reset.`;
  const name = icmpName(type ?? -1, code ?? -1, from?.includes(":") ?? false);
  const message = from ? t`${side} receives ICMP "${name}" from ${from}` : t`${side} receives ICMP "${name}"`;
  return mtu === undefined ? `${message}.` : `${message}, MTU ${mtu}.`;
}

/* -------------------------------------------------------------------- the packet */

export interface Field {
  readonly name: string;
  readonly value: string;
  /** The value at the previous hop, if it differs. */
  readonly before?: string;
}

export interface Layer {
  readonly title: string;
  readonly fields: readonly Field[];
  /** Compared with the previous hop. */
  readonly change: "same" | "changed" | "added";
}

export interface PacketView {
  /** Outermost first. */
  readonly layers: readonly Layer[];
  /** Titles of the headers that were removed after the previous hop. */
  readonly removed: readonly string[];
  readonly length: Field;
  readonly ttl: Field;
}

function headerTitle(header: Header): string {
  if (header.kind === "ip") return header.src.includes(":") || header.dst.includes(":") ? "IPv6" : "IPv4";
  const titles: Readonly<Record<string, string>> = {
    tcp: "TCP",
    udp: "UDP",
    sctp: "SCTP",
    icmp: "ICMP",
    vxlan: "VXLAN",
    geneve: "Geneve",
    wireguard: "WireGuard",
    esp: "ESP",
    ethernet: "Ethernet",
  };
  return titles[header.kind] ?? String((header as { kind: unknown }).kind);
}

function headerFields(header: Header): [name: string, value: string][] {
  switch (header.kind) {
    case "ip":
      return [
        [t`source`, header.src],
        [t`destination`, header.dst],
        ["TTL", String(header.ttl)],
        [t`protocol`, header.proto],
        ...(header.src.includes(":") ? [] : [["DF", header.df ? t`set` : t`not set`] satisfies [string, string]]),
      ];
    case "tcp":
    case "udp":
    case "sctp": {
      const fields: [string, string][] = [
        [t`source port`, String(header.sport)],
        [t`destination port`, String(header.dport)],
      ];
      if (header.flags) fields.push([t`flags`, header.flags]);
      return fields;
    }
    case "icmp": {
      const fields: [string, string][] = [
        [t`message`, `${icmpName(header.type, header.code)} (${header.type}/${header.code})`],
      ];
      if (header.mtu !== undefined) fields.push(["MTU", String(header.mtu)]);
      return fields;
    }
    case "vxlan":
    case "geneve":
      return [["VNI", String(header.vni)]];
    case "ethernet":
      return [
        [t`source`, header.src],
        [t`destination`, header.dst],
      ];
    default:
      return Object.entries(header as object)
        .filter(([name]) => name !== "kind")
        .map(([name, value]) => [name, String(value)]);
  }
}

/** A packet and its changes compared with `before`. Headers are matched from the innermost outward. */
export function viewPacket(packet: Packet, before: Packet | undefined): PacketView {
  const now = packet.headers;
  const then = before?.headers ?? [];
  let matched = 0;
  while (
    matched < now.length &&
    matched < then.length &&
    now[now.length - 1 - matched]?.kind === then[then.length - 1 - matched]?.kind
  ) {
    matched++;
  }
  const layers = now.map((header, index): Layer => {
    const fromInside = now.length - 1 - index;
    const old = fromInside < matched ? then[then.length - 1 - fromInside] : undefined;
    const was = new Map(old ? headerFields(old) : []);
    const fields = headerFields(header).map(([name, value]): Field => {
      const previous = was.get(name);
      return previous === undefined || previous === value ? { name, value } : { name, value, before: previous };
    });
    const change = before && !old ? "added" : fields.some((field) => field.before !== undefined) ? "changed" : "same";
    return { title: headerTitle(header), fields, change };
  });
  const figure = (name: string, value: number, old: number | undefined, text: (value: number) => string): Field => ({
    name,
    value: text(value),
    ...(old !== undefined && old !== value ? { before: text(old) } : {}),
  });
  return {
    layers,
    removed: then.slice(0, then.length - matched).map(headerTitle),
    length: figure(t`Length`, packet.length, before?.length, (bytes) => t`${bytes} bytes`),
    ttl: figure("TTL", packet.ttl, before?.ttl, String),
  };
}

export function changeText(change: "changed" | "added"): string {
  return change === "changed" ? t`changed` : t`added`;
}

/** The number of nested IP packets. */
export function depth(packet: Packet): number {
  return Math.max(1, packet.headers.filter((header) => header.kind === "ip").length);
}

/* -------------------------------------------------------------------- steps */

export function crossing(hop: Hop): string {
  if (hop.device === "") return "";
  if (hop.direction === null) return hop.device;
  return hop.direction === "in" ? t`in via ${hop.device}` : t`out via ${hop.device}`;
}

/** The text that a screen reader reads at a step. */
export function announcement(step: Step, count: number): string {
  const { kind, name } = splitOwner(step.hop.owner);
  const where = [kind && `${kind} ${name}`, !kind && name, crossing(step.hop)].filter(Boolean).join(", ");
  const what = `${where}: ${actionText(step.hop.action)}. ${step.hop.text}`;
  return step.leg === "request"
    ? t`Step ${step.index + 1} of ${count}, request. ${what}`
    : t`Step ${step.index + 1} of ${count}, reply. ${what}`;
}

/** The step in a new trace of the same query that corresponds to an earlier step: the most similar hop, nearest to its old index. */
export function keepStep(old: Path | undefined, path: Path, step: number): number {
  const steps = stepsOf(path);
  const highest = Math.max(0, steps.length - 1);
  const was = old ? stepsOf(old)[step] : undefined;
  if (!was) return Math.min(Math.max(0, step), highest);
  const alike = (candidate: Step): number => {
    const [a, b] = [was.hop, candidate.hop];
    if (candidate.leg !== was.leg || a.netns !== b.netns) return 0;
    if (a.device !== b.device || a.direction !== b.direction) return 1;
    return a.action === b.action ? 3 : 2;
  };
  let best = Math.min(step, highest);
  let likeness = 0;
  for (const candidate of steps) {
    const found = alike(candidate);
    const nearer = Math.abs(candidate.index - step) < Math.abs(best - step);
    if (found > likeness || (found === likeness && found > 0 && nearer)) {
      best = candidate.index;
      likeness = found;
    }
  }
  return best;
}

/** The path in a new trace that corresponds to the shown path: through the same network namespaces, else with the same index. */
export function keepPath(old: Trace | undefined, trace: Trace, index: number): number {
  const route = (path: Path | undefined): string => (path?.hops ?? []).map((hop) => hop.netns).join("\n");
  const was = old && waysOf(old)[index];
  const here = waysOf(trace)[index];
  if (was && here && route(was) === route(here)) return index;
  const same = was ? waysOf(trace).findIndex((path) => route(path) === route(was)) : -1;
  return same >= 0 ? same : Math.min(Math.max(0, index), Math.max(0, waysOf(trace).length - 1));
}
