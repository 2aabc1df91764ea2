/** A routing loop is reported once, with the machines of one round, not as hundreds of hops. */
import { describe, expect, test } from "vitest";
import { renderHtml } from "../../../server/src/trace/render/html.ts";
import { renderMermaid } from "../../../server/src/trace/render/mermaid.ts";
import { renderSvg } from "../../../server/src/trace/render/svg.ts";
import { check } from "../checks/harness.ts";
import { crossings, textOf, traceOf } from "./kernel-trace.ts";

const LOOP = `segment a { cidr 10.0.1.0/24; gateway r1 }
segment b { cidr 10.0.2.0/24 }
router r1 { attach a 10.0.1.1; attach b 10.0.2.1; route default via 10.0.2.2 }
router r2 { attach b 10.0.2.2; route default via 10.0.2.1 }
host x { attach a 10.0.1.2 }
expect x -> 8.8.8.8 reachable
`;

describe("a loop between two routers", () => {
  const trace = traceOf(LOOP, "x", "8.8.8.8");

  test("the reason names the loop and its machines", () => {
    expect(trace.paths[0]?.reason).toMatchObject({
      code: "ttl-exceeded",
      message: "TTL expired on router r2: routing loop of 2 machines (router r1 and router r2)",
    });
  });

  test("JSON lists every crossing", () => {
    const request = crossings({ ...trace.paths[0], reply: undefined } as never);
    expect(request.length).toBe(2 * 64);
  });

  test("text shows one round", () => {
    expect(textOf(trace)).toMatchInlineSnapshot(`
      "x -> 8.8.8.8:80 (tcp)

      request
        1  host x     eth0      sent to 8.8.8.8
        2             eth0 out  10.0.1.2 > 8.8.8.8 ttl 64 DF | tcp 40000 > 80 SYN, 60 bytes  [default via 10.0.1.1 dev eth0]
        3  router r1  eth0 in   10.0.1.2 > 8.8.8.8 ttl 64 DF | tcp 40000 > 80 SYN, 60 bytes
        4             eth1 out  10.0.1.2 > 8.8.8.8 ttl 63 DF | tcp 40000 > 80 SYN, 60 bytes  [default via 10.0.2.2 dev eth1]
        5  router r2  eth0 in   10.0.1.2 > 8.8.8.8 ttl 63 DF | tcp 40000 > 80 SYN, 60 bytes
        6             eth0 out  10.0.1.2 > 8.8.8.8 ttl 62 DF | tcp 40000 > 80 SYN, 60 bytes  [default via 10.0.2.1 dev eth0]
        7  router r1  eth1 in   10.0.1.2 > 8.8.8.8 ttl 62 DF | tcp 40000 > 80 SYN, 60 bytes
        8             eth1      previous 4 steps repeated 30 times (TTL 61 to 2)
        9             eth1 out  10.0.1.2 > 8.8.8.8 ttl 1 DF | tcp 40000 > 80 SYN, 60 bytes  [default via 10.0.2.2 dev eth1]
       10  router r2  eth0 in   10.0.1.2 > 8.8.8.8 ttl 1 DF | tcp 40000 > 80 SYN, 60 bytes
       11             eth0      looped
           looped: TTL expired on router r2: routing loop of 2 machines (router r1 and router r2)
           the sender receives ICMP time to live exceeded (11/0) from 10.0.2.2 (EHOSTUNREACH)

      ICMP error
        1  router r2  eth0      sent to 10.0.1.2
        2             eth0 out  10.0.2.2 > 10.0.1.2 ttl 64 | icmp 11/0, 88 bytes  [default via 10.0.2.1 dev eth0]
        3  router r1  eth1 in   10.0.2.2 > 10.0.1.2 ttl 64 | icmp 11/0, 88 bytes
        4             eth0 out  10.0.2.2 > 10.0.1.2 ttl 63 | icmp 11/0, 88 bytes  [10.0.1.0/24 dev eth0 proto kernel scope link src 10.0.1.1]
        5  host x     eth0 in   10.0.2.2 > 10.0.1.2 ttl 63 | icmp 11/0, 88 bytes
        6             eth0      ICMP error delivered to the sender  [local 10.0.1.2]
           received from 10.0.2.2; path MTU 1500 bytes

      ✗ looped
      "
    `);
  });

  test("the other formats show one round", () => {
    for (const render of [renderMermaid, renderSvg, renderHtml]) {
      const text = render(trace);
      expect(text).toContain("previous 4 steps repeated 30 times");
      expect(text).not.toMatch(/ttl 30\b/i);
    }
  });

  test("the related locations of a check show one round", () => {
    const failed = check(LOOP).find(({ code }) => code === "KN701");
    expect(failed?.finding.related.map(({ message }) => message)).toEqual([
      "1. x: routed to 8.8.8.8 via 10.0.1.1 dev eth0 (default route) [default via 10.0.1.1 dev eth0]",
      "2. r1: routed to 8.8.8.8 via 10.0.2.2 dev eth1 (default route) [default via 10.0.2.2 dev eth1]",
      "3. r2: routed to 8.8.8.8 via 10.0.2.1 dev eth0 (default route) [default via 10.0.2.1 dev eth0]",
      "4. r1: routed to 8.8.8.8 via 10.0.2.2 dev eth1 (default route) [default via 10.0.2.2 dev eth1]",
      "5. TTL expired on router r2: routing loop of 2 machines (router r1 and router r2)",
    ]);
  });
});
