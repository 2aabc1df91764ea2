/** kubenet, kindnet, and Docker with routes: only routes between the nodes. */
import { describe, expect, it } from "vitest";
import { networkProblems } from "../../../server/src/cni/network.ts";
import { printAddresses, printNetfilter, printRoutes } from "../../../server/src/dataplane/print.ts";
import { sample } from "./samples.ts";

describe("kubenet", () => {
  const { netns, walk } = sample("kubenet");

  it("gives a node its bridge and no route to other nodes", () => {
    expect(printRoutes(netns("prod/n1"), 4)).toEqual([
      "default via 10.240.0.1 dev eth0",
      "10.240.0.0/24 dev eth0 proto kernel scope link src 10.240.0.4",
      "10.244.0.0/24 dev cbr0 proto kernel scope link src 10.244.0.1",
    ]);
    expect(netns("prod/n1").devices.get("cbr0")).toMatchObject({ kind: "bridge", mtu: 1500 });
  });

  it("adds a route for each node to the routers of the nodes' segments, and to no other router", () => {
    expect(printRoutes(netns("vpc"), 4).filter((line) => line.startsWith("10.244."))).toEqual([
      "10.244.0.0/24 via 10.240.0.4 dev eth0",
      "10.244.1.0/24 via 10.240.0.5 dev eth0",
      "10.244.2.0/24 via 10.240.1.4 dev eth1",
    ]);
    expect(printRoutes(netns("edge"), 4).filter((line) => line.includes("10.244."))).toEqual([]);
    const off = sample("kubenet", (text) => text.replace("cloud-routes true", "cloud-routes false"));
    expect(printRoutes(off.netns("vpc"), 4).filter((line) => line.includes("10.244."))).toEqual([]);
  });

  it("masquerades with one rule (ensureMasqRule)", () => {
    expect(printNetfilter(netns("prod/n1"), 4).filter((line) => line.startsWith("-A"))).toEqual([
      '-A POSTROUTING ! -d 10.0.0.0/8 -m addrtype ! --dst-type LOCAL -m comment --comment "kubenet: SNAT for outbound traffic from cluster" -j MASQUERADE',
    ]);
    const none = sample("kubenet", (text) => text.replace("non-masquerade 10.0.0.0/8", "non-masquerade 0.0.0.0/0"));
    expect(printNetfilter(none.netns("prod/n1"), 4)).toEqual([]);
  });

  it.each([
    ["the same node", "10.244.0.3", 6379, "web:eth0 out, n1:veth in, n1:veth out, cache:eth0 in", "10.244.0.2"],
    [
      "another node on the subnet",
      "10.244.1.2",
      9090,
      "web:eth0 out, n1:veth in, n1:cbr0 in, n1:eth0 out, vpc:eth0 in, vpc:eth0 out, n2:eth0 in, n2:cbr0 out, n2:veth out, api:eth0 in",
      "10.244.0.2",
    ],
    [
      "another subnet",
      "10.244.2.2",
      5432,
      "web:eth0 out, n1:veth in, n1:cbr0 in, n1:eth0 out, vpc:eth0 in, vpc:eth1 out, n3:eth0 in, n3:cbr0 out, n3:veth out, db:eth0 in",
      "10.244.0.2",
    ],
    [
      "the Internet",
      "203.0.113.10",
      443,
      "web:eth0 out, n1:veth in, n1:cbr0 in, n1:eth0 out, vpc:eth0 in, vpc:eth2 out, edge:eth0 in, edge:eth1 out, archive:eth0 in",
      "10.240.0.4",
    ],
  ])("reaches %s", (_, to, port, way, source) => {
    const walked = walk("prod/shop/web", to, port);
    expect(walked).toMatchObject({ way, source, verdict: "delivered", mtu: 1500 });
    expect(walked.back).toMatch(/^delivered: /);
  });

  it("requires the source check to be disabled", () => {
    const on = sample("kubenet", (text) => text.replace("10.240.0.5 { source-check false }", "10.240.0.5"));
    expect(on.walk("prod/shop/web", "10.244.1.2", 9090)).toMatchObject({ verdict: "dropped", reason: "source-check" });
    expect(on.walk("prod/shop/api", "10.244.0.2")).toMatchObject({ verdict: "dropped", reason: "source-check" });
    expect(on.walk("prod/n2", "10.240.0.4", 22)).toMatchObject({ reason: "closed-port" });
  });

  it("uses the smallest MTU of the node (findMinMTU)", () => {
    const small = sample("kubenet", (text) => text.replace("cidr 10.240.1.0/24", "cidr 10.240.1.0/24; mtu 1400"));
    expect(small.netns("prod/n3").devices.get("cbr0")?.mtu).toBe(1400);
    expect(small.netns("prod/shop/db").devices.get("eth0")?.mtu).toBe(1400);
  });
});

describe("kindnet", () => {
  const { netns, walk } = sample("kindnet");

  it("creates the objects of the ptp plugin", () => {
    const { network } = sample("kindnet");
    const veth = [...netns("kind/worker").devices.keys()].filter((name) => name.startsWith("veth"));
    expect(printRoutes(netns("kind/default/web"), 4)).toEqual([
      "default via 10.244.1.1 dev eth0",
      "10.244.1.0/24 via 10.244.1.1 dev eth0 src 10.244.1.2",
      "10.244.1.1 dev eth0 scope link src 10.244.1.2",
    ]);
    expect(printRoutes(netns("kind/default/web"), 6).filter((line) => !line.startsWith("fe80"))).toEqual([
      "fd00:10:244:1::1 dev eth0 src fd00:10:244:1::2 metric 1024 pref medium",
      "fd00:10:244:1::/64 via fd00:10:244:1::1 dev eth0 src fd00:10:244:1::2 metric 1024 pref medium",
      "default via fd00:10:244:1::1 dev eth0 metric 1024 pref medium",
    ]);
    expect(printRoutes(netns("kind/worker"), 4)).toEqual([
      "default via 172.18.0.1 dev eth0",
      "10.244.0.0/24 via 172.18.0.2 dev eth0",
      `10.244.1.2 dev ${veth[0]} scope host`,
      `10.244.1.3 dev ${veth[1]} scope host`,
      "10.244.2.0/24 via 172.18.0.4 dev eth0",
      "172.18.0.0/16 dev eth0 proto kernel scope link src 172.18.0.3",
    ]);
    expect(printAddresses(netns("kind/worker"), network).filter((line) => line.includes("10.244.1.1/32"))).toHaveLength(
      2,
    );
  });

  it("masquerades packets that leave the pod CIDRs of both families", () => {
    const rules = (family: 4 | 6) =>
      printNetfilter(netns("kind/worker"), family).filter((line) => line.startsWith("-A"));
    expect(rules(4)).toEqual([
      '-A POSTROUTING -m addrtype ! --dst-type LOCAL -m comment --comment "kind-masq-agent: ensure nat POSTROUTING directs all non-LOCAL destination traffic to our custom KIND-MASQ-AGENT chain" -j KIND-MASQ-AGENT',
      '-A KIND-MASQ-AGENT -d 10.244.0.0/16 -m comment --comment "kind-masq-agent: local traffic is not subject to MASQUERADE" -j RETURN',
      '-A KIND-MASQ-AGENT -m comment --comment "ip-masq-agent: outbound traffic is subject to MASQUERADE (must be last in chain)" -j MASQUERADE',
    ]);
    expect(rules(6)[1]).toContain("-d fd00:10:244::/56");
  });

  it.each([
    ["the same node", "10.244.1.3", 6379, "web:eth0 out, worker:veth in, worker:veth out, cache:eth0 in", "10.244.1.2"],
    [
      "another node",
      "10.244.2.2",
      9090,
      "web:eth0 out, worker:veth in, worker:eth0 out, worker2:eth0 in, worker2:veth out, api:eth0 in",
      "10.244.1.2",
    ],
    [
      "another node over IPv6",
      "fd00:10:244:2::2",
      9090,
      "web:eth0 out, worker:veth in, worker:eth0 out, worker2:eth0 in, worker2:veth out, api:eth0 in",
      "fd00:10:244:1::2",
    ],
    [
      "the Internet",
      "203.0.113.10",
      443,
      "web:eth0 out, worker:veth in, worker:eth0 out, docker-host:eth0 in, docker-host:eth1 out, edge:eth0 in, edge:eth1 out, archive:eth0 in",
      "172.18.0.3",
    ],
  ])("reaches %s", (_, to, port, way, source) => {
    const walked = walk("kind/default/web", to, port);
    expect(walked).toMatchObject({ way, source, verdict: "delivered", mtu: 1500 });
    expect(walked.back).toMatch(/^delivered: /);
  });

  it("sends the node's own packets from the pods' gateway address", () => {
    expect(walk("kind/worker", "10.244.1.2").source).toBe("10.244.1.1");
    expect(walk("kind/worker", "10.244.2.2", 9090).source).toBe("172.18.0.3");
  });

  it("requires all nodes on one link", () => {
    const { topology } = sample("broken/kindnet-two-networks");
    expect(networkProblems(topology)).toMatchObject([{ code: "KN220", data: { backend: "kindnet", pairs: 2 } }]);
  });
});

describe("Docker with routes on the router", () => {
  const { netns, walk } = sample("docker-routed");

  it("has the article's two routes, and a different bridge range on each host", () => {
    expect(printRoutes(netns("core"), 4).filter((line) => line.startsWith("172."))).toEqual([
      "172.17.0.0/24 via 10.100.0.2 dev eth0",
      "172.17.1.0/24 via 10.100.0.3 dev eth0",
    ]);
    expect(printRoutes(netns("hosts/host2"), 4)).toContain(
      "172.17.1.0/24 dev docker0 proto kernel scope link src 172.17.1.1",
    );
  });

  it("carries a container's packet through the router to the other bridge, unchanged", () => {
    expect(walk("hosts/default/c1", "172.17.1.2")).toEqual({
      way: "c1:eth0 out, host1:veth in, host1:docker0 in, host1:eth0 out, core:eth0 in, core:eth0 out, host2:eth0 in, host2:docker0 out, host2:veth out, c3:eth0 in",
      back: "delivered: c3:eth0 out, host2:veth in, host2:docker0 in, host2:eth0 out, core:eth0 in, core:eth0 out, host1:eth0 in, host1:docker0 out, host1:veth out, c1:eth0 in",
      verdict: "delivered",
      reason: undefined,
      source: "172.17.0.2",
      mtu: 1500,
    });
  });

  it("fails if Docker's forward policy is kept", () => {
    expect(sample("broken/docker-routed-policy").walk("hosts/default/c1", "172.17.1.2")).toMatchObject({
      verdict: "dropped",
      reason: "filtered",
    });
  });
});
