/** Findings from lost replies, and the parts of their messages that several checks share. */
import { family, formatIp } from "../addressing/ip.ts";
import type { Fix } from "../fixes/fix.ts";
import type { Connection } from "../questions/connections/connections.ts";
import { type HalfOpen, type HalfOpenCause, halfOpenOf } from "../questions/connections/half-open.ts";
import type { FailingQuery } from "../questions/replay.ts";
import { plural } from "../text/format.ts";
import { t } from "../text/l10n.ts";
import type { CheckContext, CheckInfo } from "./check.ts";
import { type Finding, finding } from "./finding.ts";
import { hopsOf } from "./hops.ts";

type OfKind<K extends HalfOpenCause["kind"]> = HalfOpen<Extract<HalfOpenCause, { readonly kind: K }>>;

export interface HalfOpenReport<K extends HalfOpenCause["kind"]> {
  readonly kind: K;
  readonly message: (one: OfKind<K>) => string;
  readonly fixes: (one: OfKind<K>) => readonly Fix[];
}

export function* reportHalfOpen<K extends HalfOpenCause["kind"]>(
  check: CheckInfo,
  context: CheckContext,
  { kind, message, fixes }: HalfOpenReport<K>,
): Iterable<Finding> {
  for (const one of halfOpenOf(context, kind)) {
    yield finding(check, one.source, message(one), {
      related: hopsOf(one.lost, context.topology),
      fixes: fixes(one),
      queries: queriesOfConnection(one.example),
    });
  }
}

/** The connection as a query that the proof of a fix repeats. */
export function queriesOfConnection({ from, ip, port, proto }: Connection): readonly FailingQuery[] {
  if (from.imagined) return [];
  return [{ from: from.netns, to: { kind: "address", ip }, proto, port, family: family(ip) }];
}

/** "pod `a` on node `c/n1` receives no reply from host `db` (192.168.20.9:5432/tcp) and 2 more connections". */
export function whoReceivesNoReply({ example, others, isReply }: HalfOpen): string {
  const { from, name } = example;
  const fact = isReply ? t`${from.name} receives no reply from ${name}` : t`${from.name} cannot reach ${name}`;
  return others === 0 ? fact : t`${fact} (${plural(others, "more connection")} affected)`;
}

/** The address to which the lost reply was sent. */
export function repliedTo({ example, lost }: HalfOpen): string {
  return formatIp(lost.steps.at(-1)?.packet.dst ?? example.from.ip);
}

/** "router gw has no route to 10.244.0.1", or the default route that the reply follows. */
export function whereLost({ lost }: HalfOpen): string {
  const { reason, steps } = lost;
  const sent = steps.findLast(({ action, rule }) => action === "route" && rule?.text.startsWith("default "));
  const isAstray = reason === undefined || reason.code === "martian-source" || reason.code === "unexpected-reply";
  if (isAstray && sent?.rule)
    return t`${sent.netns} sends the reply to ${formatIp(sent.packet.dst)} through its default route (${sent.rule.text})`;
  return reason?.message ?? t`the reply is lost`;
}
