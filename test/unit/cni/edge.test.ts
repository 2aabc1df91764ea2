/** Packets through NAT, loopback addresses, and a host that accepts every address. */
import { describe, expect, test } from "vitest";
import { ruleText } from "../../../server/src/dataplane/text.ts";
import { type Ask, ask } from "../../../server/src/trace/trace.ts";
import { sample } from "./samples.ts";

const { topology, network, netns } = sample("internet");

function trace(from: string, to: string, more: Partial<Ask> = {}) {
  const answer = ask({ topology, network, locate: () => undefined }, { from, to, ...more });
  if (!answer.ok) throw new Error(answer.error);
  const [path] = answer.trace.paths;
  const hops = [...(path?.hops ?? []), ...(path?.reply?.hops ?? [])];
  return {
    end: [path?.verdict, answer.trace.answered],
    receiver: path?.receiver?.src,
    nat: hops.filter(({ action }) => action === "snat" || action === "dnat").map((one) => `${one.netns}: ${one.text}`),
  };
}

describe("the Internet", () => {
  test("is reached with the node's address and then with the router's, and its replies reach the pod", () => {
    const { end, receiver, nat } = trace("shop/web", "198.51.100.7", { port: 443 });
    expect([end, receiver]).toEqual([["delivered", true], "203.0.113.2"]);
    expect(nat).toEqual([
      "prod/n1: source rewritten to 192.168.1.11 (SNAT)",
      "edge: source rewritten to 203.0.113.2 (SNAT)",
      "internet: destination rewritten to 203.0.113.1:443 (DNAT)",
      "internet: source rewritten to 198.51.100.7 (SNAT)",
      "edge: destination rewritten to 192.168.1.11:40000 (DNAT)",
      "prod/n1: destination rewritten to 10.244.0.2:40000 (DNAT)",
    ]);
  });
  test("cannot reach a pod", () => {
    expect(trace("internet", "shop/web", { port: 8080 }).end).toEqual(["unreachable", false]);
  });
  test("reaches a forwarded port without SNAT; other ports are closed", () => {
    const { end, receiver } = trace("internet", "203.0.113.2", { port: 443 });
    expect([end, receiver]).toEqual([["delivered", true], "203.0.113.1"]);
    expect(trace("internet", "203.0.113.2", { port: 80 }).end[0]).toBe("rejected");
  });
  test("accepts packets to every address", () => {
    const rules = netns("internet").netfilter.chain(4, "nat", "PREROUTING")?.rules ?? [];
    expect(rules.map((rule) => ruleText(rule, 4))).toEqual([
      "-i eth0 -m addrtype ! --dst-type LOCAL -j DNAT --to-destination 203.0.113.1",
    ]);
  });
});
