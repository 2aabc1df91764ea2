/** `survives`, and the findings of `check --failures 1`. */
import { describe, expect, it } from "vitest";
import { TWO_SPINES } from "../../../server/src/findings/examples/fabric.ts";
import { twoRacks } from "../../../server/src/findings/examples/nodes.ts";
import { check, shown } from "../checks/harness.ts";

const messages = (text: string, failures = false): readonly string[] =>
  check(text, failures)
    .filter(({ code }) => /^KN70/.test(code))
    .map(shown);

const reflected = (survives: string): string => `segment lan { cidr 10.0.0.0/24; gateway 10.0.0.1 }
cluster prod {
  pods 10.10.0.0/16
  services 10.96.0.0/12
  cni calico {
    pool default
    node-to-node-mesh false
    peer reflectors { peer-selector role=rr }
  }
  node rr1 { attach lan 10.0.0.2; labels role=rr; cni calico { route-reflector-cluster-id 244.0.0.1 } }
  nodes w 1..2 { attach lan 10.0.0.11; labels role=worker }
  pod a on w1 { listen 80/tcp }
  pod b on w2 { listen 80/tcp }
}
expect a -> b:80 ${survives}
`;

describe("an expectation that must survive failures", () => {
  it("fails with the first failure that breaks it, and their number", () => {
    expect(messages(`${TWO_SPINES}expect a -> b survives any-router\n`)).toEqual([
      "KN704 error line 31: expected `a -> b` to survive any-router, but without router `l1`, no ARP reply for 10.0.1.1 on segment left (2 of 4 failures)",
    ]);
  });

  it("has the failed element and the hops of the lost packet as related locations", () => {
    const [found] = check(`${TWO_SPINES}expect a -> b survives any-router\n`);
    expect(found?.finding.related.map(({ message }) => message)).toEqual([
      "fails: router `l1`",
      "1. a: no ARP reply for 10.0.1.1 on segment left",
    ]);
  });

  it("passes if BGP finds another path", () => {
    expect(messages(`${TWO_SPINES}expect a -> b survives any-link\n`)).toEqual([]);
  });

  it("does not pass with static ECMP, because the kernel keeps the next hop", () => {
    const text = TWO_SPINES.replace(/bgp as 6460\d \{.*\}/g, "")
      .replace("attach p12 10.1.2.1", "attach p12 10.1.2.1; route 10.0.2.0/24 via 10.1.1.2 10.1.2.2")
      .replace("attach p22 10.2.2.1", "attach p22 10.2.2.1; route 10.0.1.0/24 via 10.2.1.2 10.2.2.2")
      .replace(/bgp as 64700 \{.*\}/, "route 10.0.1.0/24 via 10.1.1.1; route 10.0.2.0/24 via 10.2.1.1")
      .replace(/bgp as 64700 \{.*\}/, "route 10.0.1.0/24 via 10.1.2.1; route 10.0.2.0/24 via 10.2.2.1");
    expect(messages(`${text}expect a -> b reachable\n`)).toEqual([]);
    expect(messages(`${text}expect a -> b survives any-link\n`)[0]).toContain("(4 of 4 failures)");
  });

  it("is first checked without a failure", () => {
    expect(
      messages(
        `${TWO_SPINES.replace("peer l1 as 64601; peer l2 as 64602", "peer l1 as 1")}expect l1 -> 10.0.3.1 survives any-link\n`,
      )[0],
    ).toMatch(/^KN701 .* to survive any-link, but it is not reachable without a failure either: /);
  });

  it("removes the endpoints of a failed node from the service", () => {
    const shop = (replicas: string): string => `segment lan { cidr 10.0.0.0/24 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/12
  cni flannel { backend vxlan }
  nodes n 1..3 { attach lan }
  pod client on n1
  ${replicas}
  service web { select app=web; port 80 }
}
expect client -> web:80 survives any-node
`;
    const pod = (node: string): string => `pod web-${node} on ${node} { labels app=web; listen 80/tcp }`;
    expect(messages(shop(`${pod("n2")}\n${pod("n3")}`))).toEqual([]);
    expect(messages(shop(pod("n2")))[0]).toContain("without node `prod/n2`");
  });

  it("depends on a route reflector through which no packet passes", () => {
    expect(messages(reflected("survives any-node"))).toEqual([
      "KN704 error line 15: expected `a -> b:80` to survive any-node, but without route reflector `prod/rr1`, no ARP reply for 10.0.0.1 on segment lan (1 of 1 failure)",
    ]);
  });
});

describe("all single failures", () => {
  it("are considered for other expectations only on request", () => {
    const text = `${TWO_SPINES}expect l1 -> b reachable\n`;
    expect(messages(text)).toEqual([]);
    expect(messages(text, true)).toEqual([
      "KN705 warning line 31: `l1 -> b` does not survive a single failure: without router `l2`, router l1 has no route to 10.0.2.10 (1 of 8 failures)",
    ]);
  });

  it("are reported at the element that interrupts the connections of nodes", () => {
    expect(messages(twoRacks("cni flannel { backend vxlan }"), true)).toEqual([
      "KN706 warning line 3: without router `tor`, pod `a` on node `prod/n1` cannot reach pod `b` on node `prod/n2`: no ARP reply for 192.168.10.1 on segment rack-a (2 node pairs affected)",
    ]);
  });

  it("include BGP sessions", () => {
    expect(messages(reflected("reachable"), true).join("\n")).toContain(
      "without the BGP session between route reflector `prod/rr1` and node `prod/w1`",
    );
  });
});
