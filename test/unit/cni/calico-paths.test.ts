/** Packets through the Calico samples, as captured on every device: the devices, the verdict, and the source address at the receiver. */
import { describe, expect, it } from "vitest";
import { simulate } from "../../../server/src/dataplane/simulator/simulate.ts";
import { check } from "../checks/harness.ts";
import { ip } from "./fixture.ts";
import { type Sample, sample, sampleOf, type Walk } from "./samples.ts";

/** With the same name for the devices of all pods. */
function way({ way: crossed }: Walk): string {
  return crossed.replace(/cali[0-9a-f]{11}/g, "cali");
}
function address(one: Sample, pod: string): string {
  const found = one.topology.resolve(pod);
  if (!found.ok || found.endpoint.kind !== "pod") throw new Error(`no ${pod}`);
  return one.netns(found.endpoint.path).devices.get("eth0") === undefined ? "" : text(found.endpoint.pod.addresses[0]);
}
function text(ip: number | bigint | undefined): string {
  const value = Number(ip);
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join(".");
}

describe("samples/calico-bgp", () => {
  const bgp = sample("calico-bgp");

  it("to another node: routed on both nodes, without encapsulation", () => {
    const walk = bgp.walk("prod/shop/web", address(bgp, "api"), 9090);
    expect(way(walk)).toBe("web:eth0 out, node1:cali in, node1:eth0 out, node2:eth0 in, node2:cali out, api:eth0 in");
    expect([walk.verdict, walk.source, walk.mtu]).toEqual(["delivered", "10.10.0.0", 1500]);
    expect(walk.back.replace(/cali[0-9a-f]{11}/g, "cali")).toBe(
      "delivered: api:eth0 out, node2:cali in, node2:eth0 out, node1:eth0 in, node1:cali out, web:eth0 in",
    );
  });

  it("to a pod on the same node: also routed", () => {
    const walk = bgp.walk("prod/shop/web", address(bgp, "cache"), 6379);
    expect(way(walk)).toBe("web:eth0 out, node1:cali in, node1:cali out, cache:eth0 in");
  });

  it("to an unused address of the block: to the blackhole route, not to the default route", () => {
    const walk = bgp.walk("prod/shop/web", "10.10.0.30");
    expect([way(walk), walk.verdict, walk.reason]).toEqual([
      "web:eth0 out, node1:cali in",
      "dropped",
      "blackhole-route",
    ]);
  });

  it("to another node itself: with its node's address, because nodes are outside the pools", () => {
    expect(bgp.walk("prod/shop/web", "192.168.10.12", 179).source).toBe("192.168.10.11");
    const excluded = sample("calico-bgp", (all) =>
      all.replace("node-to-node-mesh true", "nat-outgoing-exclusions ip-pools-and-host-ips"),
    );
    expect(excluded.walk("prod/shop/web", "192.168.10.12", 179).source).toBe("10.10.0.0");
  });

  it("to its own node: according to the configured action", () => {
    expect(bgp.walk("prod/shop/web", "192.168.10.11", 179).verdict).toBe("delivered");
    const dropped = sample("calico-bgp", (all) =>
      all.replace("as-number 64512", "default-endpoint-to-host-action drop"),
    );
    expect(dropped.walk("prod/shop/web", "192.168.10.11", 179)).toMatchObject({
      verdict: "dropped",
      reason: "filtered",
    });
  });
});

describe("samples/calico-ipip", () => {
  it("uses tunl0; the node itself sends from the tunnel's address", () => {
    const ipip = sample("calico-ipip");
    const walk = ipip.walk("prod/shop/web", address(ipip, "db"), 5432);
    expect(way(walk)).toBe(
      "web:eth0 out, n1:cali in, n1:tunl0 out, n1:eth0 out, core:eth0 in, core:eth1 out, n3:eth0 in, n3:tunl0 in, n3:cali out, db:eth0 in",
    );
    expect([walk.source, walk.mtu]).toEqual(["10.10.0.1", 1480]);
    expect(ipip.walk("prod/n1", address(ipip, "db"), 5432).source).toBe("10.10.0.0");
  });
});

describe("samples/calico-vxlan", () => {
  it("uses vxlan.calico, without connection tracking of the outer packets", () => {
    const vxlan = sample("calico-vxlan");
    const walk = vxlan.walk("prod/shop/web", address(vxlan, "db"), 5432);
    expect(way(walk)).toBe(
      "web:eth0 out, node1:cali in, node1:vxlan.calico out, node1:eth0 out, core:eth0 in, core:eth1 out, node3:eth0 in, node3:vxlan.calico in, node3:cali out, db:eth0 in",
    );
    expect([walk.verdict, walk.source, walk.mtu]).toEqual(["delivered", "10.10.0.1", 1430]);
  });

  it("over IPv6, with a link-local next hop", () => {
    const vxlan = sample("calico-vxlan");
    const walk = vxlan.walk("prod/shop/web", "fd00:10:10::81", 5432);
    expect(way(walk)).toContain("node1:cali in, node1:vxlan-v6.calico out, node1:eth0 out");
    expect([walk.verdict, walk.source, walk.back.startsWith("delivered")]).toEqual([
      "delivered",
      "fd00:10:10::1",
      true,
    ]);
  });
});

describe("a pod", () => {
  const lent = (policy: string) => `segment lan { cidr 192.168.10.0/24; gateway r }
router r { attach lan 192.168.10.1 }
cluster prod {
  pods 10.10.0.0/16
  cni calico { pool p { vxlan always } }
  node n1 { attach lan 192.168.10.11; ${policy} }
  node n2 { attach lan 192.168.10.12 }
  pod a on n1
  pod b on n2
}
`;
  it.each([
    ["a packet from an address of another pod", { src: ip("10.10.0.30"), proto: "tcp", dport: 80 }, "rpfilter"],
    ["a packet that looks like tunnel traffic", { proto: "udp", dport: 4789 }, "--dport 4789"],
  ] as const)("cannot send %s", (_, question, rule) => {
    const { network } = sampleOf(lent(""));
    const [journey] = simulate(network, {
      from: "prod/default/a",
      dst: ip("10.10.0.65"),
      sport: 40000,
      df: false,
      ...question,
    });
    expect([journey?.verdict, journey?.reason?.code]).toEqual(["dropped", "filtered"]);
    expect(journey?.steps.at(-1)?.rule?.text).toContain(rule);
  });

  it("on a node without a default route cannot reach anything", () => {
    const text = lent("").replace("; gateway r", "").replace("router r { attach lan 192.168.10.1 }\n", "");
    const walk = sampleOf(text).walk("prod/default/a", "10.10.0.65");
    expect([walk.way, walk.verdict, walk.reason]).toEqual(["", "unreachable", "neighbour-failed"]);
    expect(check(text).map(({ code }) => code)).toEqual(["KN238"]);
  });
});

/** Test vectors: problems that must be found, and configurations without problems. */
describe("vectors", () => {
  const cluster = (
    pods: string,
    settings: string,
    nodes: string,
    segments = "segment lan { cidr 192.168.1.0/24; gateway r }\nrouter r { attach lan 192.168.1.1 }",
  ) => `${segments}
cluster prod {
  ${pods}
  cni calico { ${settings} }
  ${nodes}
  deployment web replicas 6
}
`;
  const two = (mask1: number, mask2: number) =>
    cluster(
      "pods 10.244.0.0/16",
      "pool p { ipip cross-subnet }",
      `node n1 { attach lan 10.0.1.5/${mask1} }\n  node n2 { attach lan 10.0.2.5/${mask2} }`,
      "segment lan { cidr 10.0.0.0/16; gateway r }\nrouter r { attach lan 10.0.2.1 10.0.1.1 }",
    );
  const apart = cluster(
    "pods 10.244.0.0/16",
    "pool p { ipip cross-subnet }",
    "node n1 { attach a 10.0.1.5 }\n  node n2 { attach b 10.0.2.5 }",
    "segment a { cidr 10.0.1.0/24; gateway r }\nsegment b { cidr 10.0.2.0/24; gateway r }\nrouter r { attach a 10.0.1.1; attach b 10.0.2.1 }",
  );
  const found = (file: string) => check(file).map(({ code, finding }) => `${code} ${finding.severity}`);

  it("1: a pool that contains the nodes", () => {
    expect(found(cluster("pods 192.168.0.0/16", "", "nodes w 1..3 { attach lan }"))).toEqual(["KN102 error"]);
  });
  it("2: four blocks for five nodes", () => {
    const five = (strict: boolean) =>
      cluster("pods 10.244.0.0/24", `strict-affinity ${strict}`, "nodes w 1..5 { attach lan }");
    expect(found(five(false))).toEqual(["KN422 warning"]);
    expect(found(five(true))).toEqual(["KN423 error"]);
  });
  it("3: cross-subnet between two prefixes uses the tunnel in both directions", () => {
    expect(found(apart)).toEqual([]);
    const one = sampleOf(apart);
    expect(one.walk("prod/default/web-0", address(one, "web-1")).way).toContain("n1:tunl0 out");
    expect(one.walk("prod/default/web-1", address(one, "web-0")).way).toContain("n2:tunl0 out");
    expect(one.netns("prod/default/web-0").devices.get("eth0")?.mtu).toBe(1480);
  });
  it("4: different masks on one link are asymmetric", () => {
    expect(found(two(16, 24))).toEqual(["KN236 warning"]);
    const one = sampleOf(two(16, 24));
    expect(one.walk("prod/default/web-0", address(one, "web-1")).way).not.toContain("tunl0");
    expect(one.walk("prod/default/web-1", address(one, "web-0")).way).toContain("n2:tunl0 out");
    expect(found(two(16, 16))).toEqual([]);
  });
  // 5 (MTU) is in calico.test.ts, 6 (route reflectors) in bgp.test.ts.
  it("7: a mesh of 150 nodes has 11,175 sessions", () => {
    const [mesh, ...others] = check(cluster("pods 10.244.0.0/16", "", "nodes w 1..150 { attach lan }"));
    expect([mesh?.code, others]).toEqual(["KN421", []]);
    expect(mesh?.finding.message).toContain("11,175 sessions between 150 nodes");
  });
});
