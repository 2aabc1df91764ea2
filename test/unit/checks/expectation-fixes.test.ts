/** Fixes of failed expectations: only proven ones, and only if a single place in the file causes the failure. */
import { expect, it } from "vitest";
import { provenFixes } from "../../../server/src/service/features/fixes.ts";
import { createService } from "../../../server/src/service/service.ts";

const world = (parts: { readonly gw?: string; readonly far?: string; readonly wish: string }): string => `segment lan {
  cidr 10.10.1.0/24
  gateway gw
}
segment between { cidr 10.255.0.0/30 }
segment office { cidr 10.8.0.0/24; gateway far }
router gw {
  attach lan 10.10.1.1
  attach between 10.255.0.1
  route 10.8.0.0/24 via 10.255.0.2
  ${parts.gw ?? ""}
}
router far {
  attach office 10.8.0.1
  attach between 10.255.0.2
  route 10.10.1.0/24 via 10.255.0.1
  ${parts.far ?? ""}
}
host pc { attach office 10.8.0.7; listen 5432 }
cluster c {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni bridge { hairpin-mode true }
  nodes n 1..2 { attach lan 10.10.1.11 }
  deployment web replicas 2 { labels app=web; listen 8080/tcp }
  service web { select app=web; port 80 -> 8080/tcp; node-port 30443 }
}
expect ${parts.wish}
`;

function offered(text: string): readonly string[] {
  const service = createService({ resolveImport: () => undefined });
  service.setText("a.knet", text);
  const analysis = service.analysisOf("a.knet");
  const found = analysis?.findings(() => false)?.find(({ code }) => code === "KN701");
  if (!analysis || !found) throw new Error("the expectation holds");
  return [found.message, ...(provenFixes(analysis, found, () => false) ?? []).map(({ title }) => title)];
}

it("names the rule that drops the packet, and the rule to add above it", () => {
  expect(offered(world({ gw: "deny tcp to 10.10.1.0/24", wish: "pc -> n1:30443 reachable" }))).toEqual([
    "expected `pc -> n1:30443` to be reachable, but router gw drops the packet (filter/FORWARD): `deny tcp to 10.10.1.0/24`",
    "Add `allow tcp port 30443 from 10.8.0.7 to 10.10.1.11` above this rule",
  ]);
});

it("adds the route to the nodes to a router without a route for replies to pods", () => {
  expect(
    offered(
      world({
        gw: "route 10.244.0.0/24 via 10.10.1.11\n  route 10.244.1.0/24 via 10.10.1.12",
        wish: "web-0 -> pc:5432 reachable",
      }),
    ),
  ).toEqual([
    "expected `web-0 -> pc:5432` to be reachable, but the reply is lost: router far has no route to 10.244.0.2",
    "Add `route 10.244.0.0/16 via 10.255.0.1` to router `far`",
  ]);
});

it.each(["10.10.1.1", "10.10.1.254"])(
  "adds routes to the node pod CIDRs to a router on the nodes' segment, from %s",
  (own) => {
    const far = "route 10.244.0.0/16 via 10.255.0.1";
    const text = world({ far, wish: "web-0 -> pc:5432 reachable" }).replace(
      "attach lan 10.10.1.1\n",
      `attach lan ${own}\n`,
    );
    expect(offered(text)).toEqual([
      "expected `web-0 -> pc:5432` to be reachable, but the reply is lost: router gw has no route to 10.244.0.2",
      "Add routes to all node pod CIDRs on router `gw`",
    ]);
  },
);

it("offers no fixes for blocked expectations", () => {
  expect(offered(world({ wish: "pc -> n1:30443 blocked" }))).toHaveLength(1);
});

it("names no port if replies are dropped on a different path", () => {
  const gw = "deny tcp from 10.10.1.0/24";
  const second = "router back { attach lan 10.10.1.2; attach office 10.8.0.2 }";
  const text = world({ gw, wish: "pc -> n1:30443 reachable" }).replace("gateway far }", "gateway back }");
  expect(offered(`${text}${second}\n`)[1]).toBe("Add `allow tcp from 10.10.1.11 to 10.8.0.7` above this rule");
});
