/**
 * Random topologies with BGP: the same seed produces the same `.knet` text on every machine. Two to four routers on a few
 * segments, in one or several ASes, with or without route reflection, and a Calico cluster in three of four.
 */
import { type Random, seeded } from "../../../server/src/lab/random.ts";

interface Segment {
  readonly name: string;
  readonly number: number;
  /** Indexes of the routers that are attached to it. */
  readonly routers: readonly number[];
}

interface Plan {
  readonly random: Random;
  readonly ipv6: boolean;
  readonly segments: readonly Segment[];
  /** AS number of each router. */
  readonly as: readonly number[];
  readonly reflectors: ReadonlySet<number>;
  readonly cluster: ClusterPlan | undefined;
}

interface ClusterPlan {
  readonly as: number;
  readonly mesh: boolean;
  readonly reflector: boolean;
  /** The segment of each node. */
  readonly nodes: readonly Segment[];
  /** Whether the nodes peer with the first router of their segment. */
  readonly toRouters: boolean;
  readonly asOverride: boolean;
  readonly allowAsIn: boolean;
}

export function bgpText(seed: number): string {
  const plan = planOf(seeded(seed));
  const parts = [
    ...plan.segments.map((one) => segmentText(plan, one)),
    ...plan.as.map((_, i) => routerText(plan, i)),
    ...(plan.cluster ? [clusterText(plan, plan.cluster)] : []),
  ];
  return `# Seed ${seed}\n${parts.join("\n")}\n`;
}

function planOf(random: Random): Plan {
  const routers = 2 + random.int(3);
  // Every router is on a segment with an earlier one; some pairs have a second segment.
  const links: number[][] = [];
  for (let i = 1; i < routers; i += 1) links.push([random.int(i), i]);
  if (routers > 2 && random.once(2)) links.push([0, routers - 1]);
  if (routers > 2 && random.once(3)) links.push(Array.from({ length: routers }, (_, i) => i));
  const racks = 1 + random.int(2);
  for (let i = 0; i < racks; i += 1) {
    const first = random.int(routers);
    const second = (first + 1) % routers;
    links.push(random.once(3) ? [first, second] : [first]);
  }
  const segments = links.map(
    (ends, number): Segment => ({ name: `s${number}`, number, routers: [...new Set(ends)].sort() }),
  );
  const same = random.once(4);
  const as = Array.from({ length: routers }, (_, i) => (same || random.once(4) ? 65001 : 65001 + i));
  const reflectors = new Set(as.flatMap((_, i) => (random.once(3) ? [i] : [])));
  const cluster = random.once(4) ? undefined : clusterPlan(random, segments.slice(-racks));
  return { random, ipv6: random.once(4), segments, as, reflectors, cluster };
}

function clusterPlan(random: Random, racks: readonly Segment[]): ClusterPlan {
  const nodes = Array.from({ length: 2 + random.int(3) }, (_, i) => racks[i % racks.length] ?? racks[0]);
  const toRouters = !random.once(4);
  return {
    as: random.once(4) ? 65001 : 64512,
    mesh: !toRouters || random.once(2),
    reflector: random.once(4),
    nodes: nodes.flatMap((one) => one ?? []),
    toRouters,
    asOverride: random.once(2),
    allowAsIn: random.once(4),
  };
}

function block(head: string, lines: readonly string[]): string {
  return `${head} {\n${lines
    .flatMap((line) => line.split("\n"))
    .map((line) => `  ${line}\n`)
    .join("")}}`;
}

function segmentText({ ipv6 }: Plan, { name, number, routers }: Segment): string {
  return block(`segment ${name}`, [
    `cidr 10.${number}.0.0/24`,
    ...(ipv6 ? [`cidr fd00:${number}::/64`] : []),
    `gateway r${routers[0]}`,
  ]);
}

function at({ ipv6 }: Plan, segment: Segment, last: number): string {
  return `${segment.name} 10.${segment.number}.0.${last}${ipv6 ? ` fd00:${segment.number}::${last}` : ""}`;
}

function sharedBy({ segments }: Plan, a: number, b: number): Segment | undefined {
  return segments.find(({ routers }) => routers.includes(a) && routers.includes(b));
}

function routerText(plan: Plan, self: number): string {
  const { random, segments, as } = plan;
  const own = segments.filter(({ routers }) => routers.includes(self));
  const lines = own.map((segment) => `attach ${at(plan, segment, 1 + self)}`);
  lines.push(...statics(plan, self));
  if (random.once(12)) lines.push(`deny tcp port 179 ${random.pick(["", "from 10.1.0.0/24", "to 10.0.0.0/24"])}`);
  lines.push(block(`bgp as ${as[self]}`, sessions(plan, self)));
  return block(`router r${self}`, lines);
}

/** Routes to the other segments through a router beside this one, instead of an interior routing protocol. */
function statics(plan: Plan, self: number): readonly string[] {
  const { random, segments, ipv6 } = plan;
  if (random.once(3)) return [];
  return segments.flatMap((segment) => {
    const { number, routers } = segment;
    if (routers.includes(self)) return [];
    const next = routers.find((one) => sharedBy(plan, self, one) !== undefined);
    const between = next === undefined ? undefined : sharedBy(plan, self, next);
    if (next === undefined || between === undefined || random.once(6)) return [];
    return [
      `route 10.${number}.0.0/24 via 10.${between.number}.0.${1 + next}`,
      ...(ipv6 ? [`route fd00:${number}::/64 via fd00:${between.number}::${1 + next}`] : []),
    ];
  });
}

function sessions(plan: Plan, self: number): readonly string[] {
  const { random, as, segments, ipv6, reflectors, cluster } = plan;
  const lines: string[] = [];
  // BIRD ignores the cluster ID of a router that has no clients, unlike FRR (bgp_cluster_filter, bgpd/bgp_route.c).
  if (reflectors.has(self) && random.once(2)) lines.push(`cluster-id 1.1.1.${1 + random.int(2)}`);
  for (const [other, number] of as.entries()) {
    if (other === self) continue;
    const shared = sharedBy(plan, self, other);
    const internal = number === as[self];
    // Routers of one AS are also peers across other segments.
    if (!shared && !internal) continue;
    const claimed = random.once(40) ? number + 1 : number;
    const options = [
      ...(internal && reflectors.has(self) ? ["route-reflector-client"] : []),
      ...(!internal && random.once(5) ? ["as-override"] : []),
      ...(random.once(6) ? ["allowas-in"] : []),
    ].join(" ");
    if (random.once(40)) continue;
    const name = random.once(3) || ipv6 || !shared ? `r${other}` : `10.${shared.number}.0.${1 + other}`;
    lines.push(`peer ${name} as ${claimed} ${options}`.trimEnd());
  }
  for (const segment of racksOf(plan, self)) {
    if (!cluster?.toRouters) continue;
    const options = [
      ...(cluster.asOverride && cluster.as !== as[self] ? ["as-override"] : []),
      ...(cluster.as === as[self] && random.once(2) ? ["route-reflector-client"] : []),
    ].join(" ");
    lines.push(`listen-range 10.${segment.number}.0.0/24 as ${cluster.as} ${options}`.trimEnd());
    if (ipv6) lines.push(`listen-range fd00:${segment.number}::/64 as ${cluster.as} ${options}`.trimEnd());
  }
  const announced = segments.filter(({ routers }) => routers.includes(self) && random.once(2));
  for (const { number } of announced) {
    lines.push(`advertise 10.${number}.0.0/24${ipv6 ? ` fd00:${number}::/64` : ""}`);
  }
  if (random.once(3)) lines.push(`advertise 172.16.${random.once(2) ? 0 : self}.0/24`);
  if (random.once(6)) lines.push("advertise 0.0.0.0/0");
  return lines;
}

/** The segments of nodes on which the router is their peer. */
function racksOf({ cluster }: Plan, self: number): readonly Segment[] {
  return [...new Set(cluster?.nodes ?? [])].filter(({ routers }) => routers[0] === self);
}

function clusterText(plan: Plan, cluster: ClusterPlan): string {
  const { random, as, ipv6 } = plan;
  const disabled = random.once(5);
  const pools = [
    "pool main 10.200.0.0/16",
    ...(disabled ? ["pool quiet 10.201.0.0/16 { disable-bgp-export true }"] : []),
    ...(ipv6 ? ["pool six fd00:200::/48"] : []),
  ];
  const rack = (segment: Segment) => `rack=s${segment.number}`;
  const peers = [...new Set(cluster.nodes)].flatMap((segment) => {
    const router = segment.routers[0] ?? 0;
    const common = [
      `node-selector ${rack(segment)}`,
      `as-number ${as[router]}`,
      ...(cluster.allowAsIn ? ["num-allowed-local-as-numbers 1"] : []),
    ];
    return [
      block(`peer p${segment.number}`, [...common, `peer-ip 10.${segment.number}.0.${1 + router}`]),
      ...(ipv6 ? [block(`peer q${segment.number}`, [...common, `peer-ip fd00:${segment.number}::${1 + router}`])] : []),
    ];
  });
  return block("cluster prod", [
    "pods 10.200.0.0/16",
    ...(ipv6 ? ["pods fd00:200::/48"] : []),
    block("cni calico", [
      ...pools,
      `node-to-node-mesh ${cluster.mesh}`,
      `as-number ${cluster.as}`,
      ...(cluster.toRouters ? peers : []),
      ...(cluster.reflector ? [block("peer rr", ["peer-selector rr=true"])] : []),
    ]),
    ...cluster.nodes.map((segment, i) =>
      block(`node n${i}`, [
        `attach ${at(plan, segment, 11 + i)}`,
        `labels ${rack(segment)}${cluster.reflector && i === 0 ? " rr=true" : ""}`,
        ...(cluster.reflector && i === 0 ? ["cni calico { route-reflector-cluster-id 244.0.0.1 }"] : []),
      ]),
    ),
    `deployment web replicas ${cluster.nodes.length}`,
  ]);
}
