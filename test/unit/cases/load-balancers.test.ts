/** Load balancers in a router: a route exists only if the router can learn it and can forward packets to the nodes. */
import { describe, expect, it } from "vitest";
import { check, shown } from "../checks/harness.ts";
import { offered, titles } from "./proven.ts";

const metallb = (
  router: string,
  node: string,
  kind = "bgp by r",
): string => `segment lan { cidr 10.0.0.0/24; gateway r }
segment fab { cidr 10.0.2.0/24 }
segment office { cidr 10.0.1.0/24; gateway far }
router r { attach lan 10.0.0.1; attach fab 10.0.2.1; route default via 10.0.2.2${router} }
router far { attach office 10.0.1.1; attach fab 10.0.2.2; route 10.0.0.0/24 via 10.0.2.1; route 101.0.0.0/24 via 10.0.2.1 }
host client { attach office 10.0.1.50 }
cluster k {
  pods 10.42.0.0/16
  services 10.43.0.0/16
  cni flannel { backend vxlan }
  load-balancer ${kind}
  node n1 { attach lan 10.0.0.11${node} }
  deployment web replicas 1 { labels app=web; listen 80/tcp }
  service web { type load-balancer; select app=web; port 80; load-balancer-ip 101.0.0.1 }
}
expect client -> 101.0.0.1:80 reachable
`;
const far = (kind: string): string => metallb("", "", kind).replace("; route 101.0.0.0/24 via 10.0.2.1", "");
const codes = (text: string): readonly string[] => check(text).map(({ code, line }) => `${code} ${line}`);

describe("the BGP session of a load balancer", () => {
  it("comes up without access lists", () => {
    expect(check(metallb("", "")).map(shown)).toEqual([]);
  });

  it("does not come up if TCP port 179 is denied on both sides: no route", () => {
    const text = metallb(
      "; deny tcp in port 179; deny tcp out port 179",
      "; deny tcp in port 179; deny tcp out port 179",
    );
    expect(codes(text)).toEqual(["KN232 12", expect.stringMatching(/^KN701 /)]);
    expect(check(text).map(shown)).toEqual([
      "KN232 error line 12: this rule drops BGP (TCP port 179) between node `k/n1` and router `r`: the session does not come up, and they learn no routes from each other",
      expect.stringMatching(/^KN701 error line 16: expected `client -> 101\.0\.0\.1:80` to be reachable, but /),
    ]);
    expect(titles(text, "KN232")).toEqual(["Allow TCP port 179 between the node and the router"]);
    expect(check(offered(text, "KN232")[0]?.text ?? "").map(shown)).toEqual([]);
  });

  // MetalLB's speakers connect to their peers; bgpd runs with `-p 0` and does not listen.
  it("requires only connections from the node to the router", () => {
    expect(codes(metallb("; deny tcp out port 179", "; deny tcp in port 179"))).toEqual([]);
    expect(codes(metallb("; deny tcp in port 179", ""))).toEqual(["KN232 4", "KN701 16"]);
  });

  it("requires a router on the nodes' segment", () => {
    const message = (kind: string): readonly string[] =>
      check(far(kind))
        .filter(({ code }) => code === "KN513")
        .map(({ finding }) => finding.message.replace(/^.*service `web`: /, ""));
    expect(message("bgp by far")).toEqual([
      "router `far` is not on a segment of the nodes, so their eBGP sessions (TTL 1) do not come up",
    ]);
    expect(message("pass-through by far")).toEqual([
      "router `far` is not on a segment of the nodes, so it cannot forward packets to them unchanged",
    ]);
    expect(message("proxy by far")).toEqual([]);
    expect(titles(far("bgp by far"), "KN513")).toEqual(["Change to `r` (on the nodes' segment)"]);
  });
});
