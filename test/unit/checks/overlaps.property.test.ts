/** Compares the address plan with a brute-force comparison of all pairs of ranges, on random topologies. */
import fc from "fast-check";
import { expect, it } from "vitest";
import { formatPrefix, nthSubnet, type Prefix, prefixCovers } from "../../../server/src/addressing/ip.ts";
import { planOf } from "../../../server/src/questions/plan.ts";
import { world } from "./harness.ts";

/** Few places and sizes, so ranges overlap often. */
const prefix = fc.record({ len: fc.integer({ min: 8, max: 14 }), n: fc.nat(63) }).map(({ len, n }): Prefix => {
  return nthSubnet({ ip: 0x0a000000, len: 8 }, len, n % 2 ** (len - 8)) ?? { ip: 0x0a000000, len: 8 };
});
const some = (most: number) => fc.uniqueArray(fc.nat(4), { maxLength: most });
const clusters = fc.array(
  fc.record({ pods: prefix, services: prefix, docker: fc.option(prefix), nodes: fc.array(some(2), { maxLength: 3 }) }),
  { maxLength: 3 },
);
const plan = fc.record({
  segments: fc.array(prefix, { minLength: 5, maxLength: 5 }),
  routers: fc.array(some(3), { maxLength: 3 }),
  hosts: fc.array(some(2), { maxLength: 2 }),
  clusters,
});
type Plan = typeof plan extends fc.Arbitrary<infer T> ? T : never;

it("finds exactly the pairs of ranges that overlap and must be disjoint", () => {
  fc.assert(
    fc.property(plan, (random) => {
      const { topology } = world(textOf(random));
      const found = planOf(topology).conflicts.map(
        ({ kind, a, b }) => `${kind}: ${[a.label, b.label].sort().join(" | ")}`,
      );
      expect(found.sort()).toEqual(bruteForce(random).sort());
    }),
    { numRuns: 300 },
  );
});

function textOf({ segments, routers, hosts, clusters: all }: Plan): string {
  const attach = (to: readonly number[]): string => to.map((n) => `attach s${n}`).join("; ");
  return [
    ...segments.map((cidr, i) => `segment s${i} { cidr ${formatPrefix(cidr)} }`),
    ...routers.map((to, i) => `router r${i} { ${attach(to)} }`),
    ...hosts.map((to, i) => `host h${i} { ${attach(to)} }`),
    ...all.map(({ pods, services, docker, nodes }, i) =>
      [
        `cluster c${i} {`,
        `  pods ${formatPrefix(pods)} per-node /24`,
        `  services ${formatPrefix(services)}`,
        docker ? `  docker-bridge ${formatPrefix({ ip: Number(docker.ip) + 1, len: docker.len })}` : "",
        "  cni flannel { backend vxlan }",
        ...nodes.map((to, n) => `  node n${n} { ${attach(to)} }`),
        "}",
      ].join("\n"),
    ),
  ].join("\n");
}

interface Range {
  readonly kind: "pods" | "services" | "docker" | "segment";
  readonly prefix: Prefix;
  readonly label: string;
  readonly owner: number;
}

function bruteForce({ segments, routers, hosts, clusters: all }: Plan): string[] {
  const ranges: Range[] = segments.map((cidr, owner) => {
    return { kind: "segment", prefix: cidr, owner, label: `segment \`s${owner}\` (${formatPrefix(cidr)})` };
  });
  all.forEach(({ pods, services, docker, nodes }, owner) => {
    const of = `of cluster \`c${owner}\``;
    ranges.push({ kind: "pods", prefix: pods, owner, label: `pod CIDR ${formatPrefix(pods)} ${of}` });
    ranges.push({ kind: "services", prefix: services, owner, label: `service CIDR ${formatPrefix(services)} ${of}` });
    if (docker && nodes.length > 0) {
      ranges.push({
        kind: "docker",
        prefix: docker,
        owner,
        label: `Docker bridge ${formatPrefix(docker)} of node \`c${owner}/n0\``,
      });
    }
  });
  const linked = (a: number, b: number): boolean => reach(a, routers).has(b);
  const near = (cluster: number, segment: number): boolean =>
    all[cluster]?.nodes.flat().some((n) => linked(n, segment)) ?? false;
  const together = (a: number, b: number): boolean => all[b]?.nodes.flat().some((n) => near(a, n)) ?? false;
  const sharedBy = (a: number, b: number): boolean =>
    [...hosts, ...all.flatMap(({ nodes }) => nodes)].some((to) => to.includes(a) && to.includes(b));
  const kindOf = (a: Range, b: Range): string | undefined => {
    const same = a.owner === b.owner;
    switch (`${a.kind} ${b.kind}`) {
      case "segment segment":
        return linked(a.owner, b.owner) || sharedBy(a.owner, b.owner) ? "segment-segment" : undefined;
      case "pods segment":
      case "services segment":
      case "docker segment":
        return near(a.owner, b.owner) ? `${a.kind}-segment` : undefined;
      case "pods pods":
        return same || together(a.owner, b.owner) ? "pods-pods" : undefined;
      case "pods services":
        return same ? "pods-services" : together(a.owner, b.owner) ? "services-pods" : undefined;
      case "docker pods":
      case "docker services":
        return same ? "docker-cluster" : undefined;
      default:
        return undefined;
    }
  };
  const conflicts: string[] = [];
  ranges.forEach((a, i) => {
    for (const b of ranges.slice(i + 1)) {
      if (!prefixCovers(a.prefix, b.prefix) && !prefixCovers(b.prefix, a.prefix)) continue;
      const kind = kindOf(a, b) ?? kindOf(b, a);
      if (kind) conflicts.push(`${kind}: ${[a.label, b.label].sort().join(" | ")}`);
    }
  });
  return conflicts;
}

/** The segments that routers connect with this one, including itself. */
function reach(from: number, routers: readonly (readonly number[])[]): ReadonlySet<number> {
  const seen = new Set([from]);
  for (let grown = true; grown; ) {
    grown = false;
    for (const to of routers) {
      if (!to.some((n) => seen.has(n))) continue;
      for (const n of to) {
        if (seen.has(n)) continue;
        seen.add(n);
        grown = true;
      }
    }
  }
  return seen;
}
