/** Weave Net. A bridge with a learning VXLAN port was verified against Linux 6.18 in network namespaces: sequences, TTLs, errors. */
import { describe, expect, it } from "vitest";
import { formatIp, parseIp } from "../../../server/src/addressing/ip.ts";
import { printFdb, printNetfilter, printRoutes } from "../../../server/src/dataplane/print.ts";
import { simulate } from "../../../server/src/dataplane/simulator/simulate.ts";
import { world } from "../checks/harness.ts";

function analysed(router = "", cni = "cni weave") {
  return world(`segment a { cidr 192.168.10.0/24; gateway r }
segment b { cidr 192.168.20.0/24; gateway r }
router r { attach a 192.168.10.1; attach b 192.168.20.1; ${router} }
cluster prod {
  services 10.96.0.0/12
  ${cni}
  node n1 { attach a 192.168.10.11 }
  node n2 { attach a 192.168.10.12 }
  node n3 { attach b 192.168.20.13 }
  pod web on n1
  pod db on n1
  pod far on n3
}
`);
}

function walk({ network }: ReturnType<typeof analysed>, from: string, to: string) {
  const question = { from, dst: parseIp(to) ?? 0, proto: "icmp", sport: 1, dport: 0, df: false } as const;
  const [journey] = simulate(network, question);
  if (!journey) throw new Error("no journey");
  return {
    crossings: journey.steps
      .filter(({ direction }) => direction !== null)
      .map(({ netns, device, direction, packet }) => {
        const place = `${netns.replace(/^prod\/(default\/)?/, "")}:${device.replace(/^veth.*/, "veth")}`;
        return `${place} ${direction} ${packet.ttl}`;
      }),
    end: journey.verdict === "delivered" && journey.reply?.verdict === "delivered" ? "ok" : journey.reason?.code,
    errno: journey.error?.errno,
    source: journey.receiver && formatIp(journey.receiver.src),
    mtu: journey.mtu,
  };
}

describe("a node", () => {
  const node = analysed().network.netns("prod/n2");
  if (!node) throw new Error("no n2");

  it("is on-link with all pods, and floods to all other nodes", () => {
    expect(printRoutes(node, 4)).toEqual([
      "default via 192.168.10.1 dev eth0",
      "10.32.0.0/12 dev weave proto kernel scope link src 10.32.16.0",
      "192.168.10.0/24 dev eth0 proto kernel scope link src 192.168.10.12",
    ]);
    expect(printFdb(node)).toEqual([
      "00:00:00:00:00:00 dev vxlan-6784 dst 192.168.10.11 self permanent",
      "00:00:00:00:00:00 dev vxlan-6784 dst 192.168.20.13 self permanent",
    ]);
    expect(
      [...node.devices.values()].filter(({ kind }) => kind !== "physical").map(({ name, mtu }) => `${name} ${mtu}`),
    ).toEqual(["lo 65536", "weave 1376", "vxlan-6784 1376"]);
  });

  it("masquerades packets that enter or leave the range", () => {
    expect(printNetfilter(node, 4).filter((line) => line.startsWith("-A WEAVE "))).toEqual([
      "-A WEAVE -s 10.32.0.0/12 -d 224.0.0.0/4 -j RETURN",
      "-A WEAVE ! -s 10.32.0.0/12 -d 10.32.0.0/12 -j MASQUERADE",
      "-A WEAVE -s 10.32.0.0/12 ! -d 10.32.0.0/12 -j MASQUERADE",
    ]);
  });
});

describe("a packet", () => {
  it("is bridged from pod to pod, regardless of the network between their nodes", () => {
    expect(walk(analysed(), "prod/default/web", "10.32.32.1")).toEqual({
      crossings: [
        "web:eth0 out 64",
        "n1:veth in 64",
        "n1:vxlan-6784 out 64",
        "n1:eth0 out 64",
        "r:eth0 in 64",
        "r:eth1 out 63",
        "n3:eth0 in 63",
        "n3:vxlan-6784 in 64",
        "n3:veth out 64",
        "far:eth0 in 64",
      ],
      end: "ok",
      errno: undefined,
      source: "10.32.0.2",
      mtu: 1376,
    });
  });

  it("reaches other nodes' bridges, and has the bridge's address if sent by a node", () => {
    expect(walk(analysed(), "prod/default/web", "10.32.16.0").end).toBe("ok");
    expect(walk(analysed(), "prod/n2", "10.32.32.1")).toMatchObject({ end: "ok", source: "10.32.16.0" });
  });

  it("is unreachable if ARP gets no reply, or ARP is blocked", () => {
    expect(walk(analysed(), "prod/default/web", "10.33.0.1")).toMatchObject({
      end: "neighbour-failed",
      errno: "EHOSTUNREACH",
    });
    const blocked = analysed("deny udp port 6784");
    expect(walk(blocked, "prod/default/web", "10.32.32.1")).toMatchObject({
      end: "neighbour-failed",
      errno: "EHOSTUNREACH",
      crossings: [],
    });
    expect(walk(blocked, "prod/default/web", "10.32.0.3").end).toBe("ok");
  });

  it("is lost if the range contains the other node, because the tunnel is routed into itself", () => {
    const inside = analysed("", "cni weave { range 192.168.0.0/18 }");
    expect(walk(inside, "prod/default/web", "192.168.0.129").end).toBe("neighbour-failed");
  });

  it("uses the configured range and MTU", () => {
    const other = analysed("", "cni weave { range 172.30.0.0/16; per-node /24; mtu 1400 }");
    expect(walk(other, "prod/default/web", "172.30.2.1")).toMatchObject({ end: "ok", mtu: 1400 });
  });
});
