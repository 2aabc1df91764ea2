/** flannel's wireguard and ipsec backends. IPsec without an association was verified on Linux 6.18 in network namespaces. */
import { describe, expect, it } from "vitest";
import { formatIp } from "../../../server/src/addressing/ip.ts";
import { buildNetwork, networkProblems } from "../../../server/src/cni/network.ts";
import type { Network } from "../../../server/src/dataplane/model.ts";
import {
  printWireguard,
  printXfrmPolicies,
  printXfrmStates,
  routesReport,
} from "../../../server/src/dataplane/print.ts";
import { simulate } from "../../../server/src/dataplane/simulator/simulate.ts";
import type { AclRule, Topology } from "../../../server/src/topology/model.ts";
import { type Block, cni, golden, ip, type Plan, source } from "./fixture.ts";

const KEY = "k".repeat(96);
const flannel = (backend: string, block: Block = {}) => cni("flannel", { backend: [backend, block] });
const wireguard = flannel("wireguard");
const ipsec = flannel("ipsec", { psk: KEY });

function nodeOf(network: Network, id = "prod/node1") {
  const node = network.netns(id);
  if (!node) throw new Error(`no ${id}`);
  return node;
}

function walk(topology: Topology, from: string, to: string, more: { proto?: "tcp" | "icmp"; size?: number } = {}) {
  const { proto = "tcp", size } = more;
  const question = { from, dst: ip(to), proto, sport: 40000, dport: 8080, size, df: true } as const;
  const [journey] = simulate(buildNetwork(topology), question);
  if (!journey) throw new Error("no journey");
  const { verdict, reason, error, receiver, reply, mtu, steps } = journey;
  return {
    verdict,
    reason: reason?.code,
    message: reason?.message,
    errno: error?.errno,
    icmp: error?.kind === "icmp" ? error.error : undefined,
    source: receiver && formatIp(receiver.src),
    answered: reply?.verdict === "delivered",
    mtu,
    /** The first packet on the segment. */
    outer: steps.find(({ device, direction }) => device === "eth0" && direction === "in")?.packet,
    devices: steps
      .filter(({ netns }) => netns === "prod/node2")
      .map(({ device, direction }) => `${device} ${direction}`),
  };
}

function denying(node: "node1" | "node2", rule: Partial<AclRule>): Partial<Plan> {
  const plan = golden(wireguard).clusters[0]?.nodes ?? [];
  const deny: AclRule = {
    action: "deny",
    direction: "in",
    proto: "udp",
    ports: [],
    from: [],
    to: [],
    source: source("deny"),
    ...rule,
  };
  return {
    nodes: plan.map(({ name, interfaces, podCidrs }, i) => ({
      name,
      attach: interfaces.map(
        (one) => [one.segment, one.addresses.map((own) => `${formatIp(own.ip)}/${own.len}`)] as const,
      ),
      podCidrs: podCidrs.map(({ prefix }) => `${formatIp(prefix.ip)}/${prefix.len}`),
      pods: [["web", "db"], ["api"], ["far"]][i] ?? [],
      ...(name === node ? { acl: [deny] } : {}),
    })),
  };
}

describe("wireguard", () => {
  it("has a peer for each other node, with that node's lease as allowed IPs", () => {
    const lines = printWireguard(nodeOf(buildNetwork(golden(flannel("wireguard", { "persistent-keepalive": 25 })))));
    expect(lines[0]).toBe("interface: flannel-wg");
    expect(lines[1]).toMatch(/^ {2}public key: [A-Za-z0-9+/]{43}=$/);
    expect(lines.slice(5, 9)).toEqual([
      expect.stringMatching(/^peer: [A-Za-z0-9+/]{43}=$/),
      "  endpoint: 192.168.10.12:51820",
      "  allowed ips: 10.244.2.0/24",
      "  persistent keepalive: every 25 seconds",
    ]);
    expect(lines.filter((line) => line.startsWith("peer: "))).toHaveLength(2);
  });

  it("has one device per family, or one for both", () => {
    const dual = (block: Block) => nodeOf(buildNetwork(golden(flannel("wireguard", block), { dual: true })));
    const devices = (block: Block) =>
      [...dual(block).devices.values()].flatMap((one) =>
        one.kind === "wireguard"
          ? [[one.name, one.port, [...one.peers.entries()].map(({ endpoint }) => formatIp(endpoint.ip))]]
          : [],
      );
    expect(devices({})).toEqual([
      ["flannel-wg", 51820, ["192.168.10.12", "192.168.20.13"]],
      ["flannel-wg-v6", 51821, ["fd00:10::12", "fd00:20::13"]],
    ]);
    expect(devices({ mode: "ipv6" })).toEqual([["flannel-wg", 51820, ["fd00:10::12", "fd00:20::13"]]]);
    // All addresses are private here, so IPv4 is used.
    expect(devices({ mode: "auto" })).toEqual([["flannel-wg", 51820, ["192.168.10.12", "192.168.20.13"]]]);
    // IPv6 pods over IPv4 nodes.
    const over = golden(flannel("wireguard", { mode: "ipv4" }), { dual: true });
    expect(walk(over, "prod/default/web", "fd00:244:0:2::2").outer).toMatchObject({ length: 80 + 60 });
  });

  it("pads packets to multiples of 16 bytes", () => {
    const { outer, ...end } = walk(golden(wireguard), "prod/default/web", "10.244.2.2");
    expect(outer).toMatchObject({ length: 64 + 60, df: false, body: { kind: "udp", sport: 51820, dport: 51820 } });
    expect(end).toMatchObject({ verdict: "delivered", answered: true, source: "10.244.1.2", mtu: 1420 });
    // Padding never exceeds the device's MTU.
    expect(walk(golden(wireguard), "prod/default/web", "10.244.2.2", { size: 1418 }).outer?.length).toBe(1480);
  });

  it("rejects packets without a matching peer: ICMP for a pod, ENOKEY for a local socket", () => {
    const topology = golden(wireguard);
    expect(walk(topology, "prod/default/web", "10.244.9.9")).toMatchObject({
      verdict: "unreachable",
      reason: "no-tunnel-peer",
      icmp: "host-unreachable",
      errno: "EHOSTUNREACH",
    });
    expect(walk(topology, "prod/node1", "10.244.9.9", { proto: "icmp" }).errno).toBe("ENOKEY");
    expect(walk(topology, "prod/node1", "10.244.9.9").errno).toBe("EHOSTUNREACH");
  });

  it("receives replies through an access list if the handshake starts inside", () => {
    const topology = golden(wireguard, denying("node1", { ports: [{ first: 51820, last: 51820 }] }));
    // Both peers use port 51820, so packets from the peer are replies of the connection that node1 has started.
    expect(walk(topology, "prod/default/web", "10.244.2.2")).toMatchObject({ verdict: "delivered" });
    expect(walk(topology, "prod/default/api", "10.244.1.2")).toMatchObject({ verdict: "dropped", reason: "filtered" });
    expect(walk(topology, "prod/default/api", "10.244.3.2")).toMatchObject({ verdict: "delivered", answered: true });
  });

  it("accepts from a peer only its allowed IPs", () => {
    const network = buildNetwork(golden(wireguard));
    const forged = { from: "prod/node1", src: ip("192.168.10.11"), dst: ip("10.244.2.2"), df: false } as const;
    const [journey] = simulate(network, { ...forged, proto: "tcp", sport: 40000, dport: 8080 });
    // Masqueraded by flannel's rule 6 on output, to the device's address, which is allowed.
    expect(journey?.receiver && formatIp(journey.receiver.src)).toBe("10.244.1.0");
    const bare = buildNetwork(golden(cni("flannel", { backend: ["wireguard", {}], "ip-masq": false })));
    const [dropped] = simulate(bare, { ...forged, proto: "tcp", sport: 40000, dport: 8080 });
    expect(dropped?.reason).toMatchObject({ code: "source-not-allowed", netns: "prod/node2" });
  });
});

describe("ipsec", () => {
  it("has policies and associations, no device and no route", () => {
    const node = nodeOf(buildNetwork(golden(ipsec)));
    expect([...node.devices.keys()].filter((name) => !name.startsWith("veth"))).toEqual(["lo", "eth0", "cni0"]);
    expect(printXfrmPolicies(node).slice(0, 4)).toEqual([
      "src 10.244.1.0/24 dst 10.244.2.0/24",
      "\tdir out priority 0",
      "\ttmpl src 192.168.10.11 dst 192.168.10.12",
      "\t\tproto esp reqid 11 mode tunnel",
    ]);
    expect(printXfrmPolicies(node).filter((line) => line.includes("dir"))).toHaveLength(6);
    expect(printXfrmStates(node)[0]).toBe("src 192.168.10.11 dst 192.168.10.12");
    const { xfrm } = routesReport(node, () => undefined);
    expect(xfrm?.policies[0]?.tmpl).toEqual({
      src: "192.168.10.11",
      dst: "192.168.10.12",
      proto: "esp",
      mode: "tunnel",
    });
  });

  it("encapsulates on output, and the inner packet is received on the same device again", () => {
    const { outer, devices, ...end } = walk(golden(ipsec), "prod/default/web", "10.244.2.2");
    // 20 + 8 + IV 8 + (60 + 2 → 64) + ICV 16; DF as inside.
    expect(outer).toMatchObject({ length: 116, df: true, body: { kind: "esp" } });
    expect(devices.filter((one) => one === "eth0 in")).toHaveLength(2);
    expect(end).toMatchObject({ verdict: "delivered", answered: true, source: "10.244.1.2", mtu: 1423 });
  });

  it("adds the overhead of the proposal's algorithms", () => {
    const length = (block: Block) =>
      walk(golden(flannel("ipsec", { psk: KEY, ...block })), "prod/default/web", "10.244.2.2").outer?.length;
    expect(length({ "udp-encap": true })).toBe(124);
    // IV 16, blocks of 16, ICV 12.
    expect(length({ "esp-proposal": "aes256-sha1" })).toBe(20 + 8 + 16 + 64 + 12);
  });

  it("has no policy for packets from the nodes themselves", () => {
    expect(walk(golden(ipsec), "prod/node1", "10.244.2.2")).toMatchObject({
      verdict: "unreachable",
      reason: "no-route",
    });
    expect(walk(golden(ipsec), "prod/node1", "10.244.1.2")).toMatchObject({ verdict: "delivered" });
  });

  it("drops silently if the keys cannot be negotiated", () => {
    const topology = golden(ipsec, denying("node2", { ports: [{ first: 500, last: 500 }] }));
    expect(walk(topology, "prod/default/web", "10.244.2.2")).toMatchObject({
      verdict: "dropped",
      reason: "no-session",
      errno: undefined,
    });
    // ESP in UDP also needs port 4500.
    const nat = golden(
      flannel("ipsec", { psk: KEY, "udp-encap": true }),
      denying("node2", { ports: [{ first: 4500, last: 4500 }] }),
    );
    expect(walk(nat, "prod/default/web", "10.244.2.2").reason).toBe("no-session");
  });

  it("accepts no unencrypted packet if a policy requires encryption", () => {
    const network = buildNetwork(golden(ipsec));
    const spoofed = {
      from: "r",
      src: ip("10.244.1.2"),
      dst: ip("10.244.2.2"),
      proto: "tcp",
      sport: 1,
      dport: 8080,
    } as const;
    const router = nodeOf(network, "r");
    const table = router.tables.get("main");
    if (!table) throw new Error("no table");
    const [journey] = simulate(
      {
        ...network,
        netns: (id) =>
          id === "r"
            ? { ...router, tables: new Map([["main", { layers: [...table.layers, toNode2(network)] }]]) }
            : network.netns(id),
      },
      { ...spoofed, df: false },
    );
    expect(journey?.reason).toMatchObject({ code: "policy-mismatch", netns: "prod/node2" });
  });
});

/** A static route on the router to node2's pods. */
function toNode2(network: Network) {
  const far = network.netns("prod/node1")?.tables.get("main")?.layers[0];
  if (!far) throw new Error("no layer");
  const [entry] = [...far.table.entries()].filter(([dst]) => dst.len === 0);
  if (!entry) throw new Error("no default route");
  const [, route] = entry;
  const nexthops = [{ via: ip("192.168.10.12"), dev: "eth0" }];
  return {
    table: {
      ...far.table,
      matches: () => [
        {
          prefix: { ip: ip("10.244.2.0"), len: 24 },
          values: [{ ...route, dst: { ip: ip("10.244.2.0"), len: 24 }, nexthops }],
        },
      ],
    },
  };
}

describe("settings", () => {
  const errors = (backend: string, block: Block) =>
    networkProblems(golden(flannel(backend, block))).flatMap((one) => (one.code === "KN137" ? one.data.error : []));

  it.each([
    ["ipsec", {}, ["config error, password is too short"]],
    ["ipsec", { psk: "k".repeat(95) }, ["config error, password is too short"]],
    ["ipsec", { psk: KEY }, []],
    ["wireguard", {}, []],
    ["wireguard", { psk: "c2VjcmV0IHRvIGFsbCBidXQgdGhlIG5vZGVzIGhlcmU=" }, []],
    ["wireguard", { psk: "c2VjcmV0" }, ["could not parse psk: wgtypes: incorrect key size: 6"]],
    [
      "wireguard",
      { psk: "secret!" },
      ["could not parse psk: wgtypes: failed to parse base64-encoded key: illegal base64 data"],
    ],
  ] as const)("%s %j", (backend, block, expected) => {
    expect(errors(backend, block)).toEqual(expected);
  });

  it("prevent flanneld from starting", () => {
    const network = buildNetwork(golden(flannel("ipsec", {})));
    expect([...nodeOf(network).devices.keys()]).toEqual(["lo", "eth0"]);
  });
});
