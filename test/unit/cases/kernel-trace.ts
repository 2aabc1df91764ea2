/** A trace of a topology text, as the command line prints it. */
import { renderText } from "../../../server/src/trace/render/text.ts";
import type { Hop, Path, Trace } from "../../../server/src/trace/schema.ts";
import { type Ask, ask } from "../../../server/src/trace/trace.ts";
import { world } from "../checks/harness.ts";

/** The port in `more` is ignored for ICMP, so one test can cover all protocols. */
export function traceOf(text: string, from: string, to: string, more: Partial<Ask> = {}): Trace {
  const { topology, network } = world(text);
  const { port, ...rest } = more;
  const asked = { from, to, ...rest, ...(more.proto === "icmp" ? {} : { port }) };
  const answer = ask({ topology, network, locate: () => undefined }, asked);
  if (!answer.ok) throw new Error(answer.error);
  return answer.trace;
}

export function textOf(trace: Trace): string {
  return renderText(trace, { colour: false, decisions: true });
}

/** "h lo out": the device crossings of request and reply. */
export function crossings(path: Path | undefined): readonly string[] {
  return [...(path?.hops ?? []), ...(path?.reply?.hops ?? [])].flatMap((hop) =>
    hop.direction === null ? [] : [crossing(hop)],
  );
}

function crossing({ netns, device, direction }: Hop): string {
  return `${netns} ${device} ${direction}`;
}
