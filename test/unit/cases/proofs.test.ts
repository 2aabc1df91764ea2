/** A fix is offered only if the packets that the finding reports arrive afterwards. */
import { describe, expect, it } from "vitest";
import { ask } from "../../../server/src/trace/trace.ts";
import { check, shown, world } from "../checks/harness.ts";
import { offered, titles } from "./proven.ts";

/** rancher/rke#485: Docker set the policy of FORWARD to DROP; a node port answers only on the node that has the pod. */
const rke = (
  rules: string,
  hosts = "host desk { attach office 10.50.0.9 }",
): string => `segment lan { cidr 10.224.88.0/24; gateway gw }
segment office { cidr 10.50.0.0/24; gateway gw }
router gw { attach lan 10.224.88.1; attach office 10.50.0.1 }
${hosts}
cluster rke {
  pods 10.42.0.0/16
  services 10.43.0.0/16
  docker-bridge 172.17.0.1/16
  cni flannel { backend vxlan; iptables-forward-rules false }
  nodes n 1..3 { attach lan 10.224.88.83; ${rules} }
  pod web on n1 { labels app=web; listen 8080/tcp }
  service web { type node-port; select app=web; port 80 -> 8080/tcp node-port 32745 }
}
`;

const narrow = "Add `allow any forward from 10.42.0.0/16 10.224.88.0/24 to 10.42.0.0/16` above this rule";

function verdicts(text: string): readonly string[] {
  const answer = ask({ ...world(text), locate: () => undefined }, { from: "desk", to: "rke/default/web", port: 80 });
  return answer.ok ? answer.journeys.map(({ verdict, reply }) => `${verdict} ${reply?.verdict}`) : [answer.error];
}

describe("a rule that drops packets between nodes and packets to a node port", () => {
  const text = rke("deny any forward");

  it("is not fixed by allowing only the cluster's own packets", () => {
    expect(titles(text, "KN205")).toEqual([
      "Allow all packets from and to 10.42.0.0/16 above this rule",
      "Remove this rule",
    ]);
  });

  it("is fixed by each offered fix", () => {
    for (const fix of offered(text, "KN205")) {
      expect(check(fix.text).map(shown), fix.title).toEqual([]);
      expect(verdicts(fix.text), fix.title).toEqual(Array(3).fill("delivered delivered"));
    }
  });

  it("is fixed by the narrow rule if no host uses the service", () => {
    expect(titles(rke("deny any forward", ""), "KN205")).toEqual([
      narrow,
      "Allow all packets from and to 10.42.0.0/16 above this rule",
      "Remove this rule",
    ]);
  });
});

describe("a route that is not a statement", () => {
  // The origin of Calico's blackhole route is the pool: "Remove this route" would remove the pool.
  it("cannot be removed", () => {
    const text = `segment lan { cidr 10.20.0.0/24; gateway gw }
router gw { attach lan 10.20.0.1 }
cluster m {
  cni calico { pool p 10.44.0.0/26 { vxlan always } }
  node n1 { attach lan }
  node n2 { attach lan }
  pod a on n1
  pod b on n2
}
`;
    const all = check(text).flatMap(({ finding }) => finding.fixes.map(({ title }) => title));
    expect(all).not.toContain("Remove this route");
  });
});
