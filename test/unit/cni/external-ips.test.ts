/** External addresses of nodes: one-to-one NAT at the router, and flannel's use of them. */
import { expect, test } from "vitest";
import { formatIp } from "../../../server/src/addressing/ip.ts";
import { printRoutes } from "../../../server/src/dataplane/print.ts";
import { ruleText } from "../../../server/src/dataplane/text.ts";
import { sample, sampleOf, sampleText } from "./samples.ts";

test("the router translates one to one, before its own masquerade, and has the address", () => {
  const { netns } = sample("external-ip");
  const west = netns("west");
  const rules = (chain: string) =>
    (west.netfilter.chain(4, "nat", chain)?.rules ?? []).map((rule) => ruleText(rule, 4));
  expect(rules("PREROUTING")).toEqual(["-d 203.0.113.10/32 -j DNAT --to-destination 10.0.0.10"]);
  expect(rules("POSTROUTING")).toEqual([
    "-s 10.0.0.10/32 -o eth1 -j SNAT --to-source 203.0.113.10",
    "-o eth1 -j MASQUERADE",
  ]);
  expect(west.devices.get("eth1")?.addresses.map(({ ip }) => formatIp(ip))).toEqual(["203.0.113.1", "203.0.113.10"]);
  expect(printRoutes(west, 4)).not.toContain("203.0.113.10 dev eth1");
});

test("the node has no such address, and sends from its own", () => {
  const { walk, netns } = sample("external-ip");
  expect(
    [...netns("prod/server").devices.values()].flatMap(({ addresses }) => addresses.map(({ ip }) => formatIp(ip))),
  ).not.toContain("203.0.113.10");
  expect(walk("client", "203.0.113.10", 30080)).toMatchObject({ verdict: "delivered" });
  expect(walk("prod/server", "203.0.113.50", 443).source).toBe("203.0.113.10");
});

test("there is no NAT for an address that the node has, or without a way out", () => {
  for (const change of ["external-ip 203.0.113.10\n    loopback 203.0.113.10", "external-ip 10.0.0.10"]) {
    const { netns } = sample("external-ip", (text) => text.replace("external-ip 203.0.113.10", change));
    expect(netns("west").netfilter.chain(4, "nat", "PREROUTING")).toHaveProperty("rules", []);
  }
});

test("flannel announces it only with `external-ip true`; `public-ip` takes precedence", () => {
  const endpoint = (change: (text: string) => string): string | undefined => {
    const wireguard = sample("external-ip", change).netns("prod/agent").devices.get("flannel-wg");
    if (wireguard?.kind !== "wireguard") throw new Error("no device");
    return [...wireguard.peers.entries()].map((peer) => formatIp(peer.endpoint.ip))[0];
  };
  expect(endpoint((text) => text)).toBe("203.0.113.10");
  expect(endpoint((text) => text.replace("external-ip true", "external-ip false"))).toBe("10.0.0.10");
  const stated = "external-ip 203.0.113.10\n    cni flannel { public-ip 203.0.113.99 }";
  expect(endpoint((text) => text.replace("external-ip 203.0.113.10", stated))).toBe("203.0.113.99");
});

test("addresses of a pool count up", () => {
  const text = sampleText("external-ip")
    .replace(
      "node agent {\n    attach east-lan 10.1.0.10\n    external-ip 203.0.113.20\n  }",
      "nodes agent 1..2 {\n    attach east-lan 10.1.0.10\n    external-ip 203.0.113.20\n  }",
    )
    .replace("pod api on agent", "pod api on agent2");
  const rules = sampleOf(text).netns("east").netfilter.chain(4, "nat", "PREROUTING")?.rules ?? [];
  expect(rules.map((rule) => ruleText(rule, 4))).toEqual([
    "-d 203.0.113.20/32 -j DNAT --to-destination 10.1.0.10",
    "-d 203.0.113.21/32 -j DNAT --to-destination 10.1.0.11",
  ]);
});
