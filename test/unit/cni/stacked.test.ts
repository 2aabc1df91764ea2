/** macvlan and ipvlan. Connectivity in macvlan's modes was verified on Linux 6.18 in network namespaces. */
import { describe, expect, it } from "vitest";
import { formatIp } from "../../../server/src/addressing/ip.ts";
import { printRoutes } from "../../../server/src/dataplane/print.ts";
import { simulate } from "../../../server/src/dataplane/simulator/simulate.ts";
import { world } from "../checks/harness.ts";

function analysed(cni: string) {
  return world(`segment lan { cidr 192.168.10.0/24 fd00:10::/64; gateway gw }
segment far { cidr 10.20.0.0/24; gateway gw }
router gw { attach lan 192.168.10.1 fd00:10::1; attach far 10.20.0.1 }
host away { attach far 10.20.0.50 }
cluster prod {
  ${cni}
  node n1 { attach lan 192.168.10.11 fd00:10::11 }
  node n2 { attach lan 192.168.10.12 fd00:10::12 }
  pod a on n1
  pod b on n1
  deployment web replicas 3
  pod c on n2
}
`);
}

const macvlan = (mode: string) => analysed(`cni macvlan { mode ${mode}; range 192.168.10.128/25 }`);

function ends({ network, topology }: ReturnType<typeof analysed>, from: string, to: string) {
  const address = (name: string) => {
    const found = topology.resolve(name);
    if (!found.ok) throw new Error(name);
    const { endpoint } = found;
    if (endpoint.kind === "pod") return { netns: endpoint.pod.path, ip: endpoint.pod.addresses[0] };
    if (endpoint.kind === "node") return { netns: endpoint.path, ip: endpoint.node.interfaces[0]?.addresses[0]?.ip };
    if (endpoint.kind === "host") return { netns: endpoint.path, ip: endpoint.host.interfaces[0]?.addresses[0]?.ip };
    throw new Error(endpoint.kind);
  };
  const dst = address(to).ip;
  if (dst === undefined) throw new Error(`${to} has no address`);
  const [journey] = simulate(network, { from: address(from).netns, dst, proto: "icmp", sport: 1, dport: 0, df: false });
  return journey?.verdict === "delivered" && journey.reply?.verdict === "delivered" ? "ok" : journey?.reason?.code;
}

describe("macvlan", () => {
  it.each([
    ["bridge", "ok"],
    ["private", "stacked-apart"],
    ["vepa", "stacked-apart"],
  ])("%s: pods of one node %s, all other machines, but not their own node", (mode, siblings) => {
    const lan = macvlan(mode);
    const ways = ["a b", "a n1", "n1 a", "a n2", "n2 a", "a c", "away a", "a away"].map((way) => {
      const [from = "", to = ""] = way.split(" ");
      return ends(lan, from, to);
    });
    expect(ways).toEqual([siblings, "stacked-apart", "stacked-apart", "ok", "ok", "ok", "ok", "ok"]);
  });

  it("passthru assigns the interface to the first pod", () => {
    const { network } = macvlan("passthru");
    const devices = (id: string) => [...(network.netns(id)?.devices.keys() ?? [])];
    expect(devices("prod/default/a")).toEqual(["lo", "eth0"]);
    expect(devices("prod/default/b")).toEqual(["lo"]);
    expect(network.netns("prod/default/a")?.devices.get("eth0")?.mac).toBe(
      network.netns("prod/n1")?.devices.get("eth0")?.mac,
    );
  });
});

describe("a range for the whole cluster", () => {
  const { topology } = analysed("cni macvlan { range 192.168.10.128/28 fd00:10::100/120; exclude 192.168.10.130 }");
  const pods = topology.clusters[0]?.pods;

  it("is allocated in order of declaration, without excluded addresses", () => {
    const given = ["a", "b", "web-0", "web-1", "web-2", "c"].map((name) =>
      pods?.podByName("default", name)?.addresses.map(formatIp).join(" "),
    );
    expect(given).toEqual([
      "192.168.10.129 fd00:10::101",
      "192.168.10.131 fd00:10::102",
      "192.168.10.132 fd00:10::103",
      "192.168.10.133 fd00:10::104",
      "192.168.10.134 fd00:10::105",
      "192.168.10.135 fd00:10::106",
    ]);
  });

  it("finds pods by address", () => {
    for (const name of ["a", "web-2", "c"]) {
      const pod = pods?.podByName("default", name);
      for (const ip of pod?.addresses ?? [])
        expect(pods?.podsByAddress(ip).map(({ path }) => path)).toEqual([pod?.path]);
    }
    const free = topology.clusters[0]?.nodes[0]?.interfaces[0]?.addresses[0]?.ip ?? 0;
    expect(pods?.podsByAddress(free)).toEqual([]);
  });
});

describe("ipvlan", () => {
  it("l2 is on the segment with the node's MAC address", () => {
    const lan = analysed("cni ipvlan { range 192.168.10.128/25 }");
    expect(
      ["a b", "a n1", "n1 a", "a c", "away a"].map((way) =>
        ends(lan, way.split(" ")[0] ?? "", way.split(" ")[1] ?? ""),
      ),
    ).toEqual(["ok", "stacked-apart", "stacked-apart", "ok", "ok"]);
  });

  it("l3 is routed by the node and reachable only through routes", () => {
    const lan = analysed("pods 10.244.0.0/16 per-node /24\n  cni ipvlan { mode l3 }");
    const pod = lan.network.netns("prod/default/a");
    expect(pod && printRoutes(pod, 4)).toEqual([
      "default via 10.244.0.1 dev eth0",
      "10.244.0.0/24 dev eth0 proto kernel scope link src 10.244.0.2",
    ]);
    expect(ends(lan, "a", "b")).toBe("ok");
    expect(ends(lan, "a", "c")).toBe("no-route");
  });
});
