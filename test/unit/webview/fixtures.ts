/** Traces in the form that the server produces, for tests of views and renderers. */
import type { Action, Header, Hop, Location, Path, Reply, Rule, Trace } from "../../../server/src/trace/schema.ts";

const file = "file:///plan/prod.knet";
export const at = (line: number): Location => ({
  file,
  range: { start: { line, character: 2 }, end: { line, character: 20 } },
});

const ip = (src: string, dst: string, ttl: number, proto: string, df = true): Header => ({
  kind: "ip",
  src,
  dst,
  ttl,
  proto,
  df,
});
const tcp = (sport: number, dport: number, flags = "S"): Header => ({ kind: "tcp", sport, dport, flags });
const udp = (sport: number, dport: number): Header => ({ kind: "udp", sport, dport });
const vxlan: Header[] = [
  { kind: "vxlan", vni: 1 },
  { kind: "ethernet", src: "5e:3d:11:0a:01:01", dst: "92:4c:7f:0a:02:01" },
];

export interface HopInput {
  where: string;
  device: string;
  direction: "in" | "out" | null;
  action: Action;
  text: string;
  headers: Header[];
  rule?: Rule;
  length?: number;
}

export function hop({ where, device, direction, action, text, headers, rule, length }: HopInput): Hop {
  const innermost = headers.findLast((header) => header.kind === "ip");
  return {
    netns: where.slice(where.indexOf(" ") + 1),
    owner: where,
    device,
    direction,
    action,
    text,
    ...(rule ? { rule } : {}),
    packet: { headers, length: length ?? 60, ttl: innermost?.kind === "ip" ? innermost.ttl : 0 },
  };
}

const rule = (table: string, text: string, line?: number, why?: string): Rule => ({
  table,
  text,
  ...(why ? { why } : {}),
  ...(line === undefined ? {} : { location: at(line) }),
});

interface Ends {
  from: string;
  to: string;
  src: string;
  dst: string;
  sport: number;
  dport: number;
  flags?: string;
}

/** From a pod over flannel's vxlan to a pod on another node, both on racks joined by a router. */
function overlay(e: Ends, forward: boolean): Hop[] {
  const nodes = forward ? ["n1", "n2"] : ["n2", "n1"];
  const outer = forward ? ["10.168.0.2", "10.168.1.3"] : ["10.168.1.3", "10.168.0.2"];
  const racks = forward ? ["rack-a", "rack-b"] : ["rack-b", "rack-a"];
  const veth = forward ? ["veth1c0a44d2", "veth77ab01fe"] : ["veth77ab01fe", "veth1c0a44d2"];
  const subnet = forward ? "10.244.2" : "10.244.1";
  const inner = (ttl: number): Header[] => [ip(e.src, e.dst, ttl, "tcp"), tcp(e.sport, e.dport, e.flags)];
  const wrapped = (ttl: number): Header[] => [
    ip(outer[0] ?? "", outer[1] ?? "", ttl, "udp", false),
    udp(51734, 8472),
    ...vxlan,
    ...inner(63),
  ];
  const [a, b] = [`node prod/${nodes[0]}`, `node prod/${nodes[1]}`];
  const h = (
    where: string,
    device: string,
    direction: HopInput["direction"],
    action: Action,
    text: string,
    headers: Header[],
    r?: Rule,
  ): Hop =>
    hop({
      where,
      device,
      direction,
      action,
      text,
      headers,
      ...(r ? { rule: r } : {}),
      length: headers.length > 3 ? 110 : 60,
    });
  return [
    h(e.from, "", null, "send", `sent to ${e.dst}`, inner(64)),
    h(
      e.from,
      "eth0",
      null,
      "route",
      `routed to ${e.dst} via ${forward ? "10.244.1.1" : "10.244.2.1"} dev eth0 (default route)`,
      inner(64),
      rule(
        "main",
        `default via ${forward ? "10.244.1.1" : "10.244.2.1"} dev eth0`,
        20,
        "bridge plugin: default route of the pod",
      ),
    ),
    h(e.from, "eth0", "out", "send", "sent through eth0", inner(64)),
    h(a, veth[0] ?? "", "in", "receive", `received on ${veth[0]}`, inner(64)),
    h(a, "cni0", "in", "receive", "received by cni0 itself", inner(64)),
    h(
      a,
      "cni0",
      null,
      "route",
      `routed to ${e.dst} via ${subnet}.0 dev flannel.1`,
      inner(63),
      rule(
        "main",
        `${subnet}.0/24 via ${subnet}.0 dev flannel.1 onlink`,
        24,
        "flanneld: route to the subnet of the other node",
      ),
    ),
    h(
      a,
      "flannel.1",
      null,
      "filter",
      "accepted by filter/FLANNEL-FWD",
      inner(63),
      rule("filter/FORWARD", '-A FLANNEL-FWD -s 10.244.0.0/16 -m comment --comment "flanneld forward" -j ACCEPT', 22),
    ),
    h(
      a,
      "flannel.1",
      "out",
      "neighbour",
      "neighbor entry found",
      inner(63),
      rule("neigh", `${subnet}.0 dev flannel.1 lladdr 92:4c:7f:0a:02:01 PERMANENT`),
    ),
    h(
      a,
      "flannel.1",
      null,
      "encapsulate",
      `encapsulated in VXLAN (VNI 1) to ${outer[1]}, UDP port 8472 (+50 bytes)`,
      wrapped(64),
      rule(
        "fdb",
        `92:4c:7f:0a:02:01 dev flannel.1 dst ${outer[1]} self permanent`,
        25,
        "flanneld: FDB entry of the other node",
      ),
    ),
    h(
      a,
      "eth0",
      null,
      "route",
      `routed to ${outer[1]} via ${forward ? "10.168.0.1" : "10.168.1.1"} dev eth0 (default route)`,
      wrapped(64),
      rule("main", `default via ${forward ? "10.168.0.1" : "10.168.1.1"} dev eth0`, 3),
    ),
    h(a, "eth0", "out", "send", "sent through eth0", wrapped(64)),
    h(`segment ${racks[0]}`, racks[0] ?? "", "in", "bridge", "switched to the router", wrapped(64)),
    h("router tor", racks[0] ?? "", "in", "receive", `received on ${racks[0]}`, wrapped(64)),
    h(
      "router tor",
      "",
      null,
      "route",
      `routed to ${outer[1]} dev ${racks[1]}`,
      wrapped(63),
      rule("main", `10.168.${forward ? 1 : 0}.0/24 dev ${racks[1]} proto kernel scope link`, 11),
    ),
    h("router tor", racks[1] ?? "", "out", "send", `sent through ${racks[1]}`, wrapped(63)),
    h(`segment ${racks[1]}`, racks[1] ?? "", "in", "bridge", "switched to the node", wrapped(63)),
    h(b, "eth0", "in", "receive", "received on eth0", wrapped(63)),
    h(
      b,
      "flannel.1",
      null,
      "decapsulate",
      `decapsulated by flannel.1 (outer source ${outer[0]})`,
      inner(63),
      rule("socket", "UNCONN 0.0.0.0:8472", 25),
    ),
    h(b, "flannel.1", "in", "receive", "received on flannel.1", inner(63)),
    h(
      b,
      "cni0",
      null,
      "route",
      `routed to ${e.dst} dev cni0`,
      inner(62),
      rule("main", `${subnet}.0/24 dev cni0 proto kernel scope link src ${subnet}.1`, 23),
    ),
    h(b, "cni0", "out", "send", "sent through cni0", inner(62)),
    h(b, veth[1] ?? "", "out", "bridge", `bridged by cni0 to ${e.to}`, inner(62)),
    h(e.to, "eth0", "in", "receive", "received on eth0", inner(62)),
    h(
      e.to,
      "",
      null,
      "deliver",
      `delivered to the process listening on ${e.dport}/tcp`,
      inner(62),
      rule("socket", `LISTEN 0.0.0.0:${e.dport}`, 42),
    ),
  ];
}

const there: Ends = {
  from: "pod prod/shop/web",
  to: "pod prod/shop/api-7c9d8b6f54-x2k4q",
  src: "10.244.1.5",
  dst: "10.244.2.7",
  sport: 41732,
  dport: 9090,
};
const back: Ends = {
  from: there.to,
  to: there.from,
  src: there.dst,
  dst: there.src,
  sport: 9090,
  dport: 41732,
  flags: "SA",
};

function walk(hops: Hop[], more: Partial<Reply> = {}): Reply {
  return { verdict: "delivered", probability: 1, hops, mtu: 1450, ...more };
}

export const delivered: Trace = {
  schema: "knet-trace/1",
  query: { from: "shop/web", to: "shop/api-7c9d8b6f54-x2k4q", proto: "tcp", port: 9090, df: false },
  verdict: "delivered",
  answered: true,
  paths: [
    {
      ...walk(overlay(there, true), { receiver: { src: "10.244.1.5", sport: 41732, process: "api" } }),
      reply: walk(overlay(back, false)),
    },
  ],
};

/** Rejected by the access list of the router; the sender receives an ICMP error. */
export const rejected: Trace = {
  schema: "knet-trace/1",
  query: { from: "shop/web", to: "10.244.2.7", proto: "tcp", port: 9090, size: 1480, df: true },
  verdict: "rejected",
  answered: false,
  paths: [
    walk(
      overlay(there, true)
        .slice(0, 13)
        .concat(
          hop({
            where: "router tor",
            device: "",
            direction: null,
            action: "reject",
            text: "router tor rejects the packet (filter/FORWARD): deny udp port 8472",
            headers: [
              ip("10.168.0.2", "10.168.1.3", 64, "udp", false),
              udp(51734, 8472),
              ...vxlan,
              ip("10.244.1.5", "10.244.2.7", 63, "tcp"),
              tcp(41732, 9090),
            ],
            rule: rule(
              "filter/FORWARD",
              "-A FORWARD -p udp --dport 8472 -j REJECT --reject-with icmp-admin-prohibited",
              14,
              "deny udp port 8472 of router tor",
            ),
            length: 110,
          }),
        ),
      {
        verdict: "rejected",
        mtu: 1450,
        reason: {
          code: "filtered",
          message: "router tor rejects the packet (filter/FORWARD): deny udp port 8472",
          location: at(14),
        },
        error: { kind: "icmp", type: 3, code: 13, from: "10.168.0.1", errno: "EHOSTUNREACH" },
      },
    ),
  ],
};

/** A service with three backends: on the same node, on another node, and one that a policy denies. */
export const balanced: Trace = {
  schema: "knet-trace/1",
  query: { from: "shop/web", to: "shop/api", proto: "tcp", port: 80, df: false },
  verdict: "dropped",
  answered: false,
  paths: [sameNode(), { ...(delivered.paths[0] as Path), probability: 1 / 3 }, closed()],
};

function sameNode(): Path {
  const node = "node prod/n1";
  const [web, api] = ["pod prod/shop/web", "pod prod/shop/api-0"];
  const before = [ip("10.244.1.5", "10.96.12.4", 64, "tcp"), tcp(41732, 80)];
  const after = (ttl: number): Header[] => [ip("10.244.1.5", "10.244.1.9", ttl, "tcp"), tcp(41732, 9090)];
  const reply = (ttl: number): Header[] => [ip("10.244.1.9", "10.244.1.5", ttl, "tcp"), tcp(9090, 41732, "SA")];
  const translated = (ttl: number): Header[] => [ip("10.96.12.4", "10.244.1.5", ttl, "tcp"), tcp(80, 41732, "SA")];
  const h = (
    where: string,
    device: string,
    direction: HopInput["direction"],
    action: Action,
    text: string,
    headers: Header[],
    r?: Rule,
  ): Hop => hop({ where, device, direction, action, text, headers, ...(r ? { rule: r } : {}) });
  return {
    ...walk([
      h(web, "", null, "send", "sent to 10.96.12.4", before),
      h(web, "eth0", "out", "send", "sent through eth0", before),
      h(node, "veth1c0a44d2", "in", "receive", "received on veth1c0a44d2", before),
      h(node, "cni0", "in", "receive", "received by cni0 itself", before),
      h(
        node,
        "",
        null,
        "dnat",
        "destination rewritten to 10.244.1.9:9090 (DNAT: KUBE-SERVICES → KUBE-SVC-QMWWTXBG → KUBE-SEP-4F2KQ7)",
        after(64),
        rule(
          "nat/PREROUTING",
          "-A KUBE-SVC-QMWWTXBG -m statistic --mode random --probability 0.33333 -j KUBE-SEP-4F2KQ7",
          51,
          "service shop/api, port 80 -> 9090",
        ),
      ),
      h(
        node,
        "",
        null,
        "route",
        "routed to 10.244.1.9 dev cni0",
        after(63),
        rule("main", "10.244.1.0/24 dev cni0 proto kernel scope link src 10.244.1.1", 23),
      ),
      h(node, "cni0", "out", "send", "sent through cni0", after(63)),
      h(node, "veth0b3d19aa", "out", "bridge", "bridged by cni0 to pod prod/shop/api-0", after(63)),
      h(api, "eth0", "in", "receive", "received on eth0", after(63)),
      h(api, "", null, "deliver", "delivered to api (listening on 9090/tcp)", after(63)),
    ]),
    probability: 1 / 3,
    receiver: { src: "10.244.1.5", sport: 41732, process: "api" },
    reply: walk([
      h(api, "", null, "send", "sent to 10.244.1.5", reply(64)),
      h(api, "eth0", "out", "send", "sent through eth0", reply(64)),
      h(node, "veth0b3d19aa", "in", "receive", "received on veth0b3d19aa", reply(64)),
      h(
        node,
        "",
        null,
        "snat",
        "source rewritten to 10.96.12.4 (SNAT)",
        translated(64),
        rule("conntrack", "tcp ESTABLISHED 10.244.1.5:41732 → 10.96.12.4:80"),
      ),
      h(node, "veth1c0a44d2", "out", "bridge", "bridged by cni0 to pod prod/shop/web", translated(64)),
      h(web, "eth0", "in", "receive", "received on eth0", translated(64)),
      h(web, "", null, "deliver", "reply delivered to the sender", translated(64)),
    ]),
  };
}

function closed(): Path {
  const hops = overlay({ ...there, to: "pod prod/shop/api-2" }, true);
  return {
    ...walk(hops.slice(0, 19), {
      verdict: "dropped",
      reason: {
        code: "policy",
        message: "policy shop/only-admin isolates pod shop/api-2 and does not allow ingress from shop/web on 9090/tcp",
        location: at(60),
      },
    }),
    probability: 1 / 3,
  };
}

/** A route that points back to the previous router. */
export const looped: Trace = {
  schema: "knet-trace/1",
  query: { from: "laptop", to: "10.244.9.9", proto: "icmp", df: false },
  verdict: "looped",
  answered: false,
  paths: [
    walk(
      Array.from({ length: 40 }, (_, index): Hop[] => {
        const router = index % 2 === 0 ? "router tor" : "router spine-with-a-rather-long-name-for-a-router";
        const headers: Header[] = [
          ip("192.168.1.10", "10.244.9.9", 63 - index, "icmp", false),
          { kind: "icmp", type: 8, code: 0 },
        ];
        return [
          hop({
            where: router,
            device: "ens192",
            direction: "in",
            action: "receive",
            text: "received on ens192",
            headers,
            length: 84,
          }),
          hop({
            where: router,
            device: "ens192",
            direction: null,
            action: "route",
            text: "routed to 10.244.9.9 via 10.0.0.1 dev ens192 (default route)",
            headers,
            length: 84,
            rule: rule("main", "default via 10.0.0.1 dev ens192", 9),
          }),
          hop({
            where: router,
            device: "ens192",
            direction: "out",
            action: "send",
            text: "sent through ens192",
            headers,
            length: 84,
          }),
        ];
      }).flat(),
      {
        verdict: "looped",
        reason: {
          code: "loop",
          message: "TTL expired on router tor",
          location: at(9),
        },
        error: { kind: "icmp", type: 11, code: 0, from: "10.0.0.1" },
        mtu: 1500,
      },
    ),
  ],
};

/** The sender does not send a packet. */
export const local: Trace = {
  schema: "knet-trace/1",
  query: { from: "laptop", to: "10.99.0.1", proto: "udp", port: 53, df: false },
  verdict: "unreachable",
  answered: false,
  paths: [
    walk(
      [
        hop({
          where: "host laptop",
          device: "",
          direction: null,
          action: "send",
          text: "sent to 10.99.0.1",
          headers: [ip("0.0.0.0", "10.99.0.1", 64, "udp"), udp(40000, 53)],
        }),
        hop({
          where: "host laptop",
          device: "",
          direction: null,
          action: "drop",
          text: "host laptop has no route to 10.99.0.1",
          headers: [ip("0.0.0.0", "10.99.0.1", 64, "udp"), udp(40000, 53)],
        }),
      ],
      {
        verdict: "unreachable",
        mtu: 1500,
        reason: { code: "no-route", message: "host laptop has no route to 10.99.0.1" },
        error: { kind: "local", errno: "ENETUNREACH" },
      },
    ),
  ],
};

export const traces: Readonly<Record<string, Trace>> = { delivered, rejected, balanced, looped, local };
