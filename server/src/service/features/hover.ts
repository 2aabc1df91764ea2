/** What one sees on pointing at something: what it is, what it means, and what the kernel holds because of it. */

import { formatIp, formatPrefix } from "../../addressing/ip.ts";
import { number, plural } from "../../checks/text.ts";
import { one } from "../../language/decode.ts";
import { type ArgSpec, type FlagSpec, isFlag, type KeywordSpec } from "../../language/schema/index.ts";
import { sysctls } from "../../language/schema/sysctls.ts";
import type { Span } from "../../language/tree.ts";
import type { Value } from "../../language/values.ts";
import type { Cluster, Node, Pod, Service, ServicePort, Station, Workload } from "../../topology/model.ts";
import { requirementText } from "../../topology/selector.ts";
import { endpointText } from "../../topology/services.ts";
import type { Trace } from "../../trace/schema.ts";
import { ask } from "../../trace/trace.ts";
import type { Analysis } from "../analysis.ts";
import { keywordDocumentation } from "./completion.ts";
import { defaultRoutes, deviceLines, madeBy, madeText, pluginText, routeReasons, routeTable } from "./kernel.ts";
import { bullets, code, paragraphs } from "./markdown.ts";
import { targetAt } from "./navigation.ts";
import { type Place, type Pointed, placeAt, pointedAt, readAt } from "./place.ts";
import { isolationText, policyText } from "./policies.ts";
import { addressText, prefixText } from "./ranges.ts";
import { podNamed, type Subject, subjectOf } from "./subjects.ts";
import { stationsAround } from "./suggestions.ts";
import { type NamedSymbol, pathOf } from "./symbols.ts";

export interface Hover {
  readonly span: Span;
  readonly markdown: string;
}

export function hoverAt(analysis: Analysis, file: string, offset: number): Hover | undefined {
  const place = placeAt(analysis, file, offset);
  const pointed = place && pointedAt(place);
  if (!place || !pointed?.decl.spec) return undefined;
  const { spec } = pointed.decl;
  if (pointed.part === "keyword") {
    return { span: pointed.span, markdown: paragraphs(keywordText(spec), made(analysis, place, pointed)) };
  }
  const target = targetAt(analysis, file, offset);
  const symbol = target?.symbols[0];
  if (target && symbol) {
    const text =
      target.symbols.length > 1 && symbol.kind !== "namespace"
        ? `${plural(target.symbols.length, "declaration")} of this name`
        : "";
    const use = pointed.arg.kind === "word" || pointed.arg.kind === "string" ? pointed.arg.text : undefined;
    return { span: target.span, markdown: paragraphs(symbolText(analysis, symbol, use), text) };
  }
  const found = readAt(pointed.decl, pointed.part);
  if (found) {
    const markdown = paragraphs(
      valueText(analysis, found.read.value, found.spec),
      argumentText(found.spec, spec),
      spec.keyword === "route" || spec.keyword === "backend" || spec.keyword === "cni"
        ? made(analysis, place, pointed)
        : "",
    );
    return { span: pointed.span, markdown };
  }
  const literal = spec.args.find((arg) => (isFlag(arg) ? arg.name : arg.after)?.split(" ").includes(pointed.arg.text));
  return literal && { span: pointed.span, markdown: paragraphs(code(pointed.arg.text), argumentText(literal, spec)) };
}

/* ------------------------------------------------------------------ schema */

function keywordText(spec: KeywordSpec): string {
  return paragraphs(`**${spec.keyword}** · ${spec.summary}`, keywordDocumentation(spec));
}

function argumentText(arg: ArgSpec | FlagSpec, spec: KeywordSpec): string {
  const otherwise = isFlag(arg) || arg.default === undefined ? "" : `\n\nDefault: ${arg.default}`;
  return `${arg.summary} (${code(spec.keyword)})${otherwise}`;
}

function valueText(analysis: Analysis, value: Value, spec: ArgSpec): string {
  const { topology } = analysis;
  switch (value.kind) {
    case "prefix":
      return prefixText(topology, value.prefix);
    case "address":
      return addressText(topology, value.ip);
    case "interface-address":
      return addressText(topology, value.ip);
    case "ref":
    case "endpoint":
      return value.address === undefined
        ? `${code(value.text)} · nothing has this name`
        : addressText(topology, value.address);
    case "word": {
      if (spec.type.kind === "sysctl") return sysctlText(value.text);
      const chosen = spec.type.kind === "enum" ? spec.type.values.find((one) => one.value === value.text) : undefined;
      return `**${value.text}**${chosen ? ` · ${chosen.summary}` : ""}`;
    }
    case "default-route":
      return `${code("default")} · 0.0.0.0/0 or ::/0, according to the next hop`;
    case "length":
      return `**/${value.len}**${value.len <= 32 ? ` · of IPv4 ${plural(2 ** (32 - value.len), "address", "addresses")}` : ""}`;
    case "ports": {
      const proto = value.proto === undefined ? "" : `/${value.proto}`;
      return `**${value.first}${value.last === value.first ? "" : `-${value.last}`}${proto}**`;
    }
    case "index-range":
      return `${number(value.last - value.first + 1)} of them`;
    case "name":
    case "string":
      return code(value.text);
    case "number":
      return `**${value.value}**`;
    case "boolean":
      return `**${value.value}**`;
    case "label":
      return code(`${value.key}=${value.value}`);
    case "flag":
      return "";
    case "requirement":
      return code(value.requirement === undefined ? "*" : requirementText(value.requirement));
    case "port-name":
      return `port ${code(value.name)}${value.proto === undefined ? "" : `/${value.proto}`}, as the containers name it`;
  }
}

function sysctlText(name: string): string {
  const spec =
    sysctls.find((one) => one.name === name.replace(/^(net\.ipv4\.conf\.)[^.]+\./, "$1<device>.")) ??
    sysctls.find((one) => one.name === name);
  return paragraphs(code(name), spec && `${spec.summary}\n\nDefault: ${spec.default}`);
}

/* -------------------------------------------------------- what a line makes */

/** Of a station's statement: devices and routes that go back to it; of the plugin's: what one node holds of it. */
function made(analysis: Analysis, place: Place, { decl }: Pointed): string {
  const keyword = decl.spec?.keyword;
  const { topology, network } = analysis;
  const { statement } = decl;
  if (keyword === "cni" || keyword === "backend") {
    const cluster = topology.clusters.find(({ source }) => place.path.statements.includes(source.statement));
    const own = stationsAround(topology, place)[0];
    const node =
      (own?.kind === "node" ? own : undefined) ??
      cluster?.nodes.find((one) => one.cni === undefined) ??
      cluster?.nodes[0];
    const netns = node && network.netns(node.path);
    if (!node || !netns) return "";
    const text = pluginText(netns);
    return text === "" ? "" : paragraphs(`On node ${code(node.name)}:`, text);
  }
  if (keyword !== "attach" && keyword !== "route" && keyword !== "docker-bridge") return "";
  const stations = stationsAround(topology, place);
  const station =
    stations[0] ?? topology.clusters.find(({ source }) => place.path.statements.includes(source.statement))?.nodes[0];
  const netns = station && network.netns(station.path);
  if (!station || !netns) return "";
  const iface =
    keyword === "attach" ? station.interfaces.find(({ source }) => source.statement === statement) : undefined;
  const own = madeBy(netns, new Set([statement]));
  // The default route belongs to the segment that gives it.
  const defaults = iface ? defaultRoutes(netns, iface.device).filter((route) => !own.routes.includes(route)) : [];
  const text = madeText({ devices: own.devices, routes: [...own.routes, ...defaults] });
  if (text === "") return keyword === "route" ? "The kernel refuses this route; it is left out." : "";
  const more = stations.length > 1 ? ` and on ${plural(stations.length - 1, "more node")} likewise` : "";
  return paragraphs(`In the kernel of ${code(station.path)}${more}:`, text);
}

/* ----------------------------------------------------------------- symbols */

function symbolText(analysis: Analysis, symbol: NamedSymbol, use: string | undefined): string {
  const subject = subjectOf(analysis.topology, symbol);
  if (symbol.kind === "container" || symbol.kind === "daemon") return processText(symbol, subject);
  if (!subject) return `**${symbol.decl.spec?.keyword ?? symbol.kind}** ${code(pathOf(symbol).join("/"))}`;
  switch (subject.kind) {
    case "segment": {
      const { segment } = subject;
      const { topology } = analysis;
      const attached = topology.attachedTo(segment.name).length;
      return paragraphs(
        `**segment** ${code(segment.name)} · MTU ${segment.mtu}${segment.vlan === undefined ? "" : `, VLAN ${segment.vlan}`}, ${plural(attached, "interface")}`,
        segment.gateways.length === 0 ? "No gateway" : `Gateway ${segment.gateways.map(formatIp).join(", ")}`,
        ...segment.cidrs.map((prefix) => prefixText(topology, prefix)),
      );
    }
    case "router":
      return stationText(analysis, subject.router, "router", "");
    case "host":
      return stationText(analysis, subject.host, "host", "");
    case "cluster":
      return clusterText(analysis, subject.cluster);
    case "nodes": {
      const last = use?.split(":")[0]?.split("/").at(-1);
      const node = subject.nodes.find(({ name }) => name === last) ?? subject.nodes[0];
      if (!node) return "";
      const pool = subject.nodes.length > 1 && node.name !== last ? poolText(subject.nodes) : "";
      return paragraphs(pool, stationText(analysis, node, "node", nodeFacts(subject.cluster, node)));
    }
    case "service":
      return serviceText(subject.cluster, subject.service);
    case "workload":
      return workloadText(analysis, subject.cluster, subject.workload, use);
    case "policy":
      return policyText(subject.cluster, subject.policy);
  }
}

function poolText(nodes: readonly Node[]): string {
  const first = nodes[0]?.name ?? "";
  const last = nodes.at(-1)?.name ?? "";
  return `**${plural(nodes.length, "node")}** ${code(first)} to ${code(last)}; the first of them:`;
}

function processText(symbol: NamedSymbol, subject: Subject | undefined): string {
  const path = pathOf(symbol).join("/");
  const processes =
    subject?.kind === "workload"
      ? subject.workload.containers
      : subject?.kind === "nodes"
        ? subject.nodes[0]?.processes
        : subject?.kind === "host"
          ? subject.host.processes
          : [];
  const own = processes?.find(({ name }) => name === symbol.name);
  const ports = (own?.listeners ?? []).map(
    ({ first, last, proto }) => `${first}${last === first ? "" : `-${last}`}/${proto}`,
  );
  return paragraphs(
    `**${symbol.kind}** ${code(path)}`,
    ports.length === 0 ? "Listens on no port" : `Listens on ${ports.join(", ")}`,
  );
}

function stationText(analysis: Analysis, station: Station, kind: string, facts: string): string {
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

function nodeFacts(cluster: Cluster, node: Node): string {
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

function clusterText({ topology }: Analysis, cluster: Cluster): string {
  return paragraphs(
    `**cluster** ${code(cluster.name)} · ${plural(cluster.nodes.length, "node")}, ${plural(cluster.pods.count, "pod")}, cni ${code(modeName(cluster, undefined))}`,
    ...cluster.podCidrs.map(({ prefix }) => prefixText(topology, prefix)),
    ...cluster.serviceCidrs.map(({ prefix }) => prefixText(topology, prefix)),
  );
}

function listeningText(processes: Station["processes"]): string {
  const ports = processes.flatMap(({ name, listeners }) =>
    listeners.map(({ first, last, proto }) => `${first}${last === first ? "" : `-${last}`}/${proto} (${code(name)})`),
  );
  return ports.length === 0 ? "" : `Listens on ${ports.slice(0, 12).join(", ")}${ports.length > 12 ? " …" : ""}`;
}

/* ---------------------------------------------------------------- services */

const MOST_ENDPOINTS = 8;

function serviceText(cluster: Cluster, service: Service): string {
  const { services } = cluster;
  const ips = service.clusterIps.map(formatIp).join(", ");
  const addresses = [
    ...service.externalIps.map(({ ip }) => `external ${formatIp(ip)}`),
    ...service.loadBalancerIps.map(({ ip }) => `load balancer ${formatIp(ip)}`),
  ];
  return paragraphs(
    `**service** ${code(service.path)} · ${service.type}${ips === "" ? "" : `, ClusterIP ${ips}${service.allocated ? " (allocated)" : ""}`}`,
    service.externalName === undefined ? "" : `DNS answers ${code(service.externalName)}`,
    bullets(addresses),
    ...service.ports.map((port) => servicePortText(cluster, service, port)),
    bullets([
      `DNS name ${code(`${service.name}.${service.namespace}.svc.${services.domain}`)}`,
      ...environment(service),
    ]),
  );
}

function servicePortText(cluster: Cluster, service: Service, port: ServicePort): string {
  const endpoints = ([4, 6] as const).flatMap((of) => cluster.services.endpoints(service, port, of));
  const name = port.name === undefined ? "" : ` (${port.name})`;
  const nodePort =
    port.nodePort === undefined ? "" : `, on every node ${port.nodePort}${port.nodePortGiven ? "" : " (allocated)"}`;
  return paragraphs(
    `Port **${port.port}/${port.proto}**${name} → ${port.target}${nodePort}: ${plural(endpoints.length, "endpoint")}`,
    bullets([
      ...endpoints.slice(0, MOST_ENDPOINTS).map((endpoint) => {
        const pod = endpoint.pod && ` ${code(endpoint.pod.name)}`;
        const node = endpoint.node && ` on ${code(endpoint.node.name)}`;
        return `${endpointText(endpoint)}${pod ?? ""}${node ?? ""}`;
      }),
      endpoints.length > MOST_ENDPOINTS ? `and ${number(endpoints.length - MOST_ENDPOINTS)} more` : undefined,
    ]),
  );
}

/** What kubelet gives to containers of the namespace that start after the service (pkg/kubelet/envvars). */
function environment({ name, clusterIps, ports }: Service): readonly string[] {
  const [ip] = clusterIps;
  const [port] = ports;
  if (ip === undefined || port === undefined) return [];
  const prefix = name.toUpperCase().replaceAll("-", "_");
  return [
    `environment ${code(`${prefix}_SERVICE_HOST=${formatIp(ip)}`)} ${code(`${prefix}_SERVICE_PORT=${port.port}`)}`,
  ];
}

/* -------------------------------------------------------------------- pods */

const MOST_PODS = 5;

function workloadText(analysis: Analysis, cluster: Cluster, workload: Workload, use: string | undefined): string {
  const named = podNamed(cluster, workload, use);
  if (workload.replicas === 1 || named) {
    const pod = named ?? cluster.pods.podAt(workload, 0);
    return podText(analysis, cluster, pod);
  }
  const shown = [...Array(Math.min(workload.replicas, MOST_PODS)).keys()].map((ordinal) =>
    cluster.pods.podAt(workload, ordinal),
  );
  const first = shown[0];
  return paragraphs(
    `**${workload.kind}** ${code(`${cluster.name}/${workload.namespace}/${workload.name}`)} · ${plural(workload.replicas, "pod")}${workload.hostNetwork ? " in the nodes' network namespaces" : ""}`,
    bullets([
      ...shown.map(
        (pod) =>
          `${code(pod.name)} ${pod.addresses.map(formatIp).join(", ") || "without address"}${pod.node ? ` on ${code(pod.node.name)}` : ""}`,
      ),
      workload.replicas > shown.length ? `and ${number(workload.replicas - shown.length)} more` : undefined,
    ]),
    listeningText(workload.containers),
    first && isolationText(cluster, first),
    first && reachText(analysis, cluster, first),
  );
}

function podText(analysis: Analysis, cluster: Cluster, pod: Pod): string {
  const { workload, node } = pod;
  const own = workload.hostNetwork ? "in the node's network namespace" : "";
  const addresses = pod.addresses.length === 0 ? "without address" : pod.addresses.map(formatIp).join(", ");
  return paragraphs(
    `**pod** ${code(pod.path)} · ${addresses}`,
    bullets([
      node ? `on node ${code(node.path)} ${own}`.trimEnd() : "runs on no node",
      ...workload.containers.map(({ name }) => `container ${code(name)}`),
    ]),
    listeningText(workload.containers),
    isolationText(cluster, pod),
    reachText(analysis, cluster, pod),
  );
}

/** By which devices a packet from the same node and from another one comes to the pod. */
function reachText(analysis: Analysis, cluster: Cluster, pod: Pod): string {
  const { node } = pod;
  const to = pod.addresses[0];
  if (!node || to === undefined || pod.workload.hostNetwork) return "";
  const other = cluster.nodes.find((one) => one !== node);
  const neighbour =
    other &&
    [...firstOf(cluster.pods.podsOn(other), 20)].find((one) => !one.workload.hostNetwork && one.addresses.length > 0);
  return bullets([
    chainText(analysis, "From its node", node.path, to),
    other && !neighbour ? chainText(analysis, `From node ${code(other.name)}`, other.path, to) : undefined,
    neighbour
      ? chainText(
          analysis,
          `From pod ${code(neighbour.name)} on ${code(neighbour.node?.name ?? "")}`,
          neighbour.path,
          to,
        )
      : undefined,
  ]);
}

function* firstOf<T>(all: Iterable<T>, most: number): Generator<T> {
  let count = 0;
  for (const one of all) {
    if (count++ >= most) return;
    yield one;
  }
}

function chainText(analysis: Analysis, who: string, from: string, to: Pod["addresses"][number]): string {
  const answer = ask(
    { topology: analysis.topology, network: analysis.network, locate: () => undefined },
    { from, to: formatIp(to), proto: "icmp" },
  );
  if (!answer.ok) return "";
  const { trace } = answer;
  const chain = chainOf(trace);
  const end =
    trace.verdict === "delivered"
      ? trace.answered
        ? ""
        : "; no reply comes back"
      : `; **${trace.verdict}**: ${trace.paths[0]?.reason?.message ?? ""}`;
  return `${who}: ${chain === "" ? "directly" : chain}${end}`;
}

/** "web `eth0` → n1 `cni0` `flannel.1` `eth0` → n2 `eth0` …": the devices of the first path, by who has them. */
function chainOf(trace: Trace): string {
  const stations: { readonly netns: string; readonly devices: string[] }[] = [];
  for (const { netns, device, direction } of trace.paths[0]?.hops ?? []) {
    if (direction === null || device === "lo") continue;
    const last = stations.at(-1);
    if (last?.netns !== netns) stations.push({ netns, devices: [device] });
    else if (last.devices.at(-1) !== device) last.devices.push(device);
  }
  return stations
    .map(({ netns, devices }) => `${netns.split("/").at(-1) ?? netns} ${devices.map(code).join(" ")}`)
    .join(" → ");
}
