/** Hovers of the edge statements of a machine: masquerading, port forwarding, `answers any`, and host ports. */

import { formatIp, formatPrefix, type Ip } from "../../../addressing/ip.ts";
import type { Netns } from "../../../dataplane/model.ts";
import { ruleText } from "../../../dataplane/text.ts";
import type { Handle } from "../../../declared/handle.ts";
import { plural } from "../../../text/format.ts";
import { t } from "../../../text/l10n.ts";
import type { Listener, NatRule, Pod, Station, Topology } from "../../../topology/model.ts";
import { ownerOf } from "../../../trace/endpoints.ts";
import type { Analysis } from "../../analysis.ts";
import { bullets, code, codeBlock, paragraphs } from "../markdown.ts";
import type { Place } from "../place.ts";
import { byHandle } from "../statements.ts";
import { stationsAround } from "../stations.ts";

/** Hover of `masquerade`, `port-forward`, `answers any`, and `listen … host-port`; empty for all other statements. */
export function edgeText(analysis: Analysis, place: Place, keyword: string, handle: Handle): string {
  switch (keyword) {
    case "masquerade":
    case "port-forward":
    case "answers": {
      const stations = stationsAround(analysis.topology, place);
      const [station] = stations;
      if (!station) return "";
      const more = stations.length > 1 ? t`Also on ${plural(stations.length - 1, "more node")}.` : "";
      const own = station.edge?.nat.find(({ source }) => source.decl.handle === handle);
      const netns = analysis.network.netns(station.path);
      const text = own ? natText(analysis.topology, station, own) : answersText(station);
      return text === "" ? "" : paragraphs(text, netns && rulesText(netns, handle), more);
    }
    case "listen":
      return hostPortText(analysis, place, handle);
    default:
      return "";
  }
}

function masqueradeText({ path }: Station, rule: NatRule & { readonly kind: "masquerade" }): string {
  const [from, to] = [rule.from, rule.to].map((prefixes) => prefixes.map(formatPrefix).join(", "));
  if (!to)
    return from
      ? t`Packets from ${from} that leave ${code(path)} are masqueraded to:`
      : t`All packets that leave ${code(path)} are masqueraded to:`;
  return from
    ? t`Packets from ${from} to ${to} that leave ${code(path)} are masqueraded to:`
    : t`Packets to ${to} that leave ${code(path)} are masqueraded to:`;
}

function natText(topology: Topology, station: Station, rule: NatRule): string {
  const { segment } = rule;
  const interfaces = station.interfaces.filter((iface) => segment === undefined || iface.segment === segment.name);
  switch (rule.kind) {
    case "masquerade": {
      return paragraphs(
        masqueradeText(station, rule),
        bullets(
          interfaces.map(
            ({ device, segment: name, addresses }) =>
              t`via ${code(device)} on segment ${code(name)}: ${addressList(addresses.map(({ ip }) => ip))}`,
          ),
        ),
      );
    }
    case "port-forward": {
      const all = segment === undefined ? station.interfaces : interfaces;
      const own = addressList(all.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)));
      const port = rule.toPort ?? rule.port;
      const outside = `${rule.port}/${rule.proto}`;
      const to = formatIp(rule.to);
      const receiver = receiverText(topology, rule.to, rule.proto, port);
      return segment === undefined
        ? t`Port ${outside} of ${own} forwards to ${to} port ${port}: ${receiver}`
        : t`Port ${outside} of ${own}, for packets from segment ${code(segment.name)}, forwards to ${to} port ${port}: ${receiver}`;
    }
  }
}

function addressList(ips: readonly Ip[]): string {
  return ips.length === 0 ? t`no address` : ips.map(formatIp).join(", ");
}

function receiverText(topology: Topology, ip: Ip, proto: Listener["proto"], port: number): string {
  const owner = ownerOf(topology, ip);
  if (!owner) return t`unassigned`;
  const listening = owner.ports.find((one) => one.port === port && one.proto === proto);
  return listening
    ? t`${owner.kind} ${code(owner.path)}, ${code(listening.process)} listens`
    : t`${owner.kind} ${code(owner.path)}, nothing listens on this port`;
}

function answersText(station: Station): string {
  if (station.edge?.answersAny !== true) return "";
  const ports = station.processes.flatMap(({ listeners }) => listeners.map(portText));
  return ports.length === 0
    ? t`Accepts packets to any address and replies from the address they were sent to; no open ports, so only pings receive a reply.`
    : t`Accepts packets to any address (${ports.join(", ")}) and replies from the address they were sent to.`;
}

function portText({ first, last, proto }: Listener): string {
  return `${first}${last === first ? "" : `-${last}`}/${proto}`;
}

const CHAINS = ["PREROUTING", "OUTPUT", "POSTROUTING"] as const;

/** Only rules of the built-in chains: the chains of services are numerous and created on demand. */
function rulesText(netns: Netns, handle: Handle): string {
  const lines = ([4, 6] as const).flatMap((family) =>
    CHAINS.flatMap((name) => {
      const rules = netns.netfilter.chain(family, "nat", name)?.rules ?? [];
      return rules
        .filter(({ origin }) => origin !== undefined && origin.decl.handle === handle)
        .map((rule) => `-t nat -A ${name} ${ruleText(rule, family)}`);
    }),
  );
  return lines.length === 0 ? "" : codeBlock(lines, 6);
}

const MOST_PODS = 5;

function hostPortText(analysis: Analysis, place: Place, handle: Handle): string {
  const { workloads } = byHandle(analysis);
  const found = place.decls.flatMap((around) => workloads.get(around.handle) ?? [])[0];
  if (!found) return "";
  const { cluster, workload } = found;
  const listeners = workload.containers
    .flatMap((container) => container.listeners)
    .filter(({ hostPort, source }) => hostPort !== undefined && source.decl.handle === handle);
  if (listeners.length === 0) return "";
  const shown = Math.min(workload.replicas, MOST_PODS);
  const pods = [...Array(shown).keys()].map((ordinal) => cluster.pods.podAt(workload, ordinal));
  return paragraphs(
    t`Forwarded from node ports:`,
    bullets([
      ...listeners.flatMap((listener) => pods.map((pod) => portOfNode(pod, listener))),
      workload.replicas > shown ? t`and ${plural(workload.replicas - shown, "more pod")}` : undefined,
    ]),
  );
}

function portOfNode({ name, node, addresses }: Pod, { hostPort, first, proto }: Listener): string {
  const to = addresses.map((ip) => t`${formatIp(ip)} port ${first}`).join(", ");
  if (!node) return t`pod ${code(name)} runs on no node`;
  const ips = node.interfaces.flatMap((iface) => iface.addresses.map(({ ip }) => formatIp(ip)));
  const port = `${hostPort}/${proto}`;
  return t`${ips.join(", ")} port ${port} (node ${code(node.name)}) → ${to} (pod ${code(name)})`;
}
