/** Toy programs on tc and connect(): what each action does to a packet, and how a trace and a listing show it. */
import { describe, expect, it } from "vitest";
import { formatIp } from "../../../server/src/addressing/ip.ts";
import type { Device, Netns, Network } from "../../../server/src/dataplane/model.ts";
import { type Packet, portsOf } from "../../../server/src/dataplane/packet.ts";
import type {
  ConnectAction,
  ConnectProgram,
  DevicePrograms,
  EgressAction,
  IngressAction,
  ProgramContext,
  ProgramListing,
} from "../../../server/src/dataplane/program.ts";
import { printRules } from "../../../server/src/dataplane/rules.ts";
import { simulate } from "../../../server/src/dataplane/simulator/simulate.ts";
import { incomplete, whyLacking } from "../../../server/src/lab/features.ts";
import { renderText } from "../../../server/src/trace/render/text.ts";
import { ask } from "../../../server/src/trace/trace.ts";
import { ip } from "../cni/fixture.ts";
import { sampleOf } from "../cni/samples.ts";

/** Pods on veth pairs without a bridge: a and b on n1, c on n2. */
const ROUTED = `segment lan { cidr 192.168.10.0/24 }
cluster prod {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni kindnet
  node n1 { attach lan 192.168.10.11 }
  node n2 { attach lan 192.168.10.12 }
  pod a on n1 { listen 80 }
  pod b on n1 { listen 80 }
  pod c on n2 { listen 80 }
}
`;
const VXLAN = ROUTED.replace("cni kindnet", "cni flannel { backend vxlan }");

type Decide<A> = (packet: Packet, context: ProgramContext) => readonly A[];
const toy = <A>(decide: Decide<A>, listings: readonly ProgramListing[] = []) => ({ name: "toy", listings, decide });
const ingress = (decide: Decide<IngressAction>): DevicePrograms => ({ ingress: toy(decide) });
const egress = (decide: Decide<EgressAction>): DevicePrograms => ({ egress: toy(decide) });

interface Placed {
  /** Network namespace → device → programs. */
  readonly tc?: Readonly<Record<string, Readonly<Record<string, DevicePrograms>>>>;
  readonly connect?: Readonly<Record<string, ConnectProgram>>;
}

/** The network with programs attached. */
function attached(network: Network, { tc = {}, connect = {} }: Placed): Network {
  const changed = new Map<string, Netns>();
  return {
    ...network,
    netns: (id) => {
      const plain = network.netns(id);
      if (!plain || (!tc[id] && !connect[id])) return plain;
      const known = changed.get(id);
      if (known) return known;
      const devices = new Map<string, Device>();
      for (const [name, device] of plain.devices) devices.set(name, { ...device, tc: tc[id]?.[name] });
      const netns: Netns = { ...plain, devices, connect: connect[id] };
      changed.set(id, netns);
      return netns;
    },
  };
}

const sample = sampleOf(ROUTED);
const vxlan = sampleOf(VXLAN);

function addressOf(pod: string, of = sample): string {
  const found = of.netns(`prod/default/${pod}`).devices.get("eth0")?.addresses[0]?.ip;
  if (found === undefined) throw new Error(`no address of ${pod}`);
  return formatIp(found);
}

/** The veth device of a pod on its node. */
function vethOf(pod: string, of = sample): string {
  const eth0 = of.netns(`prod/default/${pod}`).devices.get("eth0");
  if (eth0?.kind !== "veth") throw new Error(`no veth of ${pod}`);
  return eth0.peer.device;
}

function walk(network: Network, to: string, proto: "tcp" | "icmp" = "tcp") {
  const journeys = simulate(network, {
    from: "prod/default/a",
    dst: ip(to),
    proto,
    sport: 40000,
    dport: proto === "icmp" ? 0 : 80,
    df: true,
  });
  return journeys.map(({ steps, verdict, reason, error, receiver, reply, probability, end }) => ({
    crossings: steps
      .filter(({ direction }) => direction !== null)
      .map(
        ({ netns, device, direction }) =>
          `${netns.replace(/^prod\/(default\/)?/, "")}:${device.replace(/^veth.*/, "veth")} ${direction}`,
      ),
    rules: steps.flatMap(({ action, text, rule }) =>
      rule?.table.includes("/toy") ? [`${action}: ${text} [${rule.table}] ${rule.text}`] : [],
    ),
    verdict,
    end,
    probability,
    reason: reason && `${reason.code}: ${reason.message}`,
    error,
    source: receiver && formatIp(receiver.src),
    reply: reply?.verdict,
  }));
}

const A = addressOf("a");
const B = addressOf("b");
const C = addressOf("c");
const UNUSED = "10.96.0.10";

describe("a program on tc ingress", () => {
  const onVeth = (decide: Decide<IngressAction>): Network =>
    attached(sample.network, { tc: { "prod/n1": { [vethOf("a")]: ingress(decide) } } });

  it("that passes is only shown if it decides", () => {
    const silent = walk(
      onVeth(() => []),
      C,
    );
    expect(silent).toEqual(walk(sample.network, C));
    const [shown] = walk(
      onVeth((packet) => (packet.body.kind === "tcp" ? [{ kind: "pass", entry: "tcp allow", origin: undefined }] : [])),
      C,
    );
    expect(shown).toMatchObject({
      verdict: "delivered",
      reply: "delivered",
      rules: ["filter: accepted by tc ingress/toy [tc ingress/toy] tcp allow"],
    });
  });

  it("drops before the IP layer, silently, with its reason and entry", () => {
    const network = onVeth(() => [
      { kind: "drop", note: "policy denies port 80", entry: "deny 80", origin: undefined },
    ]);
    expect(walk(network, C)).toEqual([
      {
        crossings: ["a:eth0 out", "n1:veth in"],
        rules: [
          `drop: node prod/n1 drops the packet (tc ingress/toy on ${vethOf("a")}): policy denies port 80 [tc ingress/toy] deny 80`,
        ],
        verdict: "dropped",
        end: "prod/n1",
        probability: 1,
        reason: `filtered: node prod/n1 drops the packet (tc ingress/toy on ${vethOf("a")}): policy denies port 80`,
        error: undefined,
        source: undefined,
        reply: undefined,
      },
    ]);
  });

  it("rewrites the destination before routing, and the source of the reply from its map", () => {
    const request: Decide<IngressAction> = (packet, { maps }) => {
      const ports = portsOf(packet);
      if (packet.dst !== ip(UNUSED) || !ports) return [];
      maps.set(`n1 ${ports.sport}`, { src: packet.src, dst: packet.dst, ...ports });
      return [
        { kind: "rewrite", set: { dst: ip(C), ttl: packet.ttl - 1 }, entry: `${UNUSED} => ${C}`, origin: undefined },
      ];
    };
    const reply: Decide<EgressAction> = (packet, { maps }) => {
      const flow = maps.get(`n1 ${portsOf(packet)?.dport}`);
      return flow ? [{ kind: "rewrite", set: { src: flow.dst }, origin: undefined }] : [];
    };
    const network = attached(sample.network, {
      tc: { "prod/n1": { [vethOf("a")]: { ingress: toy(request), egress: toy(reply) } } },
    });
    expect(walk(network, UNUSED)).toMatchObject([
      {
        crossings: ["a:eth0 out", "n1:veth in", "n1:eth0 out", "n2:eth0 in", "n2:veth out", "c:eth0 in"],
        rules: [`dnat: destination rewritten to ${C}:80 by toy [tc ingress/toy] ${UNUSED} => ${C}`],
        verdict: "delivered",
        source: A,
        reply: "delivered",
      },
    ]);
  });

  it("redirects to the egress of a veth device, without the IP layer of the node", () => {
    const network = onVeth((packet) =>
      packet.dst === ip(B) ? [{ kind: "redirect", to: "egress", device: vethOf("b"), origin: undefined }] : [],
    );
    const [found] = walk(network, B);
    expect(found).toMatchObject({
      crossings: ["a:eth0 out", "n1:veth in", "n1:veth out", "b:eth0 in"],
      rules: [`route: redirected to ${B} dev ${vethOf("b")} by toy [tc ingress/toy] toy`],
      verdict: "delivered",
      reply: "delivered",
    });
  });

  it("redirects to a neighbor of a physical device", () => {
    const network = onVeth((packet) =>
      packet.dst === ip(C)
        ? [{ kind: "redirect", to: "egress", device: "eth0", via: ip("192.168.10.12"), origin: undefined }]
        : [],
    );
    const [found] = walk(network, C);
    expect(found).toMatchObject({ verdict: "delivered", reply: "delivered" });
    expect(found?.crossings.slice(1, 4)).toEqual(["n1:veth in", "n1:eth0 out", "n2:eth0 in"]);
    const lost = attached(sample.network, {
      tc: {
        "prod/n1": {
          [vethOf("a")]: ingress(() => [
            { kind: "redirect", to: "egress", device: "eth0", via: ip("192.168.10.99"), origin: undefined },
          ]),
        },
      },
    });
    expect(walk(lost, C)[0]?.reason).toBe("neighbour-failed: no ARP reply for 192.168.10.99 on segment lan");
  });

  it("redirects to the peer of a veth device, whose own program then decides", () => {
    const network = attached(sample.network, {
      tc: {
        "prod/n1": {
          [vethOf("a")]: ingress(() => [{ kind: "redirect", to: "peer", device: vethOf("b"), origin: undefined }]),
          [vethOf("b")]: egress(() => [{ kind: "drop", note: "not reached", origin: undefined }]),
        },
        "prod/default/b": { eth0: ingress(() => [{ kind: "pass", entry: "in the pod", origin: undefined }]) },
      },
    });
    expect(walk(network, B)[0]).toMatchObject({
      crossings: ["a:eth0 out", "n1:veth in", "b:eth0 in"],
      rules: [
        "route: redirected to pod prod/default/b by toy [tc ingress/toy] toy",
        "filter: accepted by tc ingress/toy [tc ingress/toy] in the pod",
      ],
      verdict: "delivered",
    });
  });

  it("redirects to the ingress of another device", () => {
    const network = onVeth((packet) =>
      packet.dst === ip(B) ? [{ kind: "redirect", to: "ingress", device: "eth0", origin: undefined }] : [],
    );
    expect(walk(network, B)[0]).toMatchObject({
      crossings: ["a:eth0 out", "n1:veth in", "n1:eth0 in", "n1:veth out", "b:eth0 in"],
      rules: ["receive: redirected to the ingress of eth0 by toy [tc ingress/toy] toy"],
      verdict: "delivered",
    });
  });

  it("that redirects to itself ends with an error", () => {
    const network = onVeth(() => [{ kind: "redirect", to: "ingress", device: vethOf("a"), origin: undefined }]);
    expect(walk(network, B)[0]?.reason).toBe(
      "step-limit: programs redirect the packet in a loop, last toy on node prod/n1",
    );
  });

  it("that redirects to a missing device drops the packet", () => {
    const network = onVeth(() => [{ kind: "redirect", to: "egress", device: "nope0", origin: undefined }]);
    expect(walk(network, B)[0]?.reason).toBe(
      "no-device: toy on node prod/n1 redirects the packet to nope0, which does not exist or has the wrong type",
    );
  });

  it("selects at random: every branch is walked", () => {
    const network = onVeth((packet, { choose }) =>
      packet.dst === ip(UNUSED)
        ? [{ kind: "rewrite", set: { dst: ip(choose(2) === 0 ? B : C) }, origin: undefined }]
        : [],
    );
    expect(walk(network, UNUSED).map(({ end, probability }) => [end, probability])).toEqual([
      ["prod/default/b", 0.5],
      ["prod/default/c", 0.5],
    ]);
  });
});

describe("a program on tc egress", () => {
  it("drops after the routing decision; the sender receives no error", () => {
    const network = attached(sample.network, {
      tc: { "prod/n1": { eth0: egress(() => [{ kind: "drop", note: "unencrypted", origin: undefined }]) } },
    });
    expect(walk(network, C)[0]).toMatchObject({
      crossings: ["a:eth0 out", "n1:veth in", "n1:eth0 out"],
      reason: "filtered: node prod/n1 drops the packet (tc egress/toy on eth0): unencrypted",
      error: undefined,
    });
  });

  it("rewrites the source after POSTROUTING", () => {
    const network = attached(sample.network, {
      tc: {
        "prod/n1": {
          eth0: egress((packet) =>
            packet.src === ip(A) ? [{ kind: "rewrite", set: { src: ip("192.168.10.11") }, origin: undefined }] : [],
          ),
        },
      },
    });
    expect(walk(network, C)[0]).toMatchObject({
      rules: ["snat: source rewritten to 192.168.10.11 by toy [tc egress/toy] toy"],
      verdict: "delivered",
      source: "192.168.10.11",
    });
  });

  it("redirects to another device", () => {
    const network = attached(sample.network, {
      tc: {
        "prod/n1": {
          eth0: egress((packet) =>
            packet.dst === ip(C)
              ? [
                  { kind: "rewrite", set: { dst: ip(B) }, origin: undefined },
                  { kind: "redirect", to: "egress", device: vethOf("b"), origin: undefined },
                ]
              : [],
          ),
        },
      },
    });
    expect(walk(network, C)[0]).toMatchObject({
      crossings: ["a:eth0 out", "n1:veth in", "n1:eth0 out", "n1:veth out", "b:eth0 in"],
      verdict: "delivered",
      end: "prod/default/b",
    });
  });
});

describe("a program that encapsulates", () => {
  const [from, to] = [addressOf("a", vxlan), addressOf("c", vxlan)];
  const encapsulating = (remote: string): Network =>
    attached(vxlan.network, {
      tc: {
        "prod/n1": {
          [vethOf("a", vxlan)]: ingress((packet) =>
            packet.dst === ip(to)
              ? [
                  {
                    kind: "encapsulate",
                    device: "flannel.1",
                    key: { remote: ip(remote), vni: 1 },
                    entry: `${to} tunnelendpoint=${remote}`,
                    origin: undefined,
                  },
                ]
              : [],
          ),
        },
        "prod/n2": {
          "flannel.1": ingress((_, { tunnel }) => [
            { kind: "pass", entry: `${formatIp(tunnel?.remote ?? 0)} ${tunnel?.vni}`, origin: undefined },
          ]),
        },
      },
    });

  it("sends the packet through the tunnel device to the remote endpoint; the receiver sees the key", () => {
    const [found] = walk(encapsulating("192.168.10.12"), to);
    expect(found).toMatchObject({ verdict: "delivered", source: from, reply: "delivered" });
    expect(found?.crossings.slice(1)).toEqual([
      "n1:veth in",
      "n1:flannel.1 out",
      "n1:eth0 out",
      "n2:eth0 in",
      "n2:flannel.1 in",
      "n2:cni0 out",
      "n2:veth out",
      "c:eth0 in",
    ]);
    expect(found?.rules).toEqual([
      `route: redirected to dev flannel.1 by toy [tc ingress/toy] ${to} tunnelendpoint=192.168.10.12`,
      `encapsulate: encapsulated in VXLAN (VNI 1) to 192.168.10.12, UDP port 8472 (+50 bytes) [tc ingress/toy] ${to} tunnelendpoint=192.168.10.12`,
      "filter: accepted by tc ingress/toy [tc ingress/toy] 192.168.10.11 1",
    ]);
  });

  it("loses the packet if the remote endpoint does not exist", () => {
    expect(walk(encapsulating("192.168.10.77"), to)[0]?.reason).toBe(
      "neighbour-failed: no ARP reply for 192.168.10.77 on segment lan",
    );
  });
});

describe("a program on connect()", () => {
  const connecting = (decide: Decide<ConnectAction>): Network =>
    attached(sample.network, { connect: { "prod/default/a": toy(decide) } });

  it("rewrites the destination before a packet exists: nothing else on the path sees the original address", () => {
    const network = connecting((packet) =>
      packet.dst === ip(UNUSED) ? [{ kind: "rewrite", set: { dst: ip(C), dport: 80 }, origin: undefined }] : [],
    );
    const [found] = walk(network, UNUSED);
    expect(found).toMatchObject({
      rules: [`dnat: destination rewritten to ${C}:80 by toy [connect/toy] toy`],
      verdict: "delivered",
      source: A,
      reply: "delivered",
    });
    const [journey] = simulate(network, {
      from: "prod/default/a",
      dst: ip(UNUSED),
      proto: "tcp",
      sport: 1,
      dport: 80,
      df: true,
    });
    expect(journey?.steps.map(({ action }) => action).slice(0, 3)).toEqual(["dnat", "send", "route"]);
    expect(new Set(journey?.steps.map(({ packet }) => formatIp(packet.dst)))).toEqual(new Set([C]));
  });

  it("rejects the connection with EPERM", () => {
    const [found] = walk(
      connecting(() => [{ kind: "drop", note: "no access", origin: undefined }]),
      C,
    );
    expect(found).toMatchObject({
      verdict: "dropped",
      reason: "filtered: pod prod/default/a rejects the connection (connect/toy): no access",
      error: { kind: "local", errno: "EPERM" },
    });
  });

  it("does not concern ICMP", () => {
    const network = connecting(() => [{ kind: "drop", note: "no access", origin: undefined }]);
    expect(walk(network, C, "icmp")[0]?.verdict).toBe("delivered");
  });
});

describe("the entries of programs", () => {
  const listing: ProgramListing = {
    command: "toyctl dump",
    entries: () => [
      { text: "deny 80", origin: undefined },
      { text: "allow *", origin: undefined },
    ],
  };
  const drop: Decide<IngressAction> = () => [{ kind: "drop", note: "denied", entry: "deny 80", origin: undefined }];
  const program = toy(drop, [listing]);
  const network = attached(sample.network, {
    tc: { "prod/n1": { [vethOf("a")]: { ingress: program }, [vethOf("b")]: { ingress: program } } },
  });

  it("are listed once, under the command of their tool", () => {
    const netns = network.netns("prod/n1");
    expect(netns && printRules(netns)).toMatch(/\n# toyctl dump\ndeny 80\nallow \*\n$/);
  });

  it("are not loaded by a lab, which then does not send packets through them", () => {
    const netns = network.netns("prod/n1");
    const whole = netns && incomplete(netns, new Set()).whole;
    expect(whyLacking(whole ?? "")).toBe("a lab does not load programs on devices");
    expect(incomplete(sample.netns("prod/n1"), new Set()).whole).toBeUndefined();
  });

  it("are the rule of a step in a trace", () => {
    const answer = ask(
      { topology: sample.topology, network, locate: () => undefined },
      { from: "prod/default/a", to: "prod/default/c" },
    );
    if (!answer.ok) throw new Error(answer.error);
    expect(renderText(answer.trace, { colour: false, decisions: true })).toContain("deny 80");
    expect(answer.trace.paths[0]?.hops.at(-1)).toMatchObject({
      action: "drop",
      rule: { table: "tc ingress/toy", text: "deny 80" },
    });
  });
});
