/** The machines that a packet passed, and where its reply left the path of the request. */
import type { Journey, Step } from "../../dataplane/journey.ts";
import type { NetnsId } from "../../dataplane/model.ts";

/** One visit of a network namespace. */
export interface Visit {
  readonly netns: NetnsId;
  /** The devices on which the packet arrived and through which it left; undefined at the ends of the path. */
  readonly arrived: string | undefined;
  readonly left: string | undefined;
  /** The last route lookup. */
  readonly route: Step | undefined;
  /** The last step, with the packet as it left or was lost. */
  readonly last: Step;
}

export function visitsOf({ steps }: Journey): readonly Visit[] {
  const visits: Visit[] = [];
  let begin = 0;
  for (let end = 1; end <= steps.length; end += 1) {
    if (end < steps.length && steps[end]?.netns === steps[begin]?.netns) continue;
    const inside = steps.slice(begin, end);
    const [first] = inside;
    const last = inside.at(-1);
    begin = end;
    if (!first || !last) continue;
    visits.push({
      netns: first.netns,
      arrived: inside.find(({ direction }) => direction === "in")?.device,
      left: inside.findLast(({ direction }) => direction === "out")?.device,
      route: inside.findLast(({ action }) => action === "route"),
      last,
    });
  }
  return visits;
}

/** The machine where the reply left the path of the request. */
export interface Turn {
  /** The machine as the request passed it. */
  readonly request: Visit;
  /** The previous hop of the request, which should receive the reply. */
  readonly before: Visit | undefined;
  /** The machine as the reply passed it. */
  readonly reply: Visit;
}

/** The machine nearest to the sender that both the request and the reply passed. */
export function turnOf(request: Journey, reply: Journey): Turn | undefined {
  const there = visitsOf(request);
  let best: (Turn & { readonly at: number }) | undefined;
  for (const visit of visitsOf(reply)) {
    const at = there.findIndex(({ netns }) => netns === visit.netns);
    const passed = there[at];
    if (passed && (!best || at < best.at)) best = { request: passed, before: there[at - 1], reply: visit, at };
  }
  return best;
}
