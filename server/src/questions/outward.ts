/** Probes from one pod of each class of nodes to each external host that replies to small packets. */
import { family } from "../addressing/ip.ts";
import type { Journey, Question } from "../dataplane/journey.ts";
import { valueAt } from "../memo/memo.ts";
import type { Cluster, ExternalHost } from "../topology/model.ts";
import { nodeClasses } from "./classes.ts";
import { planOf } from "./plan.ts";
import { connectionTo, type ProbeEnd, partThatFailed, pingTo, podEndsOn, worst } from "./probes.ts";
import type { View } from "./view.ts";

/** Limit of probes, one per class and host; the remaining ones are skipped. */
const MOST_QUESTIONS = 200;

export interface Outward {
  readonly cluster: Cluster;
  readonly from: ProbeEnd;
  readonly host: ExternalHost;
  /** The request that was replied to. */
  readonly question: Question;
  readonly journey: Journey;
  /** Number of nodes that the probe represents. */
  readonly nodes: number;
}

export function* outwardProbes(context: View): Iterable<Outward> {
  const { peopled } = context;
  if (peopled.hosts.length === 0) return;
  const disputed = planOf(peopled).conflicts.map(({ shared }) => shared);
  let left = MOST_QUESTIONS;
  // Hosts with the same address, such as a duplicate one, receive the same packets.
  const known = new Map<string, Journey>();
  const worstOf = (question: Question): Journey => {
    const { from, dst, proto, dport } = question;
    return valueAt(known, `${from} ${dst} ${proto} ${dport}`, () => worst(context, question));
  };
  for (const cluster of peopled.clusters) {
    for (const { nodes } of nodeClasses(peopled, cluster, disputed)) {
      const [node] = nodes;
      const ends = node ? podEndsOn(cluster, node) : [];
      for (const host of peopled.hosts) {
        if (context.cancelled() || left-- <= 0) return;
        for (const from of ends) {
          const question = comesBack(context, from, host, worstOf);
          if (question) yield { cluster, from, host, ...question, nodes: nodes.length };
        }
      }
    }
  }
}

/** A ping, or a connection if pings are filtered; undefined without a reply. */
function comesBack(
  context: View,
  from: ProbeEnd,
  host: ExternalHost,
  worstOf: (question: Question) => Journey,
): Pick<Outward, "question" | "journey"> | undefined {
  const dst = host.interfaces
    .flatMap(({ addresses }) => addresses.map(({ ip }) => ip))
    .find((ip) => family(ip) === family(from.ip));
  if (dst === undefined) return undefined;
  const answered = (question: Question): Pick<Outward, "question" | "journey"> | undefined => {
    const journey = worstOf(question);
    return partThatFailed(journey) === undefined && journey.end === host.path ? { question, journey } : undefined;
  };
  return answered(pingTo(from.netns, dst)) ?? answered(connectionTo(context, from.netns, host.path, dst));
}
