/** Ranges that contain addresses in use, and settings that the plugins reject. */
import { formatIp, formatRange, type IpRange, prefixRange } from "../../addressing/ip.ts";
import type { Related } from "../../declared/problem.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import type { Interface, Node } from "../../topology/model.ts";
import { familyOf } from "../host.ts";
import type { ClusterContext } from "../mode.ts";
import { CODES, type NetworkProblem, problem } from "../problems.ts";
import { pluginOf } from "../settings.ts";
import { isRouted, masterOf, type StackedSettings, stackedSettings } from "./settings.ts";

/** Maximum number of addresses in use that a problem lists. */
const MOST_NAMED = 3;

export function checkStacked(plugin: "macvlan" | "ipvlan", context: ClusterContext): readonly NetworkProblem[] {
  const { cluster } = context;
  const nodes = cluster.nodes.filter((node) => pluginOf(cluster, node) === plugin);
  const settings = stackedSettings(plugin, cluster.cni, undefined);
  const [first] = nodes;
  if (!first) return [];
  const problems: NetworkProblem[] = [];
  const segments = new Set(nodes.flatMap((node) => masterOf(node, settings)?.segment ?? []));
  if (!isRouted(settings)) {
    if (settings.ranges.length === 0 && cluster.pods.count > 0)
      problems.push(problem(CODES.stackedRangeMissing, settings.source, { plugin }));
    for (const segment of segments) problems.push(...checkRanges(context, settings, segment));
  }
  problems.push(...checkNodes(context, settings, nodes));
  return problems;
}

function checkRanges({ topology }: ClusterContext, settings: StackedSettings, name: string): NetworkProblem[] {
  const segment = topology.segments.get(name);
  if (!segment) return [];
  const problems: NetworkProblem[] = [];
  const takers = topology.attachedTo(name);
  for (const { range, exclude, source } of settings.ranges) {
    const cidrs = segment.cidrs.filter((cidr) => familyOf(cidr.ip) === familyOf(range.first));
    const text = formatRange(range);
    const around = cidrs.find(
      (cidr) => within(prefixRange(cidr), range.first) && within(prefixRange(cidr), range.last),
    );
    if (!around) {
      const data = { range: text, segment: name, cidrs: cidrs.map((cidr) => formatRange(prefixRange(cidr))) };
      const related = [{ source: segment.source, message: t`segment \`${name}\`` }];
      problems.push(problem(CODES.stackedRangeOutside, source, data, related));
      continue;
    }
    const taken = takers.flatMap((iface) =>
      iface.addresses
        .filter(({ ip }) => familyOf(ip) === familyOf(range.first) && within(range, ip))
        .filter(({ ip }) => !exclude.some((one) => within(one, ip)))
        .map(({ ip }) => ({ iface, ip })),
    );
    const [example] = taken;
    if (!example) continue;
    const data = {
      range: text,
      count: taken.length,
      address: formatIp(example.ip),
      station: example.iface.station,
    };
    problems.push(
      problem(
        CODES.stackedRangeTaken,
        source,
        data,
        taken.slice(0, MOST_NAMED).map(({ iface }) => place(iface)),
      ),
    );
  }
  return problems;
}

function within({ first, last }: IpRange, ip: number | bigint): boolean {
  return typeof ip === typeof first && ip >= first && ip <= last;
}

function place({ source, station, addresses }: Interface): Related {
  return {
    source,
    message: t`${station.kind} \`${station.path}\` has ${list(addresses.map(({ ip }) => formatIp(ip)))}`,
  };
}

/** The plugins' own errors: one problem per error. */
function checkNodes({ cluster }: ClusterContext, settings: StackedSettings, nodes: readonly Node[]): NetworkProblem[] {
  const errors = new Map<string, NetworkProblem>();
  const refuse = (error: string, keyword: string, node: Node) => {
    if (errors.has(keyword)) return;
    const data = { plugin: settings.plugin, node: node.path, error };
    errors.set(
      keyword,
      problem(CODES.stackedRefused, settings.sources.get(keyword) ?? settings.source, data, [
        { source: node.source, message: t`node \`${node.path}\`` },
      ]),
    );
  };
  for (const node of nodes) {
    const master = masterOf(node, settings);
    if (!master) refuse(`failed to lookup master "${settings.master ?? ""}": Link not found`, "master", node);
    else if (settings.mtu !== undefined && settings.mtu > master.mtu)
      refuse(`invalid MTU ${settings.mtu}, must be [0, master MTU(${master.mtu})]`, "mtu", node);
    if (settings.mode === "passthru") {
      let pods = 0;
      for (const pod of cluster.pods.podsOn(node)) if (!pod.workload.hostNetwork) pods++;
      if (pods > 1) refuse("failed to create macvlan: invalid argument", "mode", node);
    }
  }
  return [...errors.values()];
}
