import type { Ip } from "../../addressing/ip.ts";
import { type Family, family, formatIp, parseIp } from "../../addressing/ip.ts";
import type { Journey } from "../../dataplane/journey.ts";
import { readUrl, type Url } from "../../topology/ingress.ts";
import type { Expectation } from "../../topology/model.ts";
import { aimAt, journeysTo, type Target } from "../../trace/aim.ts";
import { type Endpoint, endpointOf, ownerOf } from "../../trace/endpoints.ts";
import { isAnswered, type Lookup, lookupOf } from "../../trace/lookup.ts";
import { proxiedBy, secondLeg } from "../../trace/proxied.ts";
import type { Check, CheckContext, Finding } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { finding } from "../finding.ts";
import { hopsOf } from "../reachability/causes.ts";
import { CLIENT_PORT, lossFixes, ruleAt } from "./mend.ts";

export const failed: Check = {
  code: "KN701",
  name: "expectation-failed",
  family: "expectations",
  severity: "error",
  summary: "An expectation does not hold.",
  documentation: `\`expect A -> B …\` says what must be true of the network; knet sends the packet and compares. \`reachable\`: it arrives, and the answer comes back, on every path
it may take. \`blocked\`: it arrives on none. \`via X\`: every path passes X. \`preserves-source\`: the receiver sees the sender's own
address. \`mtu >= N\`: a packet of N bytes passes in one piece. Where both ends have IPv4 and IPv6 addresses it must hold for both.

The related places are the hops of the packet that proves the contrary.`,
  example: {
    bad: `${twoNodes("cni flannel { backend vxlan }")}expect a -> b:81 reachable
`,
    good: `${twoNodes("cni flannel { backend vxlan }")}expect a -> b:80 reachable
`,
  },
  *run(context: CheckContext): Iterable<Finding> {
    for (const expectation of context.topology.expectations) {
      if (context.cancelled()) return;
      const outcome = outcomeOf(context, expectation);
      if (outcome.kind !== "fails") continue;
      const rule = expectation.want.kind === "blocked" ? undefined : ruleAt(outcome.journey);
      const why = rule === undefined ? outcome.why : `${outcome.why} ("${rule}")`;
      yield finding(failed, expectation.source, `expected ${what(expectation)}, but ${why}`, {
        related: hopsOf(outcome.journey, context.topology),
        fixes: expectation.want.kind === "blocked" ? [] : lossFixes(context.topology, outcome.journey),
      });
    }
  },
};

type World = Pick<CheckContext, "topology" | "network">;

export type Outcome =
  | { readonly kind: "holds" }
  | ({ readonly kind: "fails" } & Refuted)
  /** The names do not say who sends to whom. */
  | { readonly kind: "unclear"; readonly why: string };

/** Sends the packets of one expectation, one for each family, and judges what becomes of them. */
export function outcomeOf(world: World, expectation: Expectation): Outcome {
  const url = readUrl(expectation.to);
  if (url) return outcomeOfUrl(world, expectation, url);
  const ends = endsOf(world, expectation);
  if (typeof ends === "string") return { kind: "unclear", why: ends };
  const lookup = lookupOf(world, expectation.to, ends.from, undefined);
  if (typeof lookup === "string") return { kind: "unclear", why: lookup };
  if (lookup && !isAnswered(lookup)) return withoutAnswer(expectation, lookup);
  for (const aim of ends.aims) {
    const refuted = refute(expectation, journeysOf(world, expectation, ends, aim), ends, aim.at);
    const by = ends.aims.length > 1 ? `by IPv${aim.family} ` : "";
    if (refuted) return { kind: "fails", why: by + refuted.why, journey: refuted.journey };
  }
  return { kind: "holds" };
}

/** By way of a proxy: the client's connection, and the one that the proxy opens for it. */
function outcomeOfUrl(world: World, expectation: Expectation, url: Url): Outcome {
  const proxied = proxiedBy(world.topology, url);
  if (typeof proxied === "string") return { kind: "unclear", why: proxied };
  const first: Expectation = { ...expectation, to: proxied.entry.path, port: url.port, proto: "tcp" };
  const { want } = expectation;
  if (want.kind !== "reachable" && want.kind !== "blocked") return outcomeOf(world, first);
  const reaching = outcomeOf(world, { ...first, want: { kind: "reachable" } });
  if (reaching.kind === "unclear") return reaching;
  if (reaching.kind === "fails") return want.kind === "blocked" ? { kind: "holds" } : reaching;
  const ends = endsOf(world, first);
  const journeys = typeof ends === "string" ? [] : ends.aims.flatMap((aim) => journeysOf(world, first, ends, aim));
  const onward = secondLeg(world.network, proxied, journeys).journeys;
  const bad = onward.find((one) => one.verdict !== "delivered" || one.reply?.verdict !== "delivered");
  if (want.kind === "blocked") {
    const [some] = onward;
    return bad || !some
      ? { kind: "holds" }
      : { kind: "fails", why: `${proxied.ingress.path} lets the request through`, journey: some };
  }
  if (!bad) return { kind: "holds" };
  const why = bad.reason?.message ?? bad.reply?.reason?.message ?? "no answer comes back";
  return {
    kind: "fails",
    why: `the proxy of ${proxied.ingress.path} does not reach its backend: ${why}`,
    journey: bad,
  };
}

/** A name without an address: nothing is sent. */
function withoutAnswer({ want }: Expectation, { name, server, journeys }: Lookup): Outcome {
  const [journey] = journeys;
  if (want.kind === "blocked" || !journey) return { kind: "holds" };
  const why = journey.reason?.message ?? journey.reply?.reason?.message ?? "nothing comes back";
  return { kind: "fails", why: `${name} has no answer from ${server?.path ?? "DNS"}: ${why}`, journey };
}

/* -------------------------------------------------------------------- ends */

export interface Ends {
  readonly from: Endpoint;
  readonly src: Ip | undefined;
  /** One for each family that both ends have. */
  readonly aims: readonly FamilyAim[];
}

interface FamilyAim {
  readonly family: Family;
  readonly targets: readonly Target[];
  /** Where the packets have to arrive, if that is one place. */
  readonly at: string | undefined;
  /** The port and protocol of a service that is named without. */
  readonly first: { readonly port: number; readonly proto: Expectation["proto"] } | undefined;
}

/** Who sends to which address; a sentence where the names do not say. */
export function endsOf({ topology, network }: World, { from, to, port }: Expectation): Ends | string {
  const src = parseIp(from);
  const owner = src === undefined ? undefined : ownerOf(topology, src);
  if (src !== undefined && !owner) return `nobody has the address ${from}`;
  const sender = owner ?? endpointOf(topology, from);
  if ("ok" in sender && !sender.ok) return sender.error;
  const endpoint = "ok" in sender ? sender.endpoint : sender;
  if (!network.netns(endpoint.netns)) return `${endpoint.path} has no network`;
  const ip = parseIp(to);
  const families =
    ip !== undefined ? [family(ip)] : [...new Set((src === undefined ? endpoint.addresses : [src]).map(family))];
  const aims = families.map((of) => ({ of, aim: aimAt(topology, to, endpoint, port, of) }));
  const usable = aims.flatMap(({ of, aim }): FamilyAim[] =>
    aim.ok ? [{ family: of, targets: aim.targets, at: aim.netns, first: aim.service && aim.ports[0] }] : [],
  );
  if (usable.length > 0) return { from: endpoint, src, aims: usable };
  const any = aimAt(topology, to, endpoint, port, undefined);
  return any.ok ? `${endpoint.path} and ${any.path} have no address family in common` : any.error;
}

function journeysOf(
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

/* --------------------------------------------------------------- judgement */

interface Refuted {
  readonly why: string;
  readonly journey: Journey;
}

function refute(
  { want }: Expectation,
  journeys: readonly Journey[],
  ends: Ends,
  at: string | undefined,
): Refuted | undefined {
  const lost = journeys.map((one) => loss(one) ?? astray(one, at)).find((one) => one !== undefined);
  switch (want.kind) {
    case "reachable":
      return lost;
    case "blocked": {
      const arrived = journeys.find((one) => one.verdict === "delivered" && !astray(one, at));
      return (
        arrived && {
          why: `the packet arrives${arrived.receiver?.process === undefined ? "" : ` at ${arrived.receiver.process}`}`,
          journey: arrived,
        }
      );
    }
    case "via": {
      const past = journeys.find((one) => !passes(one, want.station));
      return (
        past && { why: `${journeys.length > 1 ? "on one path " : ""}the packet does not pass there`, journey: past }
      );
    }
    case "preserves-source": {
      if (lost) return lost;
      const own = ends.src === undefined ? ends.from.addresses : [ends.src];
      const foreign = journeys.find(({ receiver }) => receiver !== undefined && !own.includes(receiver.src));
      return (
        foreign?.receiver && {
          why: `the receiver sees ${formatIp(foreign.receiver.src)} as its source${translatedAt(foreign)}`,
          journey: foreign,
        }
      );
    }
    case "mtu": {
      if (lost) return lost;
      const cut = journeys.find((one) => one.steps.some((step) => step.action === "fragment"));
      return cut && { why: "it is fragmented on the way", journey: cut };
    }
  }
}

/** Who has changed the source last, and by which statement where one stands in the file. */
function translatedAt({ steps }: Journey): string {
  const step = steps.findLast(({ action }) => action === "snat");
  const statement = step?.rule?.origin?.statement;
  const words = statement?.keyword.text === "masquerade" ? [statement.keyword, ...statement.args] : [];
  return step
    ? `: ${step.netns} translates it${words.length > 0 ? ` ("${words.map(({ text }) => text).join(" ")}")` : ""}`
    : "";
}

function passes({ steps }: Journey, station: string): boolean {
  return steps.some(({ netns }) => netns === station || netns.endsWith(`/${station}`));
}

function loss(journey: Journey): Refuted | undefined {
  if (journey.verdict !== "delivered") return { why: journey.reason?.message ?? "the packet is lost", journey };
  const { reply } = journey;
  if (!reply || reply.verdict === "delivered") return undefined;
  return { why: `the answer does not come back: ${reply.reason?.message ?? "it is lost"}`, journey: reply };
}

/** Somebody else has taken the packet for his own: a second machine of that address, a host that answers for any. */
function astray(journey: Journey, at: string | undefined): Refuted | undefined {
  if (at === undefined || journey.verdict !== "delivered" || journey.end === at) return undefined;
  // Node ports, host ports, port forwarding: whoever was meant has sent it on.
  if (journey.steps.some(({ action, netns }) => action === "dnat" && netns === at)) return undefined;
  return { why: `it is ${journey.end} that answers, not ${at}`, journey };
}

function what({ from, to, port, proto, want }: Expectation): string {
  const end = port === undefined ? to : `${to}:${port}${proto === "tcp" || proto === "icmp" ? "" : `/${proto}`}`;
  const both = `${from} -> ${end}`;
  switch (want.kind) {
    case "reachable":
      return `${both} to be reachable`;
    case "blocked":
      return `${both} to be blocked`;
    case "via":
      return `${both} to go via ${want.station}`;
    case "preserves-source":
      return `${both} to preserve the source`;
    case "mtu":
      return `packets of ${want.atLeast} bytes to pass ${both}`;
  }
}
