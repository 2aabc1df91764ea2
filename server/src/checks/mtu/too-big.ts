import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { reportFullSize } from "./full-size.ts";

export const tooBig: Check = {
  code: "KN304",
  name: "pod-mtu-above-path",
  family: "mtu",
  severity: "warning",
  summary: "The pods' MTU is larger than what the path carries.",
  documentation: `Each connection's first large packet is dropped and answered with ICMP *fragmentation needed*; the sender then uses smaller ones (path MTU discovery, RFC 1191). It works
as long as nothing filters ICMP and costs a round trip for each destination, again every ten minutes. Where ICMP is filtered, large
transfers hang.

Set the pods' MTU to what the path carries.`,
  example: { bad: twoNodes("cni bridge { mtu 9000 }"), good: twoNodes("cni bridge { mtu 1500 }") },
  *run(context) {
    // flannel's tunnel device was cut by the kernel: said there.
    if (context.found("KN320").length > 0) return;
    yield* reportFullSize(tooBig, context, "told", ({ size, journey }, who) => {
      const mtu = journey.error && "mtu" in journey.error ? journey.error.mtu : undefined;
      return `packets of ${size} bytes ${who} are too big and answered with ICMP${mtu === undefined ? "" : `, MTU ${mtu}`}: ${journey.reason?.message ?? ""}; lower the pods' MTU`;
    });
  },
};
