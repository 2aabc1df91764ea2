/** Hovers of routers, hosts, nodes, and clusters: devices, routes, and listeners. */
import { formatIp, formatPrefix } from "../../../addressing/ip.ts";
import { one } from "../../../declared/access.ts";
import { number, plural } from "../../../text/format.ts";
import { t } from "../../../text/l10n.ts";
import type { Cluster, Node, Station } from "../../../topology/model.ts";
import type { Analysis } from "../../analysis.ts";
import { rangeTexts } from "../../node-ranges.ts";
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
  return station.interfaces.map(({ device, segment, addresses, mtu }) => {
    const own = addresses.map(({ ip, len }) => `${formatIp(ip)}/${len}`).join(" ");
    return t`${code(device)} on segment ${code(segment)} ${own}, MTU ${mtu}`;
  });
}

export function poolText(nodes: readonly Node[]): string {
  const first = nodes[0]?.name ?? "";
  const last = nodes.at(-1)?.name ?? "";
  return t`**${plural(nodes.length, "node")}** ${code(first)} to ${code(last)}; for example:`;
}

export function nodeFacts(cluster: Cluster, node: Node): string {
  const blocks = [
    ...rangeTexts(node.podCidrs.filter(({ allocated }) => allocated)),
    ...node.podCidrs.flatMap(({ prefix, allocated }) => (allocated ? [] : [t`${formatPrefix(prefix)} (explicit)`])),
  ];
  const pods = plural(cluster.pods.countOn(node), "pod");
  const most = number(cluster.maxPods);
  return bullets([
    blocks.length === 0
      ? t`no pod CIDR: ${pods} of at most ${most}`
      : t`pod CIDR ${blocks.join(", ")}: ${pods} of at most ${most}`,
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
  const shown = `${ports.slice(0, 12).join(", ")}${ports.length > 12 ? " …" : ""}`;
  return ports.length === 0 ? "" : t`Listens on ${shown}`;
}
