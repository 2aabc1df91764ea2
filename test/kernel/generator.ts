/**
 * Random topologies: a seed produces the same `.knet` text on every machine. Two or three segments, one or two routers, hosts, a cluster
 * in one of the modes below, services, policies, and common misconfigurations. To add a mode, add a row.
 */
import { type Random, seeded } from "../../server/src/lab/random.ts";

interface ModeRow {
  readonly weight: number;
  readonly cni: (random: Random) => string;
  /** The cluster has a pod CIDR, with one part per node. */
  readonly perNode?: boolean;
  readonly ipv6?: boolean;
  readonly services?: boolean;
  readonly policies?: readonly string[];
  /** Whether Kubernetes objects show the mode. */
  readonly shown?: boolean;
}

const kube = { perNode: true, services: true };
const MODES: readonly ModeRow[] = [
  {
    weight: 4,
    cni: (random) => `flannel { backend vxlan${maybe(random, 3, " { direct-routing true }")} }`,
    ...kube,
    ipv6: true,
    policies: ["kube-router"],
    shown: true,
  },
  { weight: 1, cni: () => "flannel { backend vxlan { vni 42; port 4789 } }", ...kube, shown: true },
  { weight: 3, cni: () => "flannel { backend host-gw }", ...kube, ipv6: true, policies: ["kube-router"], shown: true },
  { weight: 2, cni: () => "flannel { backend udp }", ...kube, shown: true },
  {
    weight: 3,
    cni: (random) => `bridge { routes true${maybe(random, 2, "; ip-masq true")}${maybe(random, 3, "; gateway last")} }`,
    ...kube,
    ipv6: true,
  },
  { weight: 1, cni: () => "bridge { routes false }", ...kube },
  { weight: 1, cni: (random) => `docker${maybe(random, 2, " { ip-masq false; forward-policy accept }")}` },
  { weight: 2, cni: () => "kubenet", ...kube },
  { weight: 3, cni: () => "kindnet", ...kube, ipv6: true, shown: true },
  {
    weight: 4,
    cni: (random) =>
      `calico { ${random.once(2) ? "backend vxlan; " : ""}pool p ${PODS} { ${random.pick(["vxlan always; ", "vxlan cross-subnet; ", ""])}nat-outgoing ${random.once(2)} } }`,
    services: true,
    policies: ["calico"],
    shown: true,
  },
  { weight: 2, cni: () => "weave", services: true, shown: true },
];

/** Modes with devices that many kernels lack: a box runs them (`--kernel uml`). */
const BOXED: readonly ModeRow[] = [
  { weight: 3, cni: () => "flannel { backend ipip }", ...kube, policies: ["kube-router"], shown: true },
  { weight: 1, cni: () => "flannel { backend ipip { direct-routing true } }", ...kube },
  {
    weight: 4,
    cni: (random) =>
      `calico { pool p ${PODS} { ipip ${random.pick(["always", "cross-subnet"])}; nat-outgoing ${random.once(2)} } }`,
    services: true,
    policies: ["calico"],
    shown: true,
  },
  { weight: 2, cni: () => `flannel { backend ipsec { psk "${"0123456789abcdef".repeat(6)}" } }`, ...kube },
];
/** WireGuard, which only Debian's full kernel has (`--kernel qemu`). */
const SEALED: readonly ModeRow[] = [{ weight: 1, cni: () => "flannel { backend wireguard }", ...kube }];

/**
 * Which modes a topology is chosen from: those of every kernel, of a complete kernel, or WireGuard alone. `shown`: those that Kubernetes
 * objects show, in topologies without anything that the objects do not show.
 */
export type ModeSet = "common" | "complete" | "wireguard" | "shown";

function modesOf(set: ModeSet): readonly ModeRow[] {
  switch (set) {
    case "common":
      return MODES;
    case "complete":
      return [...MODES, ...BOXED, ...BOXED];
    case "wireguard":
      return SEALED;
    case "shown":
      return [...MODES, ...BOXED].filter(({ shown }) => shown === true);
  }
}

const PODS = "10.244.0.0/16";
const SERVICES = "10.96.0.0/16";

function maybe(random: Random, of: number, text: string): string {
  return random.once(of) ? text : "";
}

interface Segment {
  readonly name: string;
  readonly number: number;
  readonly mtu: number;
  /** The default gateway of the segment. */
  readonly router: string;
}

interface Plan {
  readonly random: Random;
  readonly ipv6: boolean;
  readonly segments: readonly Segment[];
  readonly routers: readonly string[];
  readonly nodes: readonly { readonly name: string; readonly segment: Segment }[];
  readonly mode: ModeRow;
  readonly set: ModeSet;
}

export function topologyText(seed: number, set: ModeSet = "common"): string {
  const random = seeded(seed);
  const mode = random.weighted(modesOf(set).map((row) => [row.weight, row] as const)) ?? kindnet();
  const isShown = set === "shown";
  const routers = !isShown && random.once(3) ? ["west", "east"] : ["core"];
  const count = 2 + random.int(2);
  const segments = Array.from({ length: count }, (_, number): Segment => {
    const mtu =
      random.weighted([
        [8, 1500],
        [1, 1400],
        [1, 9000],
        [1, 1280],
      ] as const) ?? 1500;
    return {
      name: `s${number}`,
      number,
      mtu: isShown ? 1500 : mtu,
      router: routers[number % routers.length] ?? "core",
    };
  });
  // Modes without a tunnel need all nodes on one segment; some topologies violate this.
  const spread = random.once(2);
  const nodes = Array.from({ length: 2 + random.int(2) }, (_, i) => {
    const segment = segments[spread ? i % segments.length : 0] ?? segments[0];
    if (!segment) throw new Error("no segment");
    return { name: `n${i + 1}`, segment };
  });
  const plan: Plan = { random, ipv6: mode.ipv6 === true && random.once(4), segments, routers, nodes, mode, set };
  const parts = [
    ...segments.map((one) => segmentText(plan, one)),
    ...transit(plan),
    ...routers.map((one) => routerText(plan, one)),
    ...(isShown ? [] : hosts(plan)),
    cluster(plan),
  ];
  return `# Seed ${seed}\n${parts.join("\n")}`;
}

function kindnet(): ModeRow {
  return { weight: 1, cni: () => "kindnet", ...kube };
}

function block(head: string, lines: readonly string[]): string {
  return `${head} {\n${lines
    .flatMap((line) => line.split("\n"))
    .map((line) => `  ${line}\n`)
    .join("")}}`;
}

/* ------------------------------------------------------------- the underlay */

function addresses({ ipv6 }: Plan, segment: Segment, last: number): string {
  return `${segment.name} 192.168.${segment.number}.${last}${ipv6 ? ` fd00:${segment.number}::${last}` : ""}`;
}

function segmentText({ ipv6 }: Plan, { name, number, mtu, router }: Segment): string {
  return block(`segment ${name}`, [
    `cidr 192.168.${number}.0/24`,
    ...(ipv6 ? [`cidr fd00:${number}::/64`] : []),
    `gateway ${router}`,
    ...(mtu === 1500 ? [] : [`mtu ${mtu}`]),
  ]);
}

function transit({ routers, ipv6 }: Plan): readonly string[] {
  if (routers.length === 1) return [];
  return [block("segment transit", ["cidr 192.168.250.0/24", ...(ipv6 ? ["cidr fd00:250::/64"] : [])])];
}

function routerText(plan: Plan, name: string): string {
  const { random, routers, segments, ipv6 } = plan;
  const own = segments.filter(({ router }) => router === name);
  const lines = own.map((segment) => `attach ${addresses(plan, segment, 1)}`);
  const me = routers.indexOf(name) + 1;
  const other = 3 - me;
  if (routers.length > 1) {
    lines.push(`attach transit 192.168.250.${me}${ipv6 ? ` fd00:250::${me}` : ""}`);
    for (const { number } of segments.filter(({ router }) => router !== name)) {
      // Omitted in some topologies.
      if (!random.once(10)) lines.push(`route 192.168.${number}.0/24 via 192.168.250.${other}`);
      if (ipv6) lines.push(`route fd00:${number}::/64 via fd00:250::${other}`);
    }
    // If both routers have this route, packets to unassigned addresses loop.
    if (random.once(4)) lines.push(`route default via 192.168.250.${other}`);
  }
  if (plan.set === "shown") return block(`router ${name}`, lines);
  if (random.once(3)) lines.push(...podRoutes(plan, name));
  if (random.once(4)) lines.push(acl(random));
  if (random.once(12)) lines.push("sysctl net.ipv4.ip_forward 0");
  if (random.once(8)) lines.push(`sysctl net.ipv4.conf.all.rp_filter ${1 + random.int(2)}`);
  return block(`router ${name}`, lines);
}

/** Routes to node pod CIDRs on a router: correct, missing, or with an unreachable type. */
function podRoutes({ random, nodes, mode }: Plan, router: string): readonly string[] {
  if (!mode.perNode) return [];
  return nodes.flatMap(({ segment }, i) => {
    if (segment.router !== router) return [];
    const kind = random.weighted([
      [6, "via"],
      [1, "blackhole"],
      [1, "unreachable"],
      [1, "prohibit"],
      [2, "none"],
    ] as const);
    const range = `10.244.${i}.0/24`;
    if (kind === "none") return [];
    return [kind === "via" ? `route ${range} via 192.168.${segment.number}.${11 + i}` : `route ${range} ${kind}`];
  });
}

function acl(random: Random): string {
  const what = random.pick(["udp port 8472", "udp", "icmp", "tcp port 9", "tcp port 8080", "tcp port 80"]);
  const where = random.weighted([
    [3, ""],
    [1, " from 10.244.0.0/16"],
    [1, " to 10.244.1.0/24"],
    [1, " from 192.168.0.0/24"],
  ] as const);
  return `deny ${what}${where}`;
}

function hosts(plan: Plan): readonly string[] {
  const { random, segments } = plan;
  return Array.from({ length: random.int(3) }, (_, i) => {
    const segment = random.pick(segments) ?? segments[0];
    if (!segment) throw new Error("no segment");
    const lines = [`attach ${addresses(plan, segment, 50 + i)}`];
    if (!random.once(3)) lines.push("listen 443/tcp 53/udp");
    if (random.once(5)) lines.push(`deny ${random.pick(["icmp", "tcp port 443", "udp"])}`);
    return block(`host h${i + 1}`, lines);
  });
}

/* -------------------------------------------------------------- the cluster */

function cluster(plan: Plan): string {
  const { random, mode, ipv6 } = plan;
  const lines: string[] = [];
  if (mode.perNode) lines.push(`pods ${PODS} per-node /24`, ...(ipv6 ? ["pods fd00:244::/48 per-node /64"] : []));
  else if (mode.services && mode.policies) lines.push(`pods ${PODS}`);
  if (mode.services) lines.push(`services ${SERVICES}`);
  lines.push(`cni ${mode.cni(random)}`);
  const proxy = mode.services
    ? random.weighted([
        [5, "iptables"],
        // The UML kernel has neither nft_nat nor nft_fib.
        [plan.set === "complete" ? 0 : 3, "nftables"],
        [plan.set === "complete" ? 3 : 0, "ipvs"],
      ] as const)
    : undefined;
  if (proxy !== undefined) lines.push(`kube-proxy ${proxy}`);
  const engine = mode.policies && random.once(3) ? random.pick(mode.policies) : undefined;
  if (engine === "kube-router") lines.push("network-policy kube-router");
  lines.push(...plan.nodes.map((_, i) => node(plan, i)));
  lines.push(
    block("namespace shop", [
      ...workloads(plan),
      ...(mode.services ? service(random) : []),
      ...(engine ? policy(random) : []),
    ]),
  );
  return `${block("cluster prod", lines)}\n`;
}

function node(plan: Plan, i: number): string {
  const { random, nodes, mode, ipv6 } = plan;
  const self = nodes[i];
  if (!self) throw new Error("no node");
  const isShown = plan.set === "shown";
  const mtu = !isShown && random.once(10) ? ` { mtu ${random.pick([1400, 9000])} }` : "";
  const lines = [`attach ${addresses(plan, self.segment, 11 + i)}${mtu}`];
  if (mode.perNode && !ipv6) lines.push(`pod-cidr 10.244.${i}.0/24`);
  if (isShown) return block(`node ${self.name}`, lines);
  if (!random.once(3)) lines.push("daemon exporter { listen 9100/tcp }");
  const other = (i + 1) % nodes.length;
  const wrong = random.weighted([
    [14, []],
    [1, ["sysctl net.ipv4.ip_forward 0"]],
    [1, [`sysctl net.ipv4.conf.all.rp_filter ${1 + random.int(2)}`]],
    [1, ["sysctl net.bridge.bridge-nf-call-iptables 0"]],
    [1, [`deny ${random.pick(["udp port 8472", "icmp", "tcp port 9100", "udp port 8285"])}`]],
    // A route or Docker bridge on this node covers some pods of another node.
    [1, [`route 10.244.${other}.0/25 ${random.pick(["blackhole", "unreachable", "prohibit"])}`]],
    [1, [`route 10.244.${other}.2/32 via 192.168.${self.segment.number}.1`]],
    [mode.perNode ? 1 : 0, [`docker-bridge 10.244.${other}.129/25`]],
  ] as const);
  return block(`node ${self.name}`, [...lines, ...(wrong ?? [])]);
}

function workloads({ random, nodes }: Plan): readonly string[] {
  return Array.from({ length: 2 + random.int(3) }, (_, i) => {
    const where = nodes[i % nodes.length]?.name ?? "n1";
    const app = i % 2 === 0 ? "web" : "api";
    const ports = random.pick(["8080/tcp", "8080/tcp 53/udp", "9090/tcp", "8080/tcp 9090/tcp"]);
    return block(`pod p${i + 1} on ${where}`, [`labels app=${app}`, `container c { listen ${ports} }`]);
  });
}

function service(random: Random): readonly string[] {
  return ["web", ...(random.once(2) ? ["api"] : [])].map((app, i) =>
    block(`service ${app}`, [
      `select app=${random.once(8) ? "missing" : app}`,
      `cluster-ip 10.96.0.${20 + i}`,
      random.once(2) ? `type node-port\nport 80 -> 8080/tcp node-port ${30080 + i}` : "port 80 -> 8080/tcp",
    ]),
  );
}

function policy(random: Random): readonly string[] {
  const rules = [
    "ingress from app=web to 8080/tcp",
    "ingress from app=api",
    "ingress from any to 9090/tcp",
    "egress to app=api",
    "egress to cidr 192.168.0.0/16",
  ];
  return [
    block("policy one", [
      `select app=${random.pick(["web", "api"])}`,
      random.pick(rules) ?? "",
      ...(random.once(2) ? [random.pick(rules) ?? ""] : []),
    ]),
  ];
}
