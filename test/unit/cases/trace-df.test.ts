/** TCP discovers the path MTU: its packets have DF set, whatever their size. */
import { expect, test } from "vitest";
import { traceOf } from "./kernel-trace.ts";

const NARROW = `segment a { cidr 10.0.1.0/24; gateway r }
segment b { cidr 10.0.2.0/24; gateway r; mtu 1400 }
router r { attach a 10.0.1.1; attach b 10.0.2.1 }
host x { attach a 10.0.1.9 }
host y { attach b 10.0.2.9; listen 80/tcp 80/udp 80/sctp }
`;

test.each(["tcp", "sctp"] as const)("%s with a size: dropped, MTU 1400", (proto) => {
  const { verdict, paths } = traceOf(NARROW, "x", "y", { port: 80, proto, size: 1500 });
  expect(verdict).toBe("dropped");
  expect(paths[0]?.hops[0]?.packet.headers[0]).toMatchObject({ df: true });
  expect(paths[0]?.error).toMatchObject({ kind: "icmp", type: 3, code: 4, mtu: 1400 });
});

test.each(["udp", "icmp"] as const)("%s with a size: fragmented by the router", (proto) => {
  const { verdict, answered, paths } = traceOf(NARROW, "x", "y", { port: 80, proto, size: 1500 });
  expect({ verdict, answered }).toEqual({ verdict: "delivered", answered: true });
  expect(paths[0]?.hops.some(({ action }) => action === "fragment")).toBe(true);
});
