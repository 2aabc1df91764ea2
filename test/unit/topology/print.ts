/** The resolved model of a text, as text for the tests of this folder. */

import { formatIp, formatPrefix, type Ip, type Prefix } from "../../../server/src/addressing/ip.ts";
import { modeAddressing } from "../../../server/src/cni/modes.ts";
import type { Origin } from "../../../server/src/declared/origin.ts";
import { decodeFile } from "../../../server/src/frontends/knet/decode.ts";
import { statementOf } from "../../../server/src/frontends/knet/handle.ts";
import { parse } from "../../../server/src/frontends/knet/parser.ts";
import { positionsOf } from "../../../server/src/frontends/knet/positions.ts";
import type { SyntaxTree } from "../../../server/src/frontends/knet/tree.ts";
import { buildTopology } from "../../../server/src/topology/build.ts";
import type {
  AclRule,
  Cluster,
  Interface,
  Pod,
  StaticRoute,
  Station,
  Topology,
} from "../../../server/src/topology/model.ts";

export function topologyOf(text: string): Topology {
  return analysed(text).topology;
}

function analysed(text: string): { readonly tree: SyntaxTree; readonly topology: Topology } {
  const tree = parse(text);
  return { tree, topology: buildTopology([{ file: "test.knet", decls: decodeFile(tree) }], modeAddressing) };
}

/** The readable parts of the model, and the problems. */
export function printed(text: string): string {
  const { tree, topology } = analysed(text);
  const lines: string[] = [];
  for (const segment of topology.segments.values()) {
    const gateways = segment.gateways.length === 0 ? "" : ` gateway ${ips(segment.gateways)}`;
    lines.push(`segment ${segment.name} ${segment.cidrs.map(formatPrefix).join(" ")} mtu ${segment.mtu}${gateways}`);
  }
  for (const router of topology.routers) printStation(router, lines);
  for (const host of topology.hosts) printStation(host, lines);
  for (const cluster of topology.clusters) printCluster(cluster, lines);
  for (const { from, to, port, proto, want } of topology.expectations) {
    const what =
      want.kind === "via" ? `via ${want.station}` : want.kind === "mtu" ? `mtu >= ${want.atLeast}` : want.kind;
    lines.push(`expect ${from} -> ${to} ${proto}${port === undefined ? "" : `/${port}`} ${what}`);
  }
  lines.push(...printProblems(tree, topology));
  return `\n${lines.join("\n")}\n`;
}

/** `! KN012 at «lan» name: lan, kind: segment`: the code, the text at its position, its values. */
export function problemsOf(text: string): string[] {
  const { tree, topology } = analysed(text);
  return printProblems(tree, topology);
}

function printProblems(tree: SyntaxTree, { problems }: Topology): string[] {
  const positions = positionsOf(tree);
  const at = ({ decl, part }: Origin): string => {
    const span = positions.spanOf(statementOf(decl), part);
    return span === undefined ? "?" : (tree.text.slice(span.start, span.end).split("\n")[0] ?? "");
  };
  return problems.map(({ code, source, data, related }) => {
    const values = Object.entries<unknown>(data).map(([name, value]) => `${name}: ${valueText(value)}`);
    const others = related.map((other) => `; ${other.message} «${at(other.source)}»`);
    return `! ${code} at «${at(source)}» ${values.join(", ")}${others.join("")}`;
  });
}

/** Lists with commas, prefixes as usual, objects as the list of their values. */
function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.map(valueText).join(", ");
  if (typeof value !== "object" || value === null) return String(value);
  return "ip" in value && "len" in value
    ? formatPrefix(value as Prefix)
    : Object.values(value).map(valueText).join(" ");
}

function printCluster(cluster: Cluster, lines: string[]): void {
  const pods = cluster.podCidrs.map(({ prefix, perNode }) => `${formatPrefix(prefix)} per node /${perNode}`).join(", ");
  const services = cluster.serviceCidrs.map(({ prefix }) => formatPrefix(prefix)).join(", ");
  lines.push(`cluster ${cluster.name} pods ${pods || "-"} services ${services || "-"} cni ${cluster.cni.plugin}`);
  for (const node of cluster.nodes) {
    printStation(node, lines, "  ");
    const bridge = node.dockerBridge?.address;
    if (bridge !== undefined) lines.push(`    docker0 ${formatIp(bridge.ip)}/${bridge.len}`);
    if (node.cni !== undefined) lines.push(`    cni ${node.cni.plugin}`);
    const ranges = node.podCidrs.map(
      ({ prefix, allocated }) => `${formatPrefix(prefix)}${allocated ? "" : " (stated)"}`,
    );
    lines.push(`    pods of ${ranges.join(", ") || "no range"}:`);
    for (const pod of cluster.pods.podsOn(node)) lines.push(`      ${printPod(pod)}`);
  }
  const lost = cluster.workloads.flatMap((workload) =>
    Array.from({ length: workload.replicas }, (_, ordinal) => cluster.pods.podAt(workload, ordinal)).filter(
      ({ node }) => node === undefined,
    ),
  );
  for (const pod of lost) lines.push(`  nowhere: ${printPod(pod)}`);
}

export function printPod({ path, slot, addresses, workload }: Pod): string {
  const place = workload.hostNetwork ? "host network" : slot < 0 ? "" : `slot ${slot}`;
  return [path, ips(addresses) || "no address", place].filter((text) => text !== "").join(" ");
}

function printStation(station: Station, lines: string[], indent = ""): void {
  lines.push(`${indent}${station.kind} ${station.path}`);
  const add = (text: string): void => {
    lines.push(`${indent}  ${text}`);
  };
  for (const iface of station.interfaces) add(printInterface(iface));
  for (const route of station.routes) add(printRoute(route));
  for (const rule of station.acl) add(printRule(rule));
  for (const [name, { value }] of station.sysctls) add(`sysctl ${name} = ${value}`);
  for (const { name, listeners } of station.processes) {
    const ports = listeners.map(({ proto, first, last }) => `${first === last ? first : `${first}-${last}`}/${proto}`);
    add(`process ${name} ${ports.join(" ")}`);
  }
}

function printInterface({ device, segment, addresses, mtu, allocated }: Interface): string {
  const own = addresses.map(({ ip, len }) => `${formatIp(ip)}/${len}`).join(" ") || "no address";
  return `${device} ${segment} ${own}${allocated ? " (allocated)" : ""} mtu ${mtu}`;
}

function printRoute({ dst, type, via, dev, metric, implied }: StaticRoute): string {
  const parts = [`route ${formatPrefix(dst)}`];
  if (type !== "unicast") parts.push(type);
  if (via.length > 0) parts.push(`via ${ips(via)}`);
  if (dev !== undefined) parts.push(`dev ${dev}`);
  if (metric !== undefined) parts.push(`metric ${metric}`);
  if (implied) parts.push("(by the gateway)");
  return parts.join(" ");
}

function printRule({ action, direction, proto, ports, from, to }: AclRule): string {
  const parts = [action, proto ?? "any", direction];
  if (ports.length > 0) {
    parts.push(`port ${ports.map(({ first, last }) => (first === last ? first : `${first}-${last}`)).join(" ")}`);
  }
  if (from.length > 0) parts.push(`from ${from.map(formatPrefix).join(" ")}`);
  if (to.length > 0) parts.push(`to ${to.map(formatPrefix).join(" ")}`);
  return parts.join(" ");
}

function ips(list: readonly Ip[]): string {
  return list.map(formatIp).join(" ");
}
