/** Compares the single failures that break an expectation with a file in which each element is removed in turn. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { buildNetwork } from "../../../server/src/cni/network.ts";
import { withoutPolicies } from "../../../server/src/kubernetes/contribute.ts";
import { outcomeOf } from "../../../server/src/questions/expectations.ts";
import { singleFailures } from "../../../server/src/questions/failures/single.ts";
import type { View } from "../../../server/src/questions/view.ts";
import type { SingleFailure } from "../../../server/src/topology/model.ts";
import { world } from "../checks/harness.ts";

interface Attach {
  readonly segment: string;
  readonly ip: string;
}
interface Machine {
  readonly kind: "router" | "host" | "node";
  readonly name: string;
  readonly attaches: readonly Attach[];
  readonly routes: readonly { readonly dst: string; readonly via: readonly string[] }[];
  readonly more: string;
}
interface Design {
  readonly segments: Readonly<Record<string, string>>;
  readonly machines: readonly Machine[];
  /** The nodes on which the service has endpoints. */
  readonly endpoints: readonly string[];
}

function textOf({ segments, machines, endpoints }: Design, expectation: string): string {
  const names = new Set(machines.map(({ name }) => name));
  const block = ({ kind, name, attaches, routes, more }: Machine): string => {
    const isOn = (ip: string): boolean =>
      attaches.some((one) => one.ip.split(".").slice(0, 3).join() === ip.split(".").slice(0, 3).join());
    const lines = routes.flatMap(({ dst, via }) => {
      const left = via.filter(isOn);
      return left.length === 0 ? [] : [`route ${dst} via ${left.join(" ")}`];
    });
    return `${kind} ${name} {
${[...attaches.map(({ segment, ip }) => `attach ${segment} ${ip}`), ...lines, more].join("\n")}
}`;
  };
  return `${Object.entries(segments)
    .map(([name, cidr]) => `segment ${name} { cidr ${cidr} }`)
    .join("\n")}
${machines
  .filter(({ kind }) => kind !== "node")
  .map(block)
  .join("\n")}
cluster prod {
pods 10.244.0.0/16 per-node /24
services 10.96.0.0/12
cni flannel { backend vxlan }
${machines
  .filter(({ kind }) => kind === "node")
  .map(block)
  .join("\n")}
pod client on n0 { listen 80/tcp }
${endpoints
  .filter((node) => names.has(node))
  .map((node) => `pod web-${node} on ${node} { labels app=web; listen 80/tcp }`)
  .join("\n")}
service web { cluster-ip 10.96.0.10; select app=web; port 80 }
}
expect ${expectation}
`;
}

/** The part of the file that fails together. */
type Part = readonly { readonly machine: string; readonly segment?: string }[];

function without(design: Design, part: Part): Design {
  const machines = design.machines.flatMap((machine): Machine[] => {
    const own = part.filter((one) => one.machine === machine.name);
    if (own.some(({ segment }) => segment === undefined)) return [];
    const attaches = machine.attaches.filter((one) => !own.some(({ segment }) => segment === one.segment));
    return [{ ...machine, attaches }];
  });
  const isLeft = (node: string): boolean => machines.some(({ name, attaches }) => name === node && attaches.length > 0);
  return { ...design, machines, endpoints: design.endpoints.filter(isLeft) };
}

function partsOf({ machines }: Design, any: SingleFailure, spared: ReadonlySet<string>): readonly Part[] {
  switch (any) {
    case "any-router":
    case "any-node": {
      const isOf = ({ kind }: Machine): boolean => (kind === "node") === (any === "any-node") && kind !== "host";
      return machines.filter((one) => isOf(one) && !spared.has(one.name)).map(({ name }) => [{ machine: name }]);
    }
    case "any-link": {
      const all = machines.flatMap(({ name, attaches }) => attaches.map(({ segment }) => ({ machine: name, segment })));
      const links = [...new Set(all.map(({ segment }) => segment))].flatMap((segment): Part[] => {
        const ends = all.filter((one) => one.segment === segment);
        return ends.length === 2 ? [ends] : ends.map((one) => [one]);
      });
      const isSpared = (name: string): boolean =>
        spared.has(name) && machines.find((one) => one.name === name)?.attaches.length === 1;
      return links.filter((part) => !part.some(({ machine }) => isSpared(machine)));
    }
  }
}

/* --------------------------------------------------------------- designs */

const shape = fc.record({
  spines: fc.integer({ min: 1, max: 4 }),
  leaves: fc.integer({ min: 2, max: 3 }),
  /** Leaves in one AS number, which cannot learn each other's routes. */
  oneAs: fc.boolean(),
  bgp: fc.boolean(),
  /** Links between leaves and spines that are absent. */
  cut: fc.array(fc.tuple(fc.nat(2), fc.nat(3)), { maxLength: 2 }),
  /** Sessions that are absent. */
  silent: fc.array(fc.tuple(fc.nat(2), fc.nat(3)), { maxLength: 2 }),
  /** Nodes by leaf; a node can have a second interface on the next leaf. */
  nodes: fc.array(fc.record({ leaf: fc.nat(2), second: fc.boolean() }), { minLength: 2, maxLength: 4 }),
  endpoints: fc.array(fc.nat(3), { minLength: 1, maxLength: 3 }),
});
type Shape = typeof shape extends fc.Arbitrary<infer T> ? T : never;

function designOf({ spines, leaves, oneAs, bgp, cut, silent, nodes, endpoints }: Shape): Design {
  const segments: Record<string, string> = {};
  const attaches = new Map<string, Attach[]>();
  const attach = (name: string, segment: string, ip: string): void => {
    attaches.set(name, [...(attaches.get(name) ?? []), { segment, ip }]);
  };
  const peers = new Map<string, string[]>();
  const is = (list: readonly (readonly [number, number])[], l: number, s: number): boolean =>
    list.some(([a, b]) => a === l && b === s);
  for (let l = 0; l < leaves; l++) {
    segments[`rack${l}`] = `10.0.${l}.0/24`;
    attach(`leaf${l}`, `rack${l}`, `10.0.${l}.1`);
    for (let s = 0; s < spines; s++) {
      if (is(cut, l, s)) continue;
      const net = `10.1.${l * 10 + s}`;
      segments[`p${l}${s}`] = `${net}.0/24`;
      attach(`leaf${l}`, `p${l}${s}`, `${net}.1`);
      attach(`spine${s}`, `p${l}${s}`, `${net}.2`);
      if (is(silent, l, s)) continue;
      peers.set(`leaf${l}`, [...(peers.get(`leaf${l}`) ?? []), `peer ${net}.2 as 64700`]);
      peers.set(`spine${s}`, [...(peers.get(`spine${s}`) ?? []), `peer ${net}.1 as ${oneAs ? 64600 : 64601 + l}`]);
    }
  }
  const router = (name: string, as: number, advertised: string): Machine => {
    const own = attaches.get(name) ?? [];
    const block = `bgp as ${as} { ${[...(peers.get(name) ?? []), `advertise ${advertised}`].join("; ")} }`;
    const leaf = Number(name.slice(-1));
    const next = (l: number): readonly string[] =>
      name.startsWith("leaf")
        ? own.flatMap(({ segment, ip }) => (segment.startsWith("p") ? [ip.replace(/\.1$/, ".2")] : []))
        : own.flatMap(({ segment, ip }) => (segment.startsWith(`p${l}`) ? [ip.replace(/\.2$/, ".1")] : []));
    const racks = Array.from({ length: leaves }, (_, l) => l).filter((l) => !name.startsWith("leaf") || l !== leaf);
    const routes = bgp ? [] : racks.map((l) => ({ dst: `10.0.${l}.0/24`, via: next(l) }));
    return { kind: "router", name, attaches: own, routes, more: bgp ? block : "" };
  };
  const list: Machine[] = [];
  for (let l = 0; l < leaves; l++) list.push(router(`leaf${l}`, oneAs ? 64600 : 64601 + l, `10.0.${l}.0/24`));
  for (let s = 0; s < spines; s++)
    if (attaches.has(`spine${s}`)) list.push(router(`spine${s}`, 64700, `10.9.${s}.0/24`));
  for (const [i, { leaf, second }] of nodes.entries()) {
    const first = leaf % leaves;
    const other = (first + 1) % leaves;
    const own = [first, ...(second ? [other] : [])];
    list.push({
      kind: "node",
      name: `n${i}`,
      attaches: own.map((l) => ({ segment: `rack${l}`, ip: `10.0.${l}.${10 + i}` })),
      routes: [{ dst: "default", via: own.map((l) => `10.0.${l}.1`) }],
      more: `pod-cidr 10.244.${i}.0/24`,
    });
  }
  list.push({
    kind: "host",
    name: "laptop",
    attaches: [{ segment: "rack0", ip: "10.0.0.200" }],
    routes: [{ dst: "default", via: ["10.0.0.1"] }],
    more: "",
  });
  return { segments, machines: list, endpoints: [...new Set(endpoints.map((i) => `n${i % nodes.length}`))] };
}

function viewOf(text: string): View {
  const { topology, network } = world(text);
  return {
    topology,
    network,
    peopled: topology,
    open: buildNetwork(topology, withoutPolicies()),
    cancelled: () => false,
  };
}

function holds(text: string): boolean {
  const { topology, network } = world(text);
  const [expectation] = topology.expectations;
  if (!expectation) throw new Error("no expectation");
  return outcomeOf({ topology, network }, expectation).kind === "holds";
}

const target = fc.constantFrom("n0 -> n1", "laptop -> n1", "client -> web:80", "client -> 10.0.1.1", "n0 -> leaf1");
const any = fc.constantFrom<SingleFailure>("any-link", "any-node", "any-router");

describe("the single failures that break an expectation", () => {
  it("are those whose removal from the file breaks it", () => {
    let broken = 0;
    let merged = 0;
    fc.assert(
      fc.property(shape, target, any, (one, ends, kind) => {
        const design = designOf(one);
        const text = textOf(design, `${ends} survives ${kind}`);
        const [found] = singleFailures(viewOf(text)).expectations;
        fc.pre(found !== undefined);
        const spared = new Set([
          ends.split(" ")[0] === "client" ? "n0" : (ends.split(" ")[0] ?? ""),
          ends === "client -> web:80" ? "" : ends.endsWith(" n1") ? "n1" : "leaf1",
        ]);
        const breaking = partsOf(design, kind, spared).filter(
          (part) => !holds(textOf(without(design, part), `${ends} reachable`)),
        );
        const counted = found.broken.reduce((sum, { alike }) => sum + alike, 0);
        broken += counted;
        merged += found.failures - found.classes;
        expect(
          counted,
          `${text}\n${JSON.stringify(breaking)}\n${found.broken.map(({ element, why, alike }) => `${JSON.stringify(element.outage)} ${alike} ${why}`).join("\n")}`,
        ).toBe(breaking.length);
      }),
      { numRuns: 150 },
    );
    expect(broken).toBeGreaterThan(10);
    expect(merged).toBeGreaterThan(10);
  }, 120_000);
});
