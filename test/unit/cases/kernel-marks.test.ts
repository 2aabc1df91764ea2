/** Marks are unsigned 32-bit values: skb->mark, ct->mark, fwmark of a rule. */
import { describe, expect, test } from "vitest";
import { textOf, traceOf } from "./kernel-trace.ts";

function clusterWith(mode: string): string {
  return `segment a { cidr 10.0.0.0/24; gateway 10.0.0.1 }
router gw { attach a 10.0.0.1 }
host h { attach a 10.0.0.9 }
cluster c {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni bridge
  kube-proxy ${mode} { masquerade-bit 31 }
  node n1 { attach a 10.0.0.2 }
  node n2 { attach a 10.0.0.3 }
  pod web on n2 { labels app=web; listen 80 }
  service s { select app=web; port 80; type node-port; node-port 30080 }
}
`;
}

describe.each(["iptables", "nftables", "ipvs"])("masquerade-bit 31, %s", (mode) => {
  test("a node port of a remote pod is masqueraded", () => {
    const trace = traceOf(clusterWith(mode), "h", "10.0.0.2", { port: 30080 });
    expect(textOf(trace)).toContain("source rewritten to 10.0.0.2 (SNAT)");
    expect(trace.paths[0]?.receiver?.src).toBe("10.0.0.2");
  });
});
