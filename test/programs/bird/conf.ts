/**
 * A speaker as a configuration of BIRD 2. Nodes: as Calico's confd writes it
 * (confd/etc/calico/confd/templates/bird.cfg.template), with the tunnels left out. Routers: the behavior of FRR, whose
 * BGP table is separate from the routing table: a route is advertised even if a static route to the same prefix is in
 * use.
 */
import { formatIp, formatPrefix, type Ip, type Prefix, prefixContains } from "../../../server/src/addressing/ip.ts";
import { ofFamily, type PeerRule, type Speaker } from "../../../server/src/cni/bgp/model.ts";

export type Family = 4 | 6;

interface Neighbor {
  readonly to: string;
  readonly as: number;
  readonly rule: PeerRule | undefined;
  readonly peers: readonly Speaker[];
}

export function confOf(speaker: Speaker, speakers: readonly Speaker[]): string {
  const families = ([4, 6] as const).filter((family) => ofFamily(speaker, family).length > 0);
  const node = speaker.station.kind === "node";
  return [
    `router id ${formatIp(speaker.routerId)};`,
    "protocol device { scan time 1; }",
    ...families.flatMap((family) => (node ? nodeTables(speaker, family) : routerTables(speaker, family))),
    ...families.flatMap((family) =>
      neighborsOf(speaker, speakers, family).map((neighbor, i) =>
        session(speaker, speakers, { family, name: `bgp${family}_${i}`, neighbor }),
      ),
    ),
    "",
  ].join("\n");
}

/**
 * Static routes of the node stay as they are: Calico's BIRD deletes and adds (krt_replace_rte), and the kernel rejects the
 * second route. Debian's BIRD replaces, and would remove them.
 */
function nodeTables({ originates, station }: Speaker, family: Family): readonly string[] {
  const blocks = [...originates, ...(station.kind === "node" ? station.podCidrs : [])];
  const statics = netList(
    station.routes.map(({ dst }) => dst),
    family,
  );
  const wanted = ["source != RTS_DEVICE", ...(statics === "" ? [] : [`!(net ~ [ ${statics} ])`])].join(" && ");
  return [
    `protocol kernel { learn; scan time 1; merge paths on; metric 0; ipv${family} { import all; export where ${wanted}; }; }`,
    `protocol direct { ipv${family}; interface -"cali*", "*"; }`,
    `protocol static { ipv${family}; ${routesTo(
      blocks.map(({ prefix }) => prefix),
      family,
      "blackhole",
    )} }`,
  ];
}

/** The router's own prefixes are not installed, even if another router advertises them, too. */
function routerTables({ originates }: Speaker, family: Family): readonly string[] {
  const own = originates.map(({ prefix }) => prefix);
  const nets = netList(own, family);
  const others = ["source = RTS_BGP", ...(nets === "" ? [] : [`!(net ~ [ ${nets} ])`])].join(" && ");
  return [
    `ipv${family} table bgp${family};`,
    `protocol kernel { learn; scan time 1; merge paths on; metric 20; ipv${family} { preference 200; import all; export where source = RTS_BGP && dest = RTD_UNICAST; }; }`,
    `protocol direct { ipv${family}; }`,
    `protocol static { ipv${family} { table bgp${family}; }; ${routesTo(own, family, "unreachable")} }`,
    `protocol pipe { table bgp${family}; peer table master${family}; export where ${others}; import none; }`,
  ];
}

function netList(prefixes: readonly Prefix[], family: Family): string {
  const own = prefixes.filter(({ ip }) => isOf(ip, family)).map((prefix) => withLength(formatPrefix(prefix)));
  return [...new Set(own)].join(", ");
}

function routesTo(prefixes: readonly Prefix[], family: Family, type: string): string {
  const nets = netList(prefixes, family);
  return nets === ""
    ? ""
    : nets
        .split(", ")
        .map((net) => `route ${net} ${type};`)
        .join(" ");
}

function withLength(prefix: string): string {
  if (prefix === "default") return "0.0.0.0/0";
  return prefix.includes("/") ? prefix : `${prefix}/${prefix.includes(":") ? 128 : 32}`;
}

function isOf(ip: Ip, family: Family): boolean {
  return (typeof ip === "number") === (family === 4);
}

/* ---------------------------------------------------------------- neighbors */

function neighborsOf(speaker: Speaker, speakers: readonly Speaker[], family: Family): readonly Neighbor[] {
  const others = speakers.filter((one) => one !== speaker && ofFamily(one, family).length > 0);
  const found = new Map<string, Neighbor>();
  const add = (to: string, as: number, rule: PeerRule | undefined, peers: readonly Speaker[]): void => {
    if (!found.has(to)) found.set(to, { to, as, rule, peers });
  };
  for (const rule of speaker.rules) {
    const { to } = rule;
    switch (to.kind) {
      case "address": {
        if (!isOf(to.ip, family) || speaker.addresses.includes(to.ip)) break;
        const peer = others.find(({ addresses }) => addresses.includes(to.ip));
        add(formatIp(to.ip), rule.as ?? peer?.as ?? speaker.as, rule, peer ? [peer] : []);
        break;
      }
      case "range":
        if (isOf(to.prefix.ip, family)) {
          const inside = others.filter((one) => one.addresses.some((ip) => prefixContains(to.prefix, ip)));
          add(`range ${withLength(formatPrefix(to.prefix))}`, rule.as ?? speaker.as, rule, inside);
        }
        break;
      case "station":
      case "select": {
        const peers = others.filter((one) => (to.kind === "station" ? one.station.path === to.path : to.matches(one)));
        for (const peer of peers) add(addressFor(speaker, peer, family), rule.as ?? peer.as, rule, [peer]);
        break;
      }
    }
  }
  if (speaker.mesh !== undefined) {
    for (const peer of others) {
      if (peer.mesh === speaker.mesh) add(addressFor(speaker, peer, family), peer.as, undefined, [peer]);
    }
  }
  return [...found.values()];
}

/** What an administrator writes for a peer: its address on a shared segment, otherwise its first. */
function addressFor(speaker: Speaker, peer: Speaker, family: Family): string {
  const own = ofFamily(peer, family);
  const near = new Set(speaker.station.interfaces.map(({ segment }) => segment));
  const shared = peer.station.interfaces
    .filter(({ segment }) => near.has(segment))
    .flatMap(({ addresses }) => addresses.map(({ ip }) => ip))
    .find((ip) => own.includes(ip));
  return formatIp(shared ?? own[0] ?? 0);
}

function session(
  speaker: Speaker,
  speakers: readonly Speaker[],
  { family, name, neighbor }: { family: Family; name: string; neighbor: Neighbor },
): string {
  const { to, as, rule, peers } = neighbor;
  const node = speaker.station.kind === "node";
  const client = as === speaker.as && peers.some((peer) => peer.as === speaker.as && rule?.client(speaker, peer));
  const [address = 0] = ofFamily(speaker, family);
  const options = [
    `local as ${speaker.as};`,
    `neighbor ${to} as ${as};`,
    ...(to.startsWith("range") ? [`dynamic name "${name}_";`] : []),
    ...(node ? ["multihop;", `source address ${formatIp(address)};`] : updateSource(speaker, peers, family)),
    ...(rule === undefined && to > formatIp(address) ? ["passive on;"] : []),
    ...(node ? [] : ["igp metric off;"]),
    "connect delay time 1; connect retry time 1; error wait time 1, 2; hold time 6; keepalive time 2;",
    ...(client ? ["rr client;"] : []),
    ...(speaker.clusterId !== undefined && client ? [`rr cluster id ${formatIp(speaker.clusterId)};`] : []),
    ...(rule && rule.allowAsIn > 0 ? [`allow local as ${rule.allowAsIn};`] : []),
  ];
  const channel = node
    ? ["gateway recursive;", "import all;", `export ${exportsOf(speaker, speakers, family)};`, "add paths on;"]
    : [
        `table bgp${family};`,
        `igp table master${family};`,
        "import all;",
        `export ${rule?.asOverride && as !== speaker.as ? overriding(as, speaker.as) : "all"};`,
      ];
  return `protocol bgp ${name} { ${options.join(" ")} ipv${family} { ${channel.join(" ")} }; }`;
}

/** For a peer that is not on a segment of the router's: the address that the peer has for this router. */
function updateSource(speaker: Speaker, peers: readonly Speaker[], family: Family): readonly string[] {
  const [peer] = peers;
  const segments = new Set(speaker.station.interfaces.map(({ segment }) => segment));
  if (!peer || peers.length > 1 || peer.station.interfaces.some(({ segment }) => segments.has(segment))) return [];
  return [`source address ${addressFor(peer, speaker, family)};`];
}

/** The filter of the node, spelled out for the prefixes of this topology. */
function exportsOf(speaker: Speaker, speakers: readonly Speaker[], family: Family): string {
  const passed = speakers
    .flatMap(({ originates }) => originates.map(({ prefix }) => prefix))
    .filter((prefix) => isOf(prefix.ip, family) && (speaker.exports?.(prefix) ?? true))
    .map((prefix) => withLength(formatPrefix(prefix)));
  return passed.length === 0 ? "none" : `where net ~ [ ${[...new Set(passed)].join(", ")} ]`;
}

/** BIRD has no as-override: each occurrence of the peer's number becomes one of the own number. */
function overriding(peer: number, own: number): string {
  const again = Array.from({ length: 4 }, (_, i) => `if found > ${i} then bgp_path.prepend(${own});`).join(" ");
  return `filter { int found = bgp_path.len; bgp_path.delete(${peer}); found = found - bgp_path.len; ${again} accept; }`;
}
