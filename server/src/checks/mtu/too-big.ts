import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { lossOf, reportFullSize } from "../../findings/full-size.ts";
import { t } from "../../text/l10n.ts";

export const tooBig: Check<"KN304"> = {
  code: "KN304",
  name: "pod-mtu-above-path",
  family: "mtu",
  severity: "warning",
  summary: "The pods' MTU is larger than the path MTU.",
  documentation: `## What happens

The first large packet of each connection is dropped, and ICMP *fragmentation needed* is sent; the sender then uses smaller
packets (path MTU discovery). This works only if nothing filters ICMP, and costs one round trip per destination, again every
ten minutes. If ICMP is filtered, large transfers hang.

## How to fix it

Set the pods' MTU to the path MTU.

## References

- RFC 1191`,
  example: { bad: twoNodes("cni bridge { mtu 9000 }"), good: twoNodes("cni bridge { mtu 1500 }") },
  *run(context) {
    if (context.explaining("rejected-packets").length > 0) return;
    yield* reportFullSize(tooBig, context, "told", ({ size, journey }, who) => {
      const mtu = journey.error && "mtu" in journey.error ? journey.error.mtu : undefined;
      return mtu === undefined
        ? t`packets of ${size} bytes ${who} exceed the path MTU and are rejected with ICMP: ${lossOf(journey)}`
        : t`packets of ${size} bytes ${who} exceed the path MTU and are rejected with ICMP (MTU ${mtu}): ${lossOf(journey)}`;
    });
  },
};
