/**
 * The data plane as a shell script: the same structures that the simulator walks, as `ip`, `bridge`, `sysctl` and
 * `iptables-restore` commands. Segments are bridges in a namespace of their own, "the wire". Safe to run twice: it first
 * takes away what an earlier run of the same lab left, and touches nothing else.
 */
import { formatIp } from "../addressing/ip.ts";
import type { Device, Netns, NetnsId, Network, Nexthop, Route } from "../dataplane/model.ts";
import { ruleText } from "../dataplane/text.ts";

export interface LabPlan {
  /** Commands that build it; idempotent as a whole. */
  readonly up: readonly string[];
  readonly down: readonly string[];
  /** Namespace of the kernel for each of the topology's. */
  readonly names: ReadonlyMap<NetnsId, string>;
  /** What this kernel has to know how to make: "vxlan", "ipip", "tun", "iptables". */
  readonly needs: ReadonlySet<string>;
  /** TUN devices, for which someone has to run the daemon. */
  readonly tuns: readonly { readonly netns: NetnsId; readonly device: Device & { kind: "tun" } }[];
}

/** `ids`: the namespaces to build; links to others are left out. `lab`: a word that makes names unique on the machine. */
export function plan(network: Network, ids: readonly NetnsId[], lab: string): LabPlan {
  const names = new Map(ids.map((id, i) => [id, `${lab}-${i}`]));
  const wire = `${lab}-wire`;
  const up: string[] = [];
  const needs = new Set<string>();
  const tuns: { netns: NetnsId; device: Device & { kind: "tun" } }[] = [];
  const down = [...names.values(), wire].map((name) => `ip netns del ${name} 2>/dev/null || true`);
  up.push(...down);
  for (const name of [wire, ...names.values()]) up.push(`ip netns add ${name}`);
  // A new namespace inherits nothing but its defaults; the ones that matter are set in any case.
  up.push(
    `ip netns exec ${wire} sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0 2>/dev/null || true`,
  );

  const segments = new Map<string, string>();
  const namespaces = ids.map((id) => network.netns(id)).filter((ns) => ns !== undefined);
  for (const ns of namespaces) {
    for (const device of ns.devices.values()) {
      if (device.kind === "physical" && !segments.has(device.segment))
        segments.set(device.segment, `seg${segments.size}`);
    }
  }
  for (const [segment, bridge] of segments) {
    up.push(
      `ip -n ${wire} link add ${bridge} type bridge mcast_snooping 0`,
      `ip -n ${wire} link set ${bridge} mtu ${network.segment(segment)?.mtu ?? 1500} up`,
    );
  }
  let port = 0;
  for (const ns of namespaces) {
    const name = names.get(ns.id) ?? "";
    up.push(`ip -n ${name} link set lo up`, ...sysctls(ns, name));
    for (const device of ns.devices.values()) {
      if (device.kind === "physical") {
        const bridge = segments.get(device.segment) ?? "";
        const mtu = network.segment(device.segment)?.mtu ?? 1500;
        port += 1;
        up.push(`ip -n ${wire} link add p${port} type veth peer name ${device.name} netns ${name}`);
        up.push(`ip -n ${wire} link set p${port} mtu ${mtu} master ${bridge} up`);
        up.push(...common(name, device));
      } else if (device.kind === "bridge") {
        up.push(`ip -n ${name} link add ${device.name} type bridge mcast_snooping 0`, ...common(name, device));
      }
    }
  }
  // veth pairs after the bridges to which they belong; each pair once.
  const made = new Set<string>();
  for (const ns of namespaces) {
    for (const device of ns.devices.values()) {
      if (device.kind !== "veth" || made.has(`${ns.id} ${device.name}`)) continue;
      const peer = names.get(device.peer.netns);
      if (peer === undefined) continue;
      const other = network.netns(device.peer.netns)?.devices.get(device.peer.device);
      if (!other) continue;
      made.add(`${device.peer.netns} ${other.name}`);
      up.push(`ip -n ${names.get(ns.id)} link add ${device.name} type veth peer name ${other.name} netns ${peer}`);
      up.push(...common(names.get(ns.id) ?? "", device), ...common(peer, other));
    }
  }
  // What is stacked on a device is made beside it, under a name that nobody else has, and moved.
  let stacked = 0;
  for (const ns of namespaces) {
    for (const device of ns.devices.values()) {
      if (device.kind !== "macvlan" && device.kind !== "ipvlan") continue;
      const below = names.get(device.parent.netns);
      if (below === undefined) continue;
      needs.add(device.kind);
      stacked += 1;
      const name = names.get(ns.id) ?? "";
      up.push(
        `ip -n ${below} link add link ${device.parent.device} name stk${stacked} type ${device.kind} mode ${device.mode}`,
        `ip -n ${below} link set stk${stacked} netns ${name} name ${device.name}`,
        ...common(name, device),
      );
    }
  }
  for (const ns of namespaces) {
    const name = names.get(ns.id) ?? "";
    for (const device of ns.devices.values()) {
      if (device.kind === "vxlan") {
        needs.add("vxlan");
        up.push(
          `ip -n ${name} link add ${device.name} type vxlan id ${device.vni} ${device.lower === undefined ? "" : `dev ${device.lower} `}local ${formatIp(device.local)} dstport ${device.port} ${device.learning ? "" : "nolearning"}`,
          ...common(name, device),
        );
      } else if (device.kind === "ipip") {
        needs.add("ipip");
        up.push(
          `ip -n ${name} link add ${device.name} type ipip ${device.local === undefined ? "" : `local ${formatIp(device.local)}`} ${device.remote === undefined ? "" : `remote ${formatIp(device.remote)}`} nopmtudisc`,
          ...common(name, device),
        );
      } else if (device.kind === "tun") {
        needs.add("tun");
        tuns.push({ netns: ns.id, device });
        up.push(`ip -n ${name} tuntap add ${device.name} mode tun`, ...common(name, device));
      }
    }
    up.push(...routes(ns, name), ...neighbours(ns, name, network));
    const rules = netfilter(ns, name);
    if (rules.length > 0) needs.add("iptables");
    up.push(...rules);
  }
  return { up, down, names, needs, tuns };
}

function common(name: string, device: Device): string[] {
  const lines: string[] = [];
  if (device.mac !== undefined && device.kind !== "ipip" && device.kind !== "tun" && device.kind !== "ipvlan")
    lines.push(`ip -n ${name} link set ${device.name} address ${device.mac}`);
  if (device.master !== undefined) {
    lines.push(`ip -n ${name} link set ${device.name} master ${device.master}`);
    if (device.hairpin) lines.push(`ip netns exec ${name} bridge link set dev ${device.name} hairpin on`);
  }
  lines.push(`ip -n ${name} link set ${device.name} mtu ${device.mtu} up`);
  for (const { ip, len } of device.addresses) {
    if (typeof ip === "bigint" && ip >> 118n === 0x3fan) continue;
    lines.push(
      `ip -n ${name} addr add ${formatIp(ip)}/${len} dev ${device.name}${typeof ip === "bigint" ? " nodad" : ""}`,
    );
  }
  return lines;
}

function sysctls(ns: Netns, name: string): string[] {
  const settings = [
    `net.ipv4.ip_forward=${ns.sysctls.ipForward ? 1 : 0}`,
    `net.ipv6.conf.all.forwarding=${ns.sysctls.ip6Forward ? 1 : 0}`,
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0",
    "net.ipv4.icmp_ratelimit=0",
  ];
  const bridges = `ip netns exec ${name} sysctl -qw net.bridge.bridge-nf-call-iptables=${ns.sysctls.bridgeNfCallIptables ? 1 : 0} net.bridge.bridge-nf-call-ip6tables=${ns.sysctls.bridgeNfCallIp6tables ? 1 : 0} 2>/dev/null || true`;
  return [`ip netns exec ${name} sysctl -qw ${settings.join(" ")}`, bridges];
}

function routes(ns: Netns, name: string): string[] {
  const lines: string[] = [];
  for (const [table, { layers }] of ns.tables) {
    for (const layer of layers) {
      for (const [, route] of layer.table.entries()) {
        // Connected routes come with their addresses.
        if (route.proto === "kernel" || layer.except?.(route)) continue;
        lines.push(
          `ip -n ${name} ${typeof route.dst.ip === "bigint" ? "-6 " : ""}route add ${routeCommand(route)}${table === "main" ? "" : ` table ${table}`}`,
        );
      }
    }
  }
  for (const rule of ns.rules) {
    if (rule.table === "local" || rule.priority >= 32766) continue;
    lines.push(`ip -n ${name} rule add priority ${rule.priority} table ${rule.table}`);
  }
  // A route by way of another must come after it.
  return lines.sort((a, b) => Number(a.includes(" via ")) - Number(b.includes(" via ")));
}

function routeCommand(route: Route): string {
  const parts = [route.type === "unicast" ? "" : route.type, `${formatIp(route.dst.ip)}/${route.dst.len}`];
  const hop = (one: Nexthop): string =>
    `${one.via === undefined ? "" : `via ${formatIp(one.via)} `}dev ${one.dev}${one.onlink ? " onlink" : ""}`;
  if (route.nexthops.length === 1) parts.push(...route.nexthops.map(hop));
  else for (const one of route.nexthops) parts.push(`nexthop ${hop(one)} weight ${one.weight ?? 1}`);
  if (route.proto !== undefined) parts.push(`proto ${route.proto}`);
  if (route.src !== undefined) parts.push(`src ${formatIp(route.src)}`);
  if (route.scope === "link") parts.push("scope link");
  if (route.metric !== undefined) parts.push(`metric ${route.metric}`);
  if (route.mtu !== undefined) parts.push(`mtu ${route.mtu}`);
  return parts.filter((part) => part !== "").join(" ");
}

function neighbours(ns: Netns, name: string, network: Network): string[] {
  const lines: string[] = [];
  for (const entry of ns.neighbours.entries())
    lines.push(
      `ip -n ${name} neigh replace ${formatIp(entry.ip)} lladdr ${entry.mac} dev ${entry.device} nud permanent`,
    );
  for (const device of ns.devices.values()) {
    if (device.kind !== "vxlan") continue;
    for (const entry of device.fdb.entries())
      lines.push(
        `bridge -n ${name} fdb append ${entry.mac} dev ${device.name} dst ${formatIp(entry.dst)} self permanent`,
      );
  }
  void network;
  return lines;
}

/** iptables-restore's input in a here-document, for both families. Ports stay as they are, so that flows can be recognised. */
function netfilter(ns: Netns, name: string): string[] {
  const lines: string[] = [];
  for (const family of [4, 6] as const) {
    const tables = new Map<string, { heads: string[]; rules: string[] }>();
    for (const { table, chain } of ns.netfilter.chains(family)) {
      const entry = tables.get(table) ?? { heads: [], rules: [] };
      tables.set(table, entry);
      const builtin = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"].includes(chain.name);
      entry.heads.push(`:${chain.name} ${builtin ? (chain.policy ?? "ACCEPT") : "-"} [0:0]`);
      for (const rule of chain.rules)
        entry.rules.push(`-A ${chain.name} ${ruleText(rule, family).replace(" --random-fully", "")}`);
    }
    if (tables.size === 0) continue;
    const text = [...tables].flatMap(([table, { heads, rules }]) => [`*${table}`, ...heads, ...rules, "COMMIT"]);
    lines.push(
      `ip netns exec ${name} $KNET_IPTABLES${family === 6 ? "6" : ""} <<'KNET_RULES'\n${text.join("\n")}\nKNET_RULES`,
    );
  }
  return lines;
}
