/** Routers, hosts, nodes and clusters, as a hover tells of them: devices, routes, what listens. */
import { formatIp, formatPrefix } from "../../../addressing/ip.ts";
import { one } from "../../../language/decode.ts";
import { number, plural } from "../../../text/words.ts";
import type { Cluster, Node, Station } from "../../../topology/model.ts";
import type { Analysis } from "../../analysis.ts";
import { deviceLines, routeReasons, routeTable } from "../kernel.ts";
import { bullets, code, paragraphs } from "../markdown.ts";
import { prefixText } from "../ranges.ts";

export function stationText(analysis: Analysis, station: Station, kind: string, facts: string): string {
  const netns = analysis.network.netns(station.path);
  return paragraphs(
    `**${kind}** ${code(station.path)}`,
    bullets([...(netns ? deviceLines(netns) : interfaceLines(station))]),
    facts,
    listeningText(station.processes),
    netns && routeTable(netns),
    netns && routeReasons(netns),
  );
}

function interfaceLines(station: Station): readonly string[] {
  return station.interfaces.map(
    ({ device, segment, addresses, mtu }) =>
      `${code(device)} on segment ${code(segment)} ${addresses.map(({ ip, len }) => `${formatIp(ip)}/${len}`).join(" ")}, MTU ${mtu}`,
  );
}

export function poolText(nodes: readonly Node[]): string {
  const first = nodes[0]?.name ?? "";
  const last = nodes.at(-1)?.name ?? "";
  return `**${plural(nodes.length, "node")}** ${code(first)} to ${code(last)}; the first of them:`;
}

export function nodeFacts(cluster: Cluster, node: Node): string {
  const blocks = node.podCidrs.map(({ prefix, allocated }) => `${formatPrefix(prefix)}${allocated ? "" : " (stated)"}`);
  return bullets([
    `pods ${blocks.length === 0 ? "without a range" : blocks.join(", ")}: ${plural(cluster.pods.countOn(node), "pod")} of at most ${number(cluster.maxPods)}`,
    `cni ${code(modeName(cluster, node))}`,
  ]);
}

/** As written: "flannel, backend vxlan". */
function modeName(cluster: Cluster, node: Node | undefined): string {
  const settings = node?.cni ?? cluster.cni;
  const backend = [node?.cni?.decl, cluster.cni.decl]
    .flatMap((decl) => decl?.children ?? [])
    .find((child) => child.spec?.keyword === "backend");
  const type = one(backend, "type")?.value;
  return type?.kind === "word" ? `${settings.plugin}, backend ${type.text}` : settings.plugin;
}

export function clusterText({ topology }: Analysis, cluster: Cluster): string {
  return paragraphs(
    `**cluster** ${code(cluster.name)} · ${plural(cluster.nodes.length, "node")}, ${plural(cluster.pods.count, "pod")}, cni ${code(modeName(cluster, undefined))}`,
    ...cluster.podCidrs.map(({ prefix }) => prefixText(topology, prefix)),
    ...cluster.serviceCidrs.map(({ prefix }) => prefixText(topology, prefix)),
  );
}

export function listeningText(processes: Station["processes"]): string {
  const ports = processes.flatMap(({ name, listeners }) =>
    listeners.map(({ first, last, proto }) => `${first}${last === first ? "" : `-${last}`}/${proto} (${code(name)})`),
  );
  return ports.length === 0 ? "" : `Listens on ${ports.slice(0, 12).join(", ")}${ports.length > 12 ? " …" : ""}`;
}
