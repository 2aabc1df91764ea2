import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { reportFullSize } from "./full-size.ts";

const cluster = (mtu: number): string =>
  twoNodes(`cni bridge { mtu ${mtu} }`, "node n3 { attach lan 192.168.10.13; deny icmp out }\npod c on n3");

export const blackHole: Check = {
  code: "KN302",
  name: "mtu-black-hole",
  family: "mtu",
  severity: "error",
  summary: "Full-size packets between pods vanish without an answer.",
  documentation: `A pod's interface lets packets of its MTU go; on the way something drops them, and no ICMP *packet too big* comes back to the pod: a segment with a smaller MTU, a
bridge port, a firewall that stops ICMP. Ping and TCP handshakes work, TLS and large answers hang.

Set the CNI's MTU so that pod MTU and overhead (VXLAN 50, IPIP 20, flannel's udp 28, over IPv6 20 more) fit the smallest MTU of the
path, and let ICMP pass.`,
  example: { bad: cluster(9000), good: cluster(1500) },
  run: (context) =>
    reportFullSize(
      blackHole,
      context,
      "lost",
      ({ size, journey }, who) =>
        `packets of ${size} bytes ${who} vanish: ${journey.reason?.message ?? "they are lost"}; lower the pods' MTU, or let ICMP pass`,
    ),
};
