/**
 * The connections that a comparison lists are exactly those that single packets show in both topologies, pair by pair: pods are
 * compared by workload and node; a pair of nodes that only one topology has is compared with the nearest result of the other one.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { family, formatIp } from "../../../server/src/addressing/ip.ts";
import { simulate } from "../../../server/src/dataplane/simulator/simulate.ts";
import type { Analysis } from "../../../server/src/service/analysis.ts";
import { compare } from "../../../server/src/service/diff/diff.ts";
import type { Diff, DiffChange, DiffConnection, DiffEnd } from "../../../server/src/service/diff/schema.ts";
import { createService } from "../../../server/src/service/service.ts";
import type { Node } from "../../../server/src/topology/model.ts";

const PORTS = [
  { port: 80, proto: "tcp" },
  { port: 81, proto: "tcp" },
  { port: 90, proto: "tcp" },
  { port: 53, proto: "udp" },
  { port: 0, proto: "icmp" },
] as const;

const line = <T extends string>(...texts: readonly T[]) => fc.constantFrom("" as const, ...texts);

const drawn = fc.record({
  plugin: fc.constantFrom(
    "flannel { backend vxlan }",
    "flannel { backend vxlan { direct-routing true } }",
    "flannel { backend host-gw }",
    "kindnet",
    "none",
  ),
  engine: fc.constantFrom("", "network-policy none", "network-policy calico", "network-policy kube-router"),
  router: line(
    "deny tcp port 81-90",
    "deny from 192.168.10.12 to 192.168.20.13",
    "deny udp port 8472",
    "deny ipv6 to fd00:20::/64",
  ).map((text) => (text.startsWith("deny ipv6") ? text.replace("ipv6 ", "") : text)),
  node: line("deny tcp port 8080", "sysctl net.ipv4.ip_forward 0", "deny in from 10.244.0.0/24"),
  policy: line(
    "policy p { select app=web; ingress from app=api to 80-85 }",
    "policy p { types ingress egress; egress to app=web port 80 53/udp }",
    "policy p { select app=api; types egress; egress to cidr 10.0.0.0/8 except 10.244.1.0/24 }",
    "policy p { ingress from cidr 192.168.20.0/24 }",
  ),
  replicas: fc.integer({ min: 1, max: 5 }),
  listen: fc.constantFrom("80-90/tcp 53/udp", "80/tcp", "80-84/tcp 90/tcp"),
  api: fc.constantFrom("on n1", "on n2", "on n3", "on n3 address 10.244.77.7"),
  third: fc.constantFrom("a", "b"),
  web: fc.constantFrom("web", "web", "front"),
  more: line("pod cache on n1 { listen 80/tcp }", "node n4 { attach a }"),
  isDual: fc.boolean(),
  order: fc.boolean(),
});

type Drawn = typeof drawn extends fc.Arbitrary<infer T> ? T : never;

function text(one: Drawn): string {
  const workloads = [
    `deployment ${one.web} replicas ${one.replicas} {
    labels app=web
    listen ${one.listen}
  }`,
    `pod api ${one.api.replace(/ address .*/, "")} { labels app=api; listen 80/tcp${one.api.includes("address") ? `; address ${one.api.split(" ").at(-1)}` : ""} }`,
    "pod db on n1 { labels app=db; listen 81/tcp }",
    "pod agent on n3 { host-network; listen 90/tcp }",
  ];
  const six = (address: string): string => (one.isDual ? ` ${address}` : "");
  return `segment a { cidr 192.168.10.0/24${six("fd00:10::/64")}; gateway tor }
segment b { cidr 192.168.20.0/24${six("fd00:20::/64")}; gateway tor }
router tor {
  attach a 192.168.10.1${six("fd00:10::1")}
  attach b 192.168.20.1${six("fd00:20::1")}
  ${one.isDual || !one.router.includes("fd00") ? one.router : ""}
}
host laptop {
  attach b 192.168.20.200${six("fd00:20::200")}
  listen 80/tcp
}
cluster prod {
  pods 10.244.0.0/16
  ${one.isDual ? "pods fd00:244::/56" : ""}
  cni ${one.plugin}
  ${one.engine}
  node n1 { attach a 192.168.10.11${six("fd00:10::11")} }
  node n2 {
    attach a 192.168.10.12${six("fd00:10::12")}
    ${one.node}
  }
  node n3 { attach ${one.third} ${one.third === "a" ? "192.168.10.13" : "192.168.20.13"}${six(one.third === "a" ? "fd00:10::13" : "fd00:20::13")} }
  ${(one.order ? workloads : [...workloads].reverse()).join("\n  ")}
  ${one.more}
  ${one.policy}
}
`;
}

function analysisOf(content: string): Analysis {
  const service = createService({ resolveImport: () => undefined });
  service.setText("test.knet", content);
  const analysis = service.analysisOf("test.knet");
  if (!analysis) throw new Error("no analysis");
  return analysis;
}

/** A pod or an address of a host, in one topology. */
interface End {
  readonly name: string;
  readonly place: string;
  readonly path: string;
  readonly netns: string | undefined;
  readonly node: Node | undefined;
  readonly ips: readonly (number | bigint)[];
  readonly ports: readonly { readonly proto: string; readonly first: number; readonly last: number }[];
}

/** Endpoints of the renamed deployment have one name. */
function endsOf({ topology }: Analysis): readonly End[] {
  const [cluster] = topology.clusters;
  if (!cluster) throw new Error("no cluster");
  const pods = cluster.workloads.flatMap((workload) =>
    [...Array(workload.replicas).keys()].map((n): End => {
      const pod = cluster.pods.podAt(workload, n);
      const node = pod.addresses.length === 0 ? undefined : pod.node;
      return {
        name: workload.name === "front" ? "web" : workload.name,
        place: node?.name ?? "unplaced",
        path: pod.path,
        netns: node && (workload.hostNetwork ? node.path : pod.path),
        node,
        ips: pod.addresses,
        ports: workload.containers.flatMap(({ listeners }) => listeners),
      };
    }),
  );
  const hosts = topology.hosts.flatMap((host) =>
    host.interfaces.flatMap(({ addresses }) =>
      addresses.map(
        ({ ip }): End => ({
          name: formatIp(ip),
          place: "outside",
          path: formatIp(ip),
          netns: host.path,
          node: undefined,
          ips: [ip],
          ports: host.processes.flatMap(({ listeners }) => listeners),
        }),
      ),
    ),
  );
  return [...pods, ...hosts];
}

/** By workloads, then by places and family: the open ports. */
type Results = Map<string, Map<string, Set<string>>>;

function byPackets(analysis: Analysis): Results {
  const { network } = analysis;
  const results: Results = new Map();
  const ends = endsOf(analysis);
  for (const from of ends) {
    for (const to of ends) {
      if (from.path === to.path || (from.place === "outside" && to.place === "outside")) continue;
      const pair = results.get(`${from.name} > ${to.name}`) ?? new Map<string, Set<string>>();
      results.set(`${from.name} > ${to.name}`, pair);
      for (const version of [4, 6] as const) {
        const [src, dst] = [from, to].map(({ ips }) => ips.find((ip) => family(ip) === version));
        const isUnplaced = from.netns === undefined || to.netns === undefined;
        if (!isUnplaced && (src === undefined || dst === undefined)) continue;
        const key = isUnplaced ? `${from.place} ${to.place} -` : `${from.place} ${to.place} ${version}`;
        const open = pair.get(key) ?? new Set<string>();
        pair.set(key, open);
        if (from.netns === undefined || to.netns === undefined || src === undefined || dst === undefined) continue;
        for (const { port, proto } of PORTS) {
          const listens = to.ports.some((one) => one.proto === proto && one.first <= port && port <= one.last);
          if (proto !== "icmp" && !listens) continue;
          const journeys = simulate(network, { from: from.netns, dst, proto, sport: 40000, dport: port, df: false });
          const passes = journeys.every(
            ({ verdict, reply, end }) => verdict === "delivered" && reply?.verdict === "delivered" && end === to.netns,
          );
          if (passes) open.add(`${port}/${proto}`);
        }
      }
    }
  }
  return results;
}

/** A pair of nodes that one side does not have: the nearest result of the other side. */
function expected(before: Results, after: Results, kept: (pair: string) => boolean): readonly string[] {
  const found: string[] = [];
  for (const pair of new Set([...before.keys(), ...after.keys()])) {
    const [old, current] = [before.get(pair) ?? new Map(), after.get(pair) ?? new Map()];
    for (const place of new Set([...old.keys(), ...current.keys()])) {
      const nearest = (own: Set<string>, others: readonly Set<string>[]): Set<string> => {
        if (others.length === 0) return kept(pair) ? own : new Set();
        const every = [...(others[0] ?? [])].filter((port) => others.every((one) => one.has(port)));
        return new Set([...every, ...[...own].filter((port) => others.some((one) => one.has(port)))]);
      };
      const a: Set<string> = old.get(place) ?? nearest(current.get(place), [...old.values()]);
      const b: Set<string> = current.get(place) ?? nearest(old.get(place), [...current.values()]);
      for (const port of b) if (!a.has(port)) found.push(`${pair} at ${place}: ${port} opened`);
      for (const port of a) if (!b.has(port)) found.push(`${pair} at ${place}: ${port} closed`);
    }
  }
  return found.sort();
}

/** What the lists state about each pair of places. */
function listed(
  { connections }: Diff,
  before: Analysis,
  after: Analysis,
  places: readonly Results[],
): readonly string[] {
  const found: string[] = [];
  const nodes = new Map(
    [before, after].flatMap(({ topology }, side) =>
      topology.clusters.flatMap((cluster) => cluster.nodes.map((node) => [`${side} ${node.name}`, node] as const)),
    ),
  );
  const state = (entry: DiffConnection | DiffChange, allowed: DiffConnection["allowed"], verb: string): void => {
    if (entry.basis) return;
    for (const from of entry.from) {
      for (const to of entry.to) {
        const pair = `${nameOf(from)} > ${nameOf(to)}`;
        for (const place of new Set(places.flatMap((results) => [...(results.get(pair)?.keys() ?? [])]))) {
          const [a = "", b = ""] = place.split(" ");
          if (!isIn(from, a) || !isIn(to, b) || !isInScope(entry, pair, place)) continue;
          for (const { port, proto } of PORTS) {
            const isListed = allowed.some((one) => {
              const [first = 0, last = first] = one.ports.split("-").map(Number);
              return one.proto === proto && (proto === "icmp" || (first <= port && port <= last));
            });
            if (isListed) found.push(`${pair} at ${place}: ${port}/${proto} ${verb}`);
          }
        }
      }
    }
  };
  const isInScope = ({ scope }: DiffConnection | DiffChange, pair: string, place: string): boolean => {
    const [a = "", b = "", of = ""] = place.split(" ");
    const families = (scope ?? []).filter((one) => one.startsWith("ipv"));
    const here = (scope ?? []).filter((one) => !one.startsWith("ipv"));
    if (families.length > 0 && !families.some((one) => one === `ipv${of}`)) return false;
    return here.length === 0 || here.includes(placeOf(pair, a, b) as (typeof here)[number]);
  };
  const placeOf = (pair: string, a: string, b: string): string => {
    if (a === "unplaced" || b === "unplaced") return "unplaced";
    if (a === b) return "same-node";
    const share = [0, 1].map((side) => {
      const [one, other] = [nodes.get(`${side} ${a}`), nodes.get(`${side} ${b}`)];
      const exists = [...(places[side]?.get(pair)?.keys() ?? [])].some((key) => key.startsWith(`${a} ${b} `));
      if (!one || !other || !exists) return undefined;
      return one.interfaces.some(({ segment }) => other.interfaces.some((iface) => iface.segment === segment));
    });
    const [old = share[1], current = share[0]] = share;
    if (old === current) return current ? "same-segment" : "different-segments";
    return current ? "newly-same-segment" : "formerly-same-segment";
  };
  for (const entry of connections.added) state(entry, entry.allowed, "opened");
  for (const entry of connections.removed) state(entry, entry.allowed, "closed");
  for (const entry of connections.changed) {
    state(entry, entry.opened, "opened");
    state(entry, entry.closed, "closed");
  }
  return found.sort();
}

function nameOf(end: DiffEnd): string {
  if (!("path" in end)) return end.range;
  const name = end.path.split("/").at(-1) ?? "";
  return name === "front" ? "web" : name;
}

function isIn(end: DiffEnd, place: string): boolean {
  if (!("path" in end) || (end.nodes === undefined && end.pods === undefined)) return true;
  if (place === "unplaced") return end.pods !== undefined;
  return end.nodes?.some((node) => node === `prod/${place}`) === true;
}

describe("the connections of a comparison", () => {
  it("are those that single packets show, pair by pair", () => {
    fc.assert(
      fc.property(drawn, drawn, fc.array(fc.boolean(), { minLength: 13, maxLength: 13 }), (one, other, mask) => {
        const edited = Object.fromEntries(
          Object.entries(one).map(([key, value], index) => [key, mask[index] ? other[key as keyof Drawn] : value]),
        ) as Drawn;
        const [before, after] = [analysisOf(text(one)), analysisOf(text(edited))];
        const diff = compare(
          { name: "before", analysis: before, locate: () => undefined },
          { name: "after", analysis: after, locate: () => undefined },
        );
        const results = [byPackets(before), byPackets(after)] as const;
        const names = [before, after].map((analysis) => new Set(endsOf(analysis).map(({ name }) => name)));
        const kept = (pair: string): boolean => pair.split(" > ").every((name) => names.every((all) => all.has(name)));
        expect(listed(diff, before, after, results)).toEqual(expected(...results, kept));
      }),
      { numRuns: 40 },
    );
  }, 120_000);
});
