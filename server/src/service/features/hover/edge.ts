/** What a line at a machine's edge does: addresses that change, ports that lead elsewhere, who answers for whom. */
import { formatIp, formatPrefix, type Ip } from "../../../addressing/ip.ts";
import type { Netns } from "../../../dataplane/model.ts";
import { ruleText } from "../../../dataplane/text.ts";
import type { Statement } from "../../../language/tree.ts";
import { plural } from "../../../text/words.ts";
import type { Listener, NatRule, Pod, Station, Topology } from "../../../topology/model.ts";
import { ownerOf } from "../../../trace/endpoints.ts";
import type { Analysis } from "../../analysis.ts";
import { bullets, code, codeBlock, paragraphs } from "../markdown.ts";
import type { Place } from "../place.ts";
import { byStatement } from "../statements.ts";
import { stationsAround } from "../stations.ts";

/** Of `masquerade`, `port-forward`, `answers any` and `listen … host-port`; empty for every other line. */
export function edgeText(analysis: Analysis, place: Place, keyword: string, statement: Statement): string {
  switch (keyword) {
    case "masquerade":
    case "port-forward":
    case "answers": {
      const stations = stationsAround(analysis.topology, place);
      const [station] = stations;
      if (!station) return "";
      const more = stations.length > 1 ? `And on ${plural(stations.length - 1, "more node")} likewise.` : "";
      const own = station.edge?.nat.find(({ source }) => source.statement === statement);
      const netns = analysis.network.netns(station.path);
      const text = own ? natText(analysis.topology, station, own) : answersText(station);
      return text === "" ? "" : paragraphs(text, netns && rulesText(netns, statement), more);
    }
    case "listen":
      return hostPortText(analysis, place, statement);
    default:
      return "";
  }
}

function natText(topology: Topology, station: Station, rule: NatRule): string {
  const { segment } = rule;
  const interfaces = station.interfaces.filter((iface) => segment === undefined || iface.segment === segment.name);
  switch (rule.kind) {
    case "masquerade": {
      const from = rule.from.length === 0 ? "All packets" : `Packets from ${rule.from.map(formatPrefix).join(", ")}`;
      return paragraphs(
        `${from} that leave ${code(station.path)} get its own address as their source:`,
        bullets(
          interfaces.map(
            ({ device, segment: name, addresses }) =>
              `by ${code(device)} to segment ${code(name)}: ${addressList(addresses.map(({ ip }) => ip))}`,
          ),
        ),
      );
    }
    case "port-forward": {
      const all = segment === undefined ? station.interfaces : interfaces;
      const own = addressList(all.flatMap(({ addresses }) => addresses.map(({ ip }) => ip)));
      const port = rule.toPort ?? rule.port;
      const where = segment === undefined ? "" : `, for packets that come from segment ${code(segment.name)},`;
      return `Port ${rule.port}/${rule.proto} of ${own}${where} leads to ${formatIp(rule.to)} port ${port}: ${receiverText(topology, rule.to, rule.proto, port)}`;
    }
  }
}

function addressList(ips: readonly Ip[]): string {
  return ips.length === 0 ? "no address" : ips.map(formatIp).join(", ");
}

function receiverText(topology: Topology, ip: Ip, proto: Listener["proto"], port: number): string {
  const owner = ownerOf(topology, ip);
  if (!owner) return "nobody has this address";
  const listening = owner.ports.find((one) => one.port === port && one.proto === proto);
  const what = listening ? `where ${code(listening.process)} listens` : "where nobody listens on this port";
  return `${owner.kind} ${code(owner.path)}, ${what}`;
}

function answersText(station: Station): string {
  if (station.edge?.answersAny !== true) return "";
  const ports = station.processes.flatMap(({ listeners }) => listeners.map(portText));
  const on = ports.length === 0 ? "it listens on no port, so only pings are answered" : `on ${ports.join(", ")}`;
  return `A packet that reaches ${code(station.path)} is answered from the address to which it went, whatever that is: ${on}.`;
}

function portText({ first, last, proto }: Listener): string {
  return `${first}${last === first ? "" : `-${last}`}/${proto}`;
}

const CHAINS = ["PREROUTING", "OUTPUT", "POSTROUTING"] as const;

/** The rules of the built-in chains only: those of services are many, and made when somebody comes to them. */
function rulesText(netns: Netns, statement: Statement): string {
  const lines = ([4, 6] as const).flatMap((family) =>
    CHAINS.flatMap((name) => {
      const rules = netns.netfilter.chain(family, "nat", name)?.rules ?? [];
      return rules
        .filter(({ origin }) => origin?.statement === statement)
        .map((rule) => `-t nat -A ${name} ${ruleText(rule, family)}`);
    }),
  );
  return lines.length === 0 ? "" : codeBlock(lines, 6);
}

const MOST_PODS = 5;

function hostPortText(analysis: Analysis, place: Place, statement: Statement): string {
  const { workloads } = byStatement(analysis);
  const found = place.path.statements.flatMap((around) => workloads.get(around) ?? [])[0];
  if (!found) return "";
  const { cluster, workload } = found;
  const listeners = workload.containers
    .flatMap((container) => container.listeners)
    .filter(({ hostPort, source }) => hostPort !== undefined && source.statement === statement);
  if (listeners.length === 0) return "";
  const shown = Math.min(workload.replicas, MOST_PODS);
  const pods = [...Array(shown).keys()].map((ordinal) => cluster.pods.podAt(workload, ordinal));
  return paragraphs(
    "A port of the nodes leads here:",
    bullets([
      ...listeners.flatMap((listener) => pods.map((pod) => portOfNode(pod, listener))),
      workload.replicas > shown ? `and those of ${plural(workload.replicas - shown, "more pod")}` : undefined,
    ]),
  );
}

function portOfNode({ name, node, addresses }: Pod, { hostPort, first, proto }: Listener): string {
  const to = addresses.map((ip) => `${formatIp(ip)} port ${first}`).join(", ");
  if (!node) return `pod ${code(name)} runs on no node`;
  const ips = node.interfaces.flatMap((iface) => iface.addresses.map(({ ip }) => formatIp(ip)));
  return `${ips.join(", ")} port ${hostPort}/${proto} (node ${code(node.name)}) → ${to} (pod ${code(name)})`;
}
