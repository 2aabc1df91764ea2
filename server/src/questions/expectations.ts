/** Whether expectations pass: their packets, and what disproves them. */
import { type Family, family, formatIp, type Ip, parseIp } from "../addressing/ip.ts";
import type { Journey } from "../dataplane/journey.ts";
import { headText } from "../declared/text.ts";
import { t } from "../text/l10n.ts";
import { readUrl, type Url } from "../topology/ingress.ts";
import type { Expectation, Ingress, Service } from "../topology/model.ts";
import { aimAt, familyError, journeysTo, type Target } from "../trace/aim.ts";
import { type Endpoint, endpointOf, ownerOf } from "../trace/endpoints.ts";
import { isAnswered, type Lookup, lookupOf } from "../trace/lookup.ts";
import { proxiedBy, secondLeg } from "../trace/proxied.ts";
import { isAstray, type Receiver, receiverOf, receiverOfAll } from "../trace/receivers.ts";
import type { View } from "./view.ts";

/** Source port of the packets of an expectation. */
export const CLIENT_PORT = 40_000;

export type World = Pick<View, "topology" | "network">;

export type Outcome =
  | { readonly kind: "holds" }
  | ({ readonly kind: "fails" } & Refuted)
  /** The names do not determine a sender and a destination. */
  | { readonly kind: "unclear"; readonly why: string };

/** Sends the packets of one expectation, one per address family, and evaluates their outcome. */
export function outcomeOf(world: World, expectation: Expectation): Outcome {
  const url = readUrl(expectation.to);
  if (url) return outcomeOfUrl(world, expectation, url);
  const ends = endsOf(world, expectation);
  if (typeof ends === "string") return { kind: "unclear", why: ends };
  const lookup = lookupOf(world, expectation.to, ends.from, undefined);
  if (typeof lookup === "string") return { kind: "unclear", why: lookup };
  if (lookup && !isAnswered(lookup)) return withoutAnswer(expectation, lookup);
  for (const aim of ends.aims) {
    const refuted = refute(
      expectation,
      expectationJourneys(world, expectation, ends, aim),
      ends,
      receiverOf(world.topology, { netns: aim.at, service: aim.service }, aim.family),
    );
    if (!refuted) continue;
    const why = ends.aims.length > 1 ? t`over IPv${aim.family}, ${refuted.why}` : refuted.why;
    return { kind: "fails", why, journey: refuted.journey };
  }
  return { kind: "holds" };
}

/** Through a proxy: the client's connection, and the connection that the proxy opens for it. */
function outcomeOfUrl(world: World, expectation: Expectation, url: Url): Outcome {
  const proxied = proxiedBy(world.topology, url);
  if (typeof proxied === "string") return { kind: "unclear", why: proxied };
  const first: Expectation = { ...expectation, to: proxied.entry.path, port: url.port, proto: "tcp" };
  const { want } = expectation;
  if (want.kind !== "reachable" && want.kind !== "survives" && want.kind !== "blocked") return outcomeOf(world, first);
  const reaching = outcomeOf(world, { ...first, want: { kind: "reachable" } });
  if (reaching.kind === "unclear") return reaching;
  if (reaching.kind === "fails") return want.kind === "blocked" ? { kind: "holds" } : reaching;
  const ends = endsOf(world, first);
  const journeys =
    typeof ends === "string" ? [] : ends.aims.flatMap((aim) => expectationJourneys(world, first, ends, aim));
  const onward = secondLeg(world.network, proxied, journeys).journeys;
  const backends = receiverOfAll(world.topology, proxied.backends);
  const bad = onward.find(
    (one) => one.verdict !== "delivered" || one.reply?.verdict !== "delivered" || astray(one, backends) !== undefined,
  );
  if (want.kind === "blocked") {
    const [some] = onward;
    return bad || !some
      ? { kind: "holds" }
      : { kind: "fails", why: t`${ingressText(proxied.ingress)} allows the request`, journey: some };
  }
  if (!bad) return { kind: "holds" };
  const why = bad.reason?.message ?? bad.reply?.reason?.message ?? astray(bad, backends)?.why ?? t`no reply arrives`;
  return {
    kind: "fails",
    why: t`the proxy of ${ingressText(proxied.ingress)} cannot reach its backend: ${why}`,
    journey: bad,
  };
}

function ingressText({ kind, path }: Ingress): string {
  return kind === "ingress" ? t`ingress ${path}` : t`HTTP route ${path}`;
}

/** A name that does not resolve: no packet is sent. */
function withoutAnswer({ want }: Expectation, { name, server, journeys }: Lookup): Outcome {
  const [journey] = journeys;
  if (want.kind === "blocked" || !journey) return { kind: "holds" };
  const why = journey.reason?.message ?? journey.reply?.reason?.message ?? t`no reply arrives`;
  const text = server ? t`no DNS reply for ${name} from ${server}: ${why}` : t`no DNS reply for ${name}: ${why}`;
  return { kind: "fails", why: text, journey };
}

/* --------------------------------------------------------------- endpoints */

export interface Ends {
  readonly from: Endpoint;
  readonly src: Ip | undefined;
  /** Addresses of the sender's tunnel devices. */
  readonly tunnels: readonly Ip[];
  /** One per address family that both endpoints have. */
  readonly aims: readonly FamilyAim[];
}

export interface FamilyAim {
  readonly family: Family;
  readonly targets: readonly Target[];
  /** The network namespace in which the packets must arrive, if there is only one. */
  readonly at: string | undefined;
  /** The service that the expectation names: the packets must arrive at one of its endpoints. */
  readonly service: Service | undefined;
  /** Port and protocol of a service, if the expectation names no port. */
  readonly first: { readonly port: number; readonly proto: Expectation["proto"] } | undefined;
}

/** The sender and the destination addresses; an error text if the names do not determine them. */
export function endsOf({ topology, network }: World, { from, to, port }: Expectation): Ends | string {
  const src = parseIp(from);
  const owner = src === undefined ? undefined : ownerOf(topology, src);
  if (src !== undefined && !owner) return t`no machine or pod has the address ${from}`;
  const sender = owner ?? endpointOf(topology, from);
  if ("ok" in sender && !sender.ok) return sender.error;
  const endpoint = "ok" in sender ? sender.endpoint : sender;
  if (!network.netns(endpoint.netns)) return t`${endpoint.path} has no network`;
  const ip = parseIp(to);
  const mixed = familyError(src, ip);
  if (mixed !== undefined) return mixed;
  const families =
    ip !== undefined ? [family(ip)] : [...new Set((src === undefined ? endpoint.addresses : [src]).map(family))];
  const aims = families.map((of) => ({ of, aim: aimAt(topology, to, endpoint, port, of) }));
  const usable = aims.flatMap(({ of, aim }): FamilyAim[] =>
    aim.ok
      ? [
          {
            family: of,
            targets: aim.targets,
            at: aim.netns,
            service: ip === undefined ? aim.service : undefined,
            first: aim.service && aim.ports[0],
          },
        ]
      : [],
  );
  if (usable.length > 0) return { from: endpoint, src, tunnels: tunnelAddresses(topology, endpoint), aims: usable };
  const any = aimAt(topology, to, endpoint, port, undefined);
  return any.ok ? t`${endpoint.path} and ${any.path} have no common address family` : any.error;
}

/** All packets of an expectation: to every address, to the backends of a proxy, and the DNS query before them. */
export function packetsOf(world: World, expectation: Expectation): readonly Journey[] {
  const url = readUrl(expectation.to);
  const proxied = url && proxiedBy(world.topology, url);
  if (typeof proxied === "string") return [];
  const direct: Expectation =
    url && proxied ? { ...expectation, to: proxied.entry.path, port: url.port, proto: "tcp" } : expectation;
  const ends = endsOf(world, direct);
  if (typeof ends === "string") return [];
  const lookup = lookupOf(world, direct.to, ends.from, undefined);
  const journeys = ends.aims.flatMap((aim) => expectationJourneys(world, direct, ends, aim));
  return [
    ...(typeof lookup === "object" ? lookup.journeys : []),
    ...journeys,
    ...(proxied ? secondLeg(world.network, proxied, journeys).journeys : []),
  ];
}

function tunnelAddresses({ tunnels }: World["topology"], { netns }: Endpoint): readonly Ip[] {
  return tunnels.flatMap(({ sides }) =>
    sides.flatMap(({ path, address }) => (path === netns && address ? [address.ip] : [])),
  );
}

/** The packets of an expectation to the addresses of one family. */
export function expectationJourneys(
  context: World,
  { port, proto, want }: Expectation,
  { from, src }: Ends,
  { targets, first }: FamilyAim,
): readonly Journey[] {
  const size = want.kind === "mtu" ? want.atLeast : undefined;
  const asked = port === undefined && first !== undefined ? first : { port, proto };
  return journeysTo(
    context.network,
    {
      from: from.netns,
      src,
      proto: asked.proto,
      sport: CLIENT_PORT,
      dport: asked.port ?? 0,
      size,
      df: want.kind === "mtu",
    },
    targets,
  );
}

/* -------------------------------------------------------------- evaluation */

interface Refuted {
  readonly why: string;
  readonly journey: Journey;
}

function refute(
  { want }: Expectation,
  journeys: readonly Journey[],
  ends: Ends,
  receiver: Receiver | undefined,
): Refuted | undefined {
  const lost = journeys.map((one) => loss(one) ?? astray(one, receiver)).find((one) => one !== undefined);
  switch (want.kind) {
    case "reachable":
    case "survives":
      return lost;
    case "blocked": {
      const arrived = journeys.find((one) => one.verdict === "delivered" && !astray(one, receiver));
      return (
        arrived && {
          why:
            arrived.receiver?.process === undefined
              ? t`the packet is delivered`
              : t`the packet is delivered to ${arrived.receiver.process}`,
          journey: arrived,
        }
      );
    }
    case "via": {
      const past = journeys.find((one) => !passes(one, want.station));
      if (!past) return undefined;
      const why =
        journeys.length > 1
          ? t`on one path, the packet does not pass through ${want.station}`
          : t`the packet does not pass through ${want.station}`;
      return { why, journey: past };
    }
    case "preserves-source": {
      if (lost) return lost;
      const own = ends.src === undefined ? [...ends.from.addresses, ...ends.tunnels] : [ends.src];
      const foreign = journeys.find(({ receiver }) => receiver !== undefined && !own.includes(receiver.src));
      return (
        foreign?.receiver && {
          why: sourceText(foreign, formatIp(foreign.receiver.src)),
          journey: foreign,
        }
      );
    }
    case "mtu": {
      if (lost) return lost;
      const cut = journeys.find((one) => one.steps.some((step) => step.action === "fragment"));
      return cut && { why: t`the packet is fragmented along the path`, journey: cut };
    }
  }
}

/** The source that the receiver sees, with the machine that rewrote it last and the `masquerade` statement of the file, if any. */
function sourceText({ steps }: Journey, src: string): string {
  const step = steps.findLast(({ action }) => action === "snat");
  const rule = step?.rule?.origin?.decl;
  if (!step) return t`the receiver sees source ${src}`;
  return rule?.spec?.keyword === "masquerade"
    ? t`the receiver sees source ${src}, rewritten on ${step.netns} (${headText(rule)})`
    : t`the receiver sees source ${src}, rewritten on ${step.netns}`;
}

function passes({ steps }: Journey, station: string): boolean {
  return steps.some(({ netns }) => netns === station || netns.endsWith(`/${station}`));
}

function loss(journey: Journey): Refuted | undefined {
  if (journey.verdict !== "delivered") return { why: journey.reason?.message ?? t`the packet is lost`, journey };
  const { reply } = journey;
  if (!reply || reply.verdict === "delivered") return undefined;
  const why = reply.reason ? t`the reply is lost: ${reply.reason.message}` : t`the reply is lost`;
  return { why, journey: reply };
}

/** The wrong machine accepted the packet: a second machine with the address, or a host that accepts any address. */
function astray(journey: Journey, receiver: Receiver | undefined): Refuted | undefined {
  if (!receiver || !isAstray(journey, receiver)) return undefined;
  return { why: t`${journey.end} replies, not ${receiver.name}`, journey };
}
