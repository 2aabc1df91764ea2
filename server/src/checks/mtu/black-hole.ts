import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { lossOf, reportFullSize } from "../../findings/full-size.ts";
import { isIcmpFiltered } from "../../questions/full-size.ts";
import { t } from "../../text/l10n.ts";

const cluster = (mtu: number): string =>
  twoNodes(`cni bridge { mtu ${mtu} }`, "node n3 { attach lan 192.168.10.13; deny icmp out }\npod c on n3");

export const blackHole: Check<"KN302"> = {
  code: "KN302",
  name: "mtu-black-hole",
  family: "mtu",
  severity: "error",
  summary: "Full-size packets between pods are dropped silently (path MTU black hole).",
  documentation: `## What happens

A pod sends packets up to the MTU of its interface. A device on the path drops the large ones, and no ICMP *packet too big*
message reaches the pod: a segment or a bridge port has a smaller MTU, or a firewall drops ICMP. Ping and TCP handshakes
work; TLS handshakes and large responses hang.

## How to fix it

Set the CNI's MTU so that the pod MTU plus the overhead fits the smallest MTU on the path. The overhead is 50 bytes for
VXLAN (70 over IPv6), 60 for WireGuard (80 over IPv6), 20 for IPIP, and 28 for flannel's \`udp\` backend. If a firewall
drops ICMP, also allow ICMP; a segment or a bridge sends no ICMP error.`,
  example: { bad: cluster(9000), good: cluster(1500) },
  run: (context) =>
    reportFullSize(blackHole, context, "lost", ({ size, journey }, who) =>
      isIcmpFiltered(journey)
        ? t`packets of ${size} bytes ${who} are dropped silently: ${lossOf(journey)}; lower the pods' MTU, or allow ICMP "packet too big"`
        : t`packets of ${size} bytes ${who} are dropped silently: ${lossOf(journey)}; lower the pods' MTU`,
    ),
};
