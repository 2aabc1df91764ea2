/** Security groups and route tables: the state that they compile to, and their effect on packets. */
import { describe, expect, test } from "vitest";
import { printPolicyRules, printRoutes } from "../../../server/src/dataplane/print.ts";
import { ruleText } from "../../../server/src/dataplane/text.ts";
import { type Ask, ask } from "../../../server/src/trace/trace.ts";
import { sample, sampleOf } from "./samples.ts";

type World = ReturnType<typeof sample>;

function verdict({ topology, network }: World, from: string, to: string, more: Partial<Ask> = {}): string {
  const answer = ask({ topology, network, locate: () => undefined }, { from, to, ...more });
  if (!answer.ok) throw new Error(answer.error);
  const [path] = answer.trace.paths;
  return `${path?.verdict} ${path?.reply?.verdict ?? ""}`.trim();
}

function chain({ netns }: World, machine: string, table: "mangle", name: string): readonly string[] {
  return (netns(machine).netfilter.chain(4, table, name)?.rules ?? []).map((rule) => ruleText(rule, 4));
}

describe("security groups", () => {
  const world = sample("security-groups");

  test("are chains in table mangle that return for replies and for allowed packets", () => {
    expect(chain(world, "prod/w1", "mangle", "PREROUTING")).toEqual(["-i eth0 -j SG-IN-eth0"]);
    expect(chain(world, "prod/w1", "mangle", "SG-IN-eth0")).toEqual([
      "-m conntrack --ctstate ESTABLISHED -j RETURN",
      "-p udp -m udp --dport 8472 -m set --match-set SG4-workers src -j RETURN",
      "-p udp -m udp --dport 8472 -m set --match-set SG4-control src -j RETURN",
      "-p tcp -m tcp --dport 10250 -m set --match-set SG4-control src -j RETURN",
      "-s 192.168.10.0/24 -p tcp -m tcp --dport 30000:32767 -j RETURN",
      "-p tcp -m tcp --dport 22 -m set --match-set SG4-bastion src -j RETURN",
      "-p icmp -j RETURN",
      "-j DROP",
    ]);
    expect(chain(world, "prod/w1", "mangle", "POSTROUTING")).toEqual([]);
  });

  test("check new connections only: replies to the machine's own connections pass", () => {
    expect(verdict(world, "prod/w1", "prod/cp", { port: 6443 })).toBe("delivered delivered");
    expect(verdict(world, "prod/cp", "prod/w1", { port: 22 })).toBe("dropped");
  });

  test("without a security group, nothing is checked", () => {
    expect(verdict(world, "prod/cp", "laptop", { port: 80 })).toContain("delivered");
  });

  test("outbound rules close everything else outbound, except replies", () => {
    const out = sampleOf(`segment lan { cidr 10.0.0.0/24 }
security-group db {
  allow tcp port 5432
  allow tcp out port 443 to-group mirror
}
security-group mirror { allow tcp port 80 443 }
host db { attach lan 10.0.0.5; security-group db; listen 5432 }
host mirror { attach lan 10.0.0.6; security-group mirror; listen 80 443 }
host app { attach lan 10.0.0.7; listen 80 }
`);
    expect(verdict(out, "db", "mirror", { port: 443 })).toBe("delivered delivered");
    expect(verdict(out, "db", "mirror", { port: 80 })).toBe("dropped");
    expect(verdict(out, "db", "app", { port: 80 })).toBe("dropped");
    expect(verdict(out, "app", "db", { port: 5432 })).toBe("delivered delivered");
  });

  test("contain the pod addresses that the cloud assigns to the interfaces of a member", () => {
    const eks = (group: string): World =>
      sampleOf(`segment subnet { cidr 10.0.0.0/20; cloud aws; gateway vpc }
router vpc { attach subnet 10.0.0.1 }
security-group nodes { allow any from-group ${group} }
security-group others { allow any }
cluster prod {
  cni aws-vpc
  nodes w 1..2 { attach subnet { security-group nodes } }
  node x { attach subnet { security-group others } }
  pod a on w1
  pod b on w2 { listen 80 }
  pod c on x
}
`);
    expect(verdict(eks("nodes"), "a", "b", { port: 80 })).toBe("delivered delivered");
    expect(verdict(eks("nodes"), "c", "b", { port: 80 })).toBe("dropped");
    expect(verdict(eks("others"), "c", "b", { port: 80 })).toBe("delivered delivered");
    expect(verdict(eks("others"), "a", "b", { port: 80 })).toBe("dropped");
  });
});

describe("route tables", () => {
  const world = sample("azure-route-table");

  test("are looked up by the ingress device; the cluster's routes are in the table of its subnet", () => {
    const vnet = world.netns("vnet");
    expect(printPolicyRules(vnet)).toContain("2000:\tfrom all iif eth0 lookup 100");
    expect(printRoutes(vnet, 4, "100")).toEqual([
      "default via 10.0.0.4 dev eth1",
      "10.0.0.0/24 dev eth1 proto kernel scope link src 10.0.0.1",
      "10.1.0.0/24 dev eth0 proto kernel scope link src 10.1.0.1",
      "10.244.0.0/24 via 10.1.0.11 dev eth0",
      "10.244.1.0/24 via 10.1.0.12 dev eth0",
    ]);
    expect(printRoutes(vnet, 4).join("\n")).not.toContain("10.244");
  });

  test("do not apply to packets of other segments", () => {
    expect(verdict(world, "web", "internet", { port: 443 })).toBe("delivered delivered");
    expect(verdict(world, "files", "api", { port: 80 })).toContain("unreachable");
  });

  const aws = (route: string): World =>
    sampleOf(`segment private { cidr 10.0.1.0/24; cloud aws }
segment public { cidr 10.0.0.0/24; cloud aws }
segment wan { cidr 203.0.113.0/24 }
router vpc {
  attach private 10.0.1.1
  attach public 10.0.0.1
  attach wan 203.0.113.2
  route default via 203.0.113.1
  route-table private { for private; ${route} }
}
host internet { attach wan 203.0.113.1; answers any; listen 80; route 10.0.0.0/16 via 203.0.113.2 }
host db { attach private 10.0.1.5 }
host web { attach public 10.0.0.5; listen 80 }
`);
  test("on AWS, contain the local routes and nothing else of table main", () => {
    const world = aws("route 192.168.0.0/16 blackhole");
    expect(verdict(world, "db", "198.51.100.7", { port: 80 })).toBe("dropped");
    expect(verdict(world, "db", "web", { port: 80 })).toBe("delivered delivered");
    expect(verdict(world, "web", "198.51.100.7", { port: 80 })).toBe("delivered delivered");
  });
  test("use their own default route", () => {
    expect(verdict(aws("route default via 203.0.113.1"), "db", "198.51.100.7", { port: 80 })).toBe(
      "delivered delivered",
    );
  });
});
