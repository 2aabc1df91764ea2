/** What the page says about a trace, worked out without a document. */
import { type Step, splitOwner, stepsOf, waysOf } from "../../server/src/trace/layout.ts";
import type { Header, Hop, Packet, Path, Reply, SenderError, Trace, Verdict } from "../../server/src/trace/schema.ts";

/** How something ended, by the colour and the icon that it gets. */
export type Outcome = "good" | "partly" | "bad";

export interface Summary {
  readonly outcome: Outcome;
  readonly text: string;
}

const verdictTexts: Readonly<Record<Verdict, string>> = {
  delivered: "Delivered",
  dropped: "Dropped",
  rejected: "Rejected",
  unreachable: "Unreachable",
  looped: "Looped",
};

export function verdictText(verdict: Verdict): string {
  return verdictTexts[verdict] ?? verdict;
}

export function summaryOfTrace(trace: Trace): Summary {
  if (trace.verdict !== "delivered") {
    const delivered = trace.paths.filter((path) => path.verdict === "delivered").length;
    if (delivered === 0) return { outcome: "bad", text: verdictText(trace.verdict) };
    return {
      outcome: "bad",
      text: `${verdictText(trace.verdict)} on ${trace.paths.length - delivered} of ${trace.paths.length} paths`,
    };
  }
  return trace.answered
    ? { outcome: "good", text: "Delivered and answered" }
    : { outcome: "partly", text: "Delivered, but not answered" };
}

export function summaryOfPath(path: Path): Summary {
  if (path.verdict !== "delivered") return { outcome: "bad", text: verdictText(path.verdict) };
  if (path.reply && path.reply.verdict !== "delivered") {
    return { outcome: "partly", text: `Delivered, reply ${verdictText(path.reply.verdict).toLowerCase()}` };
  }
  return path.reply ? { outcome: "good", text: "Delivered and answered" } : { outcome: "good", text: "Delivered" };
}

export function percent(probability: number): string {
  const value = probability * 100;
  if (value > 0 && value < 1) return "<1 %";
  return `${Math.abs(value - Math.round(value)) < 0.05 ? Math.round(value) : value.toFixed(1)} %`;
}

/** The two ends of a query and what travels between them, for a title. */
export function queryParts(query: Trace["query"]): { from: string; to: string; service: string; details: string[] } {
  const details: string[] = [];
  if (query.size !== undefined) details.push(`${query.size} bytes`);
  if (query.df) details.push("don’t fragment");
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
  /** What the sender notices. */
  readonly error: string;
}

export function failuresOf(path: Path): Failure[] {
  const failures: Failure[] = [];
  const add = (leg: "request" | "reply", walk: Reply): void => {
    if (walk.verdict === "delivered") return;
    failures.push({
      leg,
      title: `${leg === "request" ? "Request" : "Reply"} ${verdictText(walk.verdict).toLowerCase()}`,
      code: walk.reason?.code ?? "",
      message: walk.reason?.message ?? "",
      hasSource: walk.reason?.location !== undefined,
      error: errorText(walk.error, leg),
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
  const who = leg === "request" ? "The sender" : "The answering side";
  if (!error) return `${who} is told nothing; it waits until it gives up (timeout).`;
  const errno = error.errno ? `${error.errno}${errnoTexts[error.errno] ? `, “${errnoTexts[error.errno]}”` : ""}` : "";
  if (error.kind === "local") return `${who}’s own kernel refuses: ${errno || "an error"}.`;
  const from = error.from ? ` from ${error.from}` : "";
  const mtu = error.mtu !== undefined ? `, MTU ${error.mtu}` : "";
  const then = errno ? ` Its socket reports ${errno}.` : "";
  if (error.kind === "rst") return `${who} gets a TCP reset${from}.${then}`;
  const name = icmpName(error.type ?? -1, error.code ?? -1, error.from?.includes(":") ?? false);
  return `${who} gets ICMP “${name}”${from}${mtu}.${then}`;
}

const icmp4: Readonly<Record<string, string>> = {
  "0/0": "echo reply",
  "8/0": "echo request",
  "3/0": "network unreachable",
  "3/1": "host unreachable",
  "3/2": "protocol unreachable",
  "3/3": "port unreachable",
  "3/4": "fragmentation needed",
  "3/9": "network administratively prohibited",
  "3/10": "host administratively prohibited",
  "3/13": "communication administratively prohibited",
  "11/0": "time to live exceeded",
  "11/1": "fragment reassembly time exceeded",
};
const icmp6: Readonly<Record<string, string>> = {
  "128/0": "echo request",
  "129/0": "echo reply",
  "1/0": "no route to destination",
  "1/1": "administratively prohibited",
  "1/3": "address unreachable",
  "1/4": "port unreachable",
  "2/0": "packet too big",
  "3/0": "hop limit exceeded",
};

function icmpName(type: number, code: number, v6 = false): string {
  const key = `${type}/${code}`;
  return (v6 ? (icmp6[key] ?? icmp4[key]) : (icmp4[key] ?? icmp6[key])) ?? `type ${type} code ${code}`;
}

/* -------------------------------------------------------------------- the packet */

export interface Field {
  readonly name: string;
  readonly value: string;
  /** What it was one hop earlier, where that differs. */
  readonly before?: string;
}

export interface Layer {
  readonly title: string;
  readonly fields: readonly Field[];
  /** Since the hop before. */
  readonly change: "same" | "changed" | "added";
}

export interface PacketView {
  /** Outermost first. */
  readonly layers: readonly Layer[];
  /** Titles of the headers that the hop before still had. */
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
        ["from", header.src],
        ["to", header.dst],
        ["TTL", String(header.ttl)],
        ["protocol", header.proto],
        ...(header.src.includes(":") ? [] : [["DF", header.df ? "set" : "not set"] satisfies [string, string]]),
      ];
    case "tcp":
    case "udp":
    case "sctp": {
      const fields: [string, string][] = [
        ["from port", String(header.sport)],
        ["to port", String(header.dport)],
      ];
      if (header.flags) fields.push(["flags", header.flags]);
      return fields;
    }
    case "icmp": {
      const fields: [string, string][] = [
        ["message", `${icmpName(header.type, header.code)} (${header.type}/${header.code})`],
      ];
      if (header.mtu !== undefined) fields.push(["MTU", String(header.mtu)]);
      return fields;
    }
    case "vxlan":
    case "geneve":
      return [["VNI", String(header.vni)]];
    case "ethernet":
      return [
        ["from", header.src],
        ["to", header.dst],
      ];
    default:
      return Object.entries(header as object)
        .filter(([name]) => name !== "kind")
        .map(([name, value]) => [name, String(value)]);
  }
}

/** A packet, and what has happened to it since `before`. Headers are matched from the innermost outwards. */
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
  const number = (name: string, value: number, old: number | undefined, unit = ""): Field => ({
    name,
    value: `${value}${unit}`,
    ...(old !== undefined && old !== value ? { before: `${old}${unit}` } : {}),
  });
  return {
    layers,
    removed: then.slice(0, then.length - matched).map(headerTitle),
    length: number("Length", packet.length, before?.length, " bytes"),
    ttl: number("TTL", packet.ttl, before?.ttl),
  };
}

/** How many IP packets are inside each other. */
export function depth(packet: Packet): number {
  return Math.max(1, packet.headers.filter((header) => header.kind === "ip").length);
}

/* -------------------------------------------------------------------- steps */

export function crossing(hop: Hop): string {
  if (hop.device === "") return "";
  if (hop.direction === null) return hop.device;
  return hop.direction === "in" ? `into ${hop.device}` : `out of ${hop.device}`;
}

/** What a screen reader says on arriving at a step. */
export function announcement(step: Step, count: number): string {
  const { kind, name } = splitOwner(step.hop.owner);
  const where = [kind && `${kind} ${name}`, !kind && name, crossing(step.hop)].filter(Boolean).join(", ");
  return `Step ${step.index + 1} of ${count}, ${step.leg}. ${where}: ${step.hop.action}. ${step.hop.text}`;
}

/** Where a step is found again in a new trace of the same question: the same hop, as near as possible to where it was. */
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

/** The path of a new trace that continues the one that was shown: through the same namespaces, else the same number. */
export function keepPath(old: Trace | undefined, trace: Trace, index: number): number {
  const way = (path: Path | undefined): string => (path?.hops ?? []).map((hop) => hop.netns).join("\n");
  const was = old && waysOf(old)[index];
  const here = waysOf(trace)[index];
  if (was && here && way(was) === way(here)) return index;
  const same = was ? waysOf(trace).findIndex((path) => way(path) === way(was)) : -1;
  return same >= 0 ? same : Math.min(Math.max(0, index), Math.max(0, waysOf(trace).length - 1));
}
