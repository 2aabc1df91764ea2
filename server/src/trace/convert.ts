/**
 * Converts journeys of the simulator to the published trace: names, texts, and source ranges. The only decision: a packet that
 * another machine than the named target received is `misdelivered`.
 */
import { formatIp } from "../addressing/ip.ts";
import type { Journey, Step, StepRule } from "../dataplane/journey.ts";
import type { Network } from "../dataplane/model.ts";
import { familyOf, icmpNumbers, innerOf, type Packet, pieceLength } from "../dataplane/packet.ts";
import type { Origin } from "../declared/origin.ts";
import { t } from "../text/l10n.ts";
import { isAnswered, type Lookup } from "./lookup.ts";
import { isAstray, type Receiver } from "./receivers.ts";
import type {
  Header,
  Hop,
  Location,
  Path,
  Query,
  Reply,
  Rule,
  SenderError,
  Trace,
  Packet as TracePacket,
  Verdict,
} from "./schema.ts";

/** Converts a location in a tree to a location in a file; undefined if the file is not part of the analysis. */
export type Locate = (source: Origin) => Location | undefined;

export interface Surroundings {
  readonly network: Network;
  readonly locate: Locate;
}

/** The complete trace: the worst verdict of all paths; `answered` only if all paths have a reply. */
export function toTrace(
  query: Query,
  journeys: readonly Journey[],
  around: Surroundings,
  notes: readonly string[] = [],
  before: {
    readonly lookup?: Lookup | undefined;
    readonly proxied?: Onward | undefined;
    readonly receiver?: Receiver | undefined;
  } = {},
): Trace {
  const { lookup, proxied, receiver } = before;
  const own = ending(journeys, around, receiver);
  const onward = proxied && ending(proxied.journeys, around, proxied.receiver);
  return {
    schema: "knet-trace/1",
    query,
    ...(notes.length > 0 ? { notes: [...notes] } : {}),
    ...(lookup ? { lookup: toLookup(lookup, around) } : {}),
    ...(proxied && onward ? { proxied: { by: proxied.by, to: proxied.to, ...onward } } : {}),
    ...own,
    verdict: worst([own.verdict, ...(onward ? [onward.verdict] : [])]),
    answered: own.answered && (onward?.answered ?? true),
  };
}

/** The connection that a proxy opens for a request. */
export interface Onward {
  readonly by: string;
  readonly to: string;
  readonly journeys: readonly Journey[];
  readonly receiver: Receiver;
}

function ending(
  journeys: readonly Journey[],
  around: Surroundings,
  receiver: Receiver | undefined,
): Pick<Trace, "verdict" | "answered" | "paths"> {
  const paths = journeys.map((journey) => toPath(journey, around, receiver));
  return {
    verdict: worst(paths.map(({ verdict }) => verdict)),
    answered:
      journeys.length > 0 &&
      journeys.every((journey) => journey.verdict === "delivered" && journey.reply?.verdict === "delivered"),
    paths,
  };
}

function toLookup(lookup: Lookup, around: Surroundings): NonNullable<Trace["lookup"]> {
  return {
    name: lookup.name,
    asked: [...lookup.asked],
    answers: [...lookup.answers],
    ...(lookup.server ? { server: lookup.server } : {}),
    answered: isAnswered(lookup),
    paths: lookup.journeys.map((journey) => toPath(journey, around, undefined)),
  };
}

const ORDER: readonly Verdict[] = ["delivered", "misdelivered", "rejected", "unreachable", "dropped", "looped"];

function worst(verdicts: readonly Verdict[]): Verdict {
  return verdicts.reduce<Verdict>(
    (most, verdict) => (ORDER.indexOf(verdict) > ORDER.indexOf(most) ? verdict : most),
    "delivered",
  );
}

function toPath(journey: Journey, around: Surroundings, receiver: Receiver | undefined): Path {
  const reply = journey.reply && toWalk(journey.reply, around);
  return {
    ...toWalk(journey, around),
    ...(receiver && isAstray(journey, receiver) ? misdelivered(journey, receiver, around) : {}),
    ...(reply ? { reply } : {}),
  };
}

function misdelivered(journey: Journey, receiver: Receiver, around: Surroundings): Pick<Path, "verdict" | "reason"> {
  const named = (id: string): string => {
    const netns = around.network.netns(id);
    return netns ? `${netns.kind} ${id}` : id;
  };
  const actual = named(journey.end);
  const wanted = named(receiver.name);
  const origin = around.network.netns(journey.end)?.origin;
  const location = origin && around.locate(origin);
  const message =
    journey.reply?.verdict === "delivered"
      ? t`${actual} replies, not ${wanted}`
      : t`${actual} receives the packet, not ${wanted}`;
  return { verdict: "misdelivered", reason: { code: "wrong-end", message, ...(location ? { location } : {}) } };
}

function toWalk(journey: Journey, around: Surroundings): Reply {
  const { reason, error, receiver } = journey;
  const location = reason?.origin && around.locate(reason.origin);
  return {
    verdict: journey.verdict,
    probability: journey.probability,
    ...(reason ? { reason: { code: reason.code, message: reason.message, ...(location ? { location } : {}) } } : {}),
    ...(error ? { error: toError(error) } : {}),
    hops: journey.steps.map((step) => toHop(step, around)),
    ...(receiver
      ? {
          receiver: {
            src: formatIp(receiver.src),
            ...(receiver.sport === undefined ? {} : { sport: receiver.sport }),
            ...(receiver.process === undefined ? {} : { process: receiver.process }),
          },
        }
      : {}),
    mtu: journey.mtu,
  };
}

function toError(error: NonNullable<Journey["error"]>): SenderError {
  switch (error.kind) {
    case "icmp": {
      const family = typeof error.from === "number" ? 4 : 6;
      const numbers = icmpNumbers({ kind: error.error }, family);
      return {
        kind: "icmp",
        ...numbers,
        from: formatIp(error.from),
        ...(error.mtu === undefined ? {} : { mtu: error.mtu }),
        ...(error.errno === undefined ? {} : { errno: error.errno }),
      };
    }
    case "rst":
      return { kind: "rst", errno: error.errno };
    case "local":
      return { kind: "local", errno: error.errno, ...(error.mtu === undefined ? {} : { mtu: error.mtu }) };
  }
}

function toHop(step: Step, around: Surroundings): Hop {
  const kind = around.network.netns(step.netns)?.kind ?? "host";
  return {
    netns: step.netns,
    owner: `${kind} ${step.netns}`,
    device: step.device,
    direction: step.direction,
    action: step.action,
    text: step.text,
    ...(step.rule ? { rule: toRule(step.rule, around) } : {}),
    packet: toPacket(step.packet),
  };
}

function toRule(rule: StepRule, around: Surroundings): Rule {
  const location = rule.origin && around.locate(rule.origin);
  return {
    table: rule.table,
    text: rule.text,
    ...(rule.why === undefined ? {} : { why: rule.why }),
    ...(location ? { location } : {}),
  };
}

/** The header stack, outermost first. */
function toPacket(packet: Packet): TracePacket {
  const headers: Header[] = [];
  let ttl = packet.ttl;
  for (let layer: Packet | undefined = packet; layer; layer = innerOf(layer)) {
    ttl = layer.ttl;
    headers.push(...headersOf(layer));
  }
  return { headers, length: pieceLength(packet), ttl };
}

function headersOf(packet: Packet): Header[] {
  const { body } = packet;
  const family = familyOf(packet);
  const proto = body.kind === "icmp" && family === 6 ? "ipv6-icmp" : body.kind;
  const ip: Header = {
    kind: "ip",
    src: formatIp(packet.src),
    dst: formatIp(packet.dst),
    ttl: packet.ttl,
    proto,
    // IPv6 has no DF bit: routers never fragment.
    df: family === 4 && packet.df,
  };
  switch (body.kind) {
    case "tcp": {
      const { sport, dport, flags, mss } = body;
      return [ip, { kind: "tcp", sport, dport, flags, ...(mss?.clamped ? { mss: mss.value } : {}) }];
    }
    case "sctp":
      return [ip, { kind: "sctp", sport: body.sport, dport: body.dport }];
    case "udp": {
      const udp: Header = { kind: "udp", sport: body.sport, dport: body.dport };
      if (body.carries?.kind === "wireguard" || body.carries?.kind === "esp")
        return [ip, udp, { kind: body.carries.kind }];
      if (body.carries?.kind !== "vxlan") return [ip, udp];
      return [
        ip,
        udp,
        { kind: "vxlan", vni: body.carries.vni },
        { kind: "ethernet", src: body.carries.src, dst: body.carries.dst },
      ];
    }
    case "icmp": {
      const mtu = "mtu" in body.message && body.message.mtu !== undefined ? { mtu: body.message.mtu } : {};
      return [ip, { kind: "icmp", ...icmpNumbers(body.message, family), ...mtu }];
    }
    case "esp":
      return [ip, { kind: "esp" }];
    case "ipip":
      return [ip];
  }
}
