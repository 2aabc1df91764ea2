import { describe, expect, it } from "vitest";
import { formatIp } from "../../../server/src/addressing/ip.ts";
import { buildNetwork } from "../../../server/src/cni/network.ts";
import { simulate } from "../../../server/src/dataplane/simulator/simulate.ts";
import type { CniSettings } from "../../../server/src/topology/model.ts";
import { type Block, cni, golden, ip } from "./fixture.ts";

function flannel(backend: string, block: Block = {}, more: Block = {}): CniSettings {
  return cni("flannel", { backend: [backend, block], ...more });
}

/** The output of `tcpdump -i any` in each network namespace, the verdict, and the source address at the receiver. */
function walk(settings: CniSettings, from: string, to: string, port = 8080) {
  const network = buildNetwork(golden(settings));
  const [journey] = simulate(network, {
    from,
    dst: ip(to),
    proto: "tcp",
    sport: 40000,
    dport: port,
    size: 60,
    df: true,
  });
  if (!journey) throw new Error("no journey");
  const crossings = journey.steps
    .filter((step) => step.direction !== null)
    .map(
      (step) =>
        `${step.netns.replace(/^prod\/(default\/)?/, "")}:${step.device.replace(/^veth.*/, "veth")} ${step.direction}`,
    );
  const source = journey.receiver ? formatIp(journey.receiver.src) : undefined;
  return {
    crossings,
    verdict: journey.verdict,
    reason: journey.reason?.code,
    answered: journey.reply?.verdict === "delivered",
    source,
    mtu: journey.mtu,
  };
}

describe("a packet to a pod", () => {
  const bridged = ["web:eth0 out", "node1:veth in", "node1:cni0 in"];
  const arrives = ["node2:cni0 out", "node2:veth out", "api:eth0 in"];

  it("on the same node stays on the bridge", () => {
    expect(walk(flannel("vxlan"), "prod/default/web", "10.244.1.3")).toMatchObject({
      crossings: ["web:eth0 out", "node1:veth in", "node1:veth out", "db:eth0 in"],
      verdict: "delivered",
      answered: true,
      source: "10.244.1.2",
    });
  });

  it.each([
    ["vxlan", {}, ["node1:flannel.1 out", "node1:eth0 out", "node2:eth0 in", "node2:flannel.1 in"], 1450],
    ["vxlan", { "direct-routing": true }, ["node1:eth0 out", "node2:eth0 in"], 1450],
    ["host-gw", {}, ["node1:eth0 out", "node2:eth0 in"], 1500],
    ["udp", {}, ["node1:flannel0 out", "node1:eth0 out", "node2:eth0 in", "node2:flannel0 in"], 1472],
    ["wireguard", {}, ["node1:flannel-wg out", "node1:eth0 out", "node2:eth0 in", "node2:flannel-wg in"], 1420],
    ["ipsec", { psk: "k".repeat(96) }, ["node1:eth0 out", "node2:eth0 in", "node2:eth0 in"], 1423],
    ["ipip", {}, ["node1:flannel.ipip out", "node1:eth0 out", "node2:eth0 in", "node2:flannel.ipip in"], 1480],
  ] as const)("on an on-link node with %s %j", (backend, block, middle, mtu) => {
    expect(walk(flannel(backend, block), "prod/default/web", "10.244.2.2")).toEqual({
      crossings: [...bridged, ...middle, ...arrives],
      verdict: "delivered",
      reason: undefined,
      answered: true,
      source: "10.244.1.2",
      mtu,
    });
  });

  it.each([
    ["vxlan", "delivered"],
    ["ipip", "delivered"],
    ["udp", "delivered"],
    ["host-gw", "unreachable"],
  ])("across the router with %s is %s", (backend, verdict) => {
    const { crossings, ...end } = walk(flannel(backend), "prod/default/web", "10.244.3.2");
    expect(end).toMatchObject({ verdict, answered: verdict === "delivered" });
    expect(crossings).toContain("r:eth0 in");
  });

  it("has the node's address as source if the plugin masquerades", () => {
    expect(walk(flannel("vxlan", {}, { "ip-masq": false }), "prod/default/web", "10.244.2.2")).toMatchObject({
      verdict: "delivered",
      answered: true,
      source: "10.244.1.0",
    });
  });

  it("has the address of the tunnel or the bridge as source if the node itself sends", () => {
    expect(walk(flannel("vxlan"), "prod/node1", "10.244.2.2").source).toBe("10.244.1.0");
    expect(walk(flannel("host-gw"), "prod/node1", "10.244.2.2").source).toBe("192.168.10.11");
    expect(walk(flannel("vxlan"), "prod/node1", "10.244.1.2").source).toBe("10.244.1.1");
  });

  it("follows the default route if no node has the address, but not with udp", () => {
    expect(walk(flannel("vxlan"), "prod/default/web", "10.244.9.9").crossings).toContain("r:eth0 in");
    expect(walk(flannel("udp"), "prod/default/web", "10.244.9.9").crossings).not.toContain("r:eth0 in");
  });
});
