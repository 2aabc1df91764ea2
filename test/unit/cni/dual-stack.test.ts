import { describe, expect, it } from "vitest";
import { formatIp } from "../../../server/src/addressing/ip.ts";
import { buildNetwork } from "../../../server/src/cni/network.ts";
import { printAddresses, printNeighbours, printRoutes } from "../../../server/src/dataplane/print.ts";
import { simulate } from "../../../server/src/dataplane/simulator/simulate.ts";
import { world } from "../checks/harness.ts";
import { cni, golden, ip, type Plan, route } from "./fixture.ts";

const hostGw = cni("flannel", { backend: "host-gw" });

function walk(change: Partial<Plan>, from: string, to: string, size = 80, settings = hostGw) {
  const network = buildNetwork(golden(settings, { dual: true, ...change }));
  const [journey] = simulate(network, { from, dst: ip(to), proto: "tcp", sport: 40000, dport: 8080, size, df: false });
  if (!journey) throw new Error("no journey");
  const { verdict, reason, error, receiver, steps } = journey;
  return {
    verdict,
    reason: reason?.code,
    error: error && { ...error, ...("from" in error ? { from: formatIp(error.from) } : {}) },
    source: receiver && formatIp(receiver.src),
    fragmented: steps.some(({ action }) => action === "fragment"),
  };
}

/** Routes of the golden topology's router to addresses that no machine in the file has. */
function routerWith(...routes: ReturnType<typeof route>[]): Partial<Plan> {
  return {
    routers: {
      r: {
        attach: [
          ["a", ["192.168.10.1/24", "fd00:10::1/64"]],
          ["b", ["192.168.20.1/24", "fd00:20::1/64"]],
        ],
        routes,
      },
    },
  };
}

describe("IPv6 (verified against Linux 6.18 in network namespaces)", () => {
  it("is routed via the nodes' own addresses and keeps its source", () => {
    expect(walk({}, "prod/default/web", "fd00:244:0:2::2")).toMatchObject({
      verdict: "delivered",
      source: "fd00:244:0:1::2",
    });
  });

  it.each([
    ["unreachable", "net-unreachable", "ENETUNREACH"],
    ["prohibit", "admin-prohibited", "EACCES"],
  ] as const)("a route of type %s results in %s", (type, error, errno) => {
    const change = routerWith(route("fd00:77::/64", [], { type }));
    expect(walk(change, "prod/default/web", "fd00:77::1").error).toEqual({
      kind: "icmp",
      error,
      errno,
      from: "fd00:10::1",
      mtu: undefined,
    });
  });

  it("is never fragmented along the path, and not by a tunnel", () => {
    const vxlan = cni("flannel", { backend: ["vxlan", { mtu: 1500 }] });
    expect(walk({}, "prod/default/web", "fd00:244:0:3::2", 1440, vxlan)).toMatchObject({
      verdict: "dropped",
      reason: "too-big",
      fragmented: false,
      error: { kind: "icmp", error: "packet-too-big", mtu: 1430, from: "fd00:244:0:1::1" },
    });
  });

  it("is fragmented by its sender, unless the sender forbids it", () => {
    const network = buildNetwork(golden(hostGw, { dual: true }));
    const [journey] = simulate(network, {
      from: "prod/default/web",
      dst: ip("fd00:244:0:3::2"),
      proto: "icmp",
      sport: 1,
      dport: 0,
      size: 3000,
      df: false,
      src: undefined,
    });
    const fragments = journey?.steps.filter(({ action }) => action === "fragment");
    // The node's bridge reassembles it for ip6tables, and the node can fragment it again (test/kernel/fixtures/fragments-through-bridge.knet).
    expect(fragments?.map(({ netns }) => netns)).toEqual(["prod/default/web", "prod/node1"]);
  });

  it("has no neighbor entries if a firewall drops ICMPv6", () => {
    const { network } = world(`segment lan { cidr fd00:10::/64 192.168.10.0/24 }
host a { attach lan fd00:10::1 192.168.10.1 }
host b { attach lan fd00:10::2 192.168.10.2; listen 80/tcp; deny icmp in }
`);
    const end = (from: string, to: string) => {
      const question = { from, dst: ip(to), proto: "tcp", sport: 40000, dport: 80, df: false } as const;
      const [journey] = simulate(network, question);
      return [journey?.verdict, journey?.reason?.code, journey?.error?.kind === "local" && journey.error.errno];
    };
    expect(end("a", "fd00:10::2")).toEqual(["unreachable", "neighbour-failed", "EHOSTUNREACH"]);
    // Its neighbor solicitations are sent; the advertisements are dropped on input.
    expect(end("b", "fd00:10::1")[1]).toBe("neighbour-failed");
    expect(end("a", "192.168.10.2")[0]).toBe("delivered");
  });

  it("does not exist on devices with an MTU below 1280 bytes", () => {
    const network = buildNetwork(golden(hostGw, { dual: true, mtu: 1279 }));
    const node = network.netns("prod/node1");
    if (!node) throw new Error("no node1");
    expect(printAddresses(node)[1]).toMatch(/^eth0 +UP +192\.168\.10\.11\/24$/);
    expect(printRoutes(node, 6)).toEqual([]);
    const six = buildNetwork(golden(hostGw, { dual: true, mtu: 1280 })).netns("prod/node1");
    expect(six && printRoutes(six, 6)).toContain("default via fd00:10::1 dev eth0 metric 1024 pref medium");
  });

  it("has no neighbor entries on a tunnel device with a smaller MTU", () => {
    const text = (mtu: number): string => `segment s { cidr 192.168.0.0/24; cidr fd00::/64; mtu ${mtu} }
cluster c {
  pods 10.244.0.0/16 per-node /24
  pods fd00:244::/48 per-node /64
  cni flannel { backend vxlan }
  node n1 { attach s 192.168.0.11 fd00::11 }
  node n2 { attach s 192.168.0.12 fd00::12 }
}
`;
    const entries = (mtu: number): readonly string[] => {
      const node = world(text(mtu)).network.netns("c/n1");
      return node ? printNeighbours(node).map((line) => line.split(" ").slice(0, 3).join(" ")) : [];
    };
    expect(entries(1280)).toEqual(["10.244.1.0 dev flannel.1"]);
    // VXLAN over IPv6 adds 70 bytes.
    expect(entries(1350)).toEqual(["10.244.1.0 dev flannel.1", "fd00:244:0:1:: dev flannel-v6.1"]);
  });

  it("is routed via a link-local gateway", () => {
    const plain = buildNetwork(golden(hostGw, { dual: true }));
    const gateway = plain.netns("r")?.devices.get("eth0")?.addresses.at(-1)?.ip ?? 0n;
    const topology = golden(hostGw, {
      dual: true,
      hosts: {
        h: {
          attach: [["a", ["fd00:10::50/64"]]],
          routes: [route("fd00:20::/64", [formatIp(gateway)], { dev: "eth0" })],
        },
      },
    });
    const [journey] = simulate(buildNetwork(topology), {
      from: "h",
      dst: ip("fd00:20::13"),
      proto: "icmp",
      sport: 1,
      dport: 0,
      df: false,
    });
    expect(journey?.steps.map(({ netns, device, direction }) => `${netns} ${device} ${direction}`)).toContain(
      "r eth0 in",
    );
    expect(journey?.verdict).toBe("delivered");
  });
});
