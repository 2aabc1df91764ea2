/** Values for one argument at one place: what the schema allows, what the topology knows, what is still free. */
import {
  formatIp,
  formatPrefix,
  lastAddress,
  nthAddress,
  type Prefix,
  parsePrefix,
  prefixRange,
} from "../../addressing/ip.ts";
import { planOf } from "../../checks/addresses/plan.ts";
import { plural } from "../../checks/text.ts";
import { all, type Decl, one } from "../../language/decode.ts";
import { type ArgSpec, isFlag } from "../../language/schema/index.ts";
import { sysctls } from "../../language/schema/sysctls.ts";
import type { Arg } from "../../language/tree.ts";
import type { Cluster, Listener, Node, Station, Topology } from "../../topology/model.ts";
import type { Analysis } from "../analysis.ts";
import { blocksAround, freePrefixes, isFree, nextInSegment, nextOnNode, usedRanges } from "./free.ts";
import { ends, sampleName, shortPaths } from "./names.ts";
import { type Place, walk } from "./place.ts";
import { listenersOf } from "./subjects.ts";
import { type NamedSymbol, type NameUse, pathOf, symbolsOf } from "./symbols.ts";

export interface Suggestion {
  readonly label: string;
  readonly kind: "enum" | "name" | "address" | "prefix" | "number" | "label" | "file" | "text";
  readonly detail: string;
  readonly documentation: string | undefined;
  /** Where it is not the label. */
  readonly insert?: string;
  /** So many characters of the word being typed stay. */
  readonly skip?: number;
}

/** What lies around the files of an analysis; known to the shell only. */
export interface Workspace {
  /** Paths of files that `file` could import, relative to its folder. */
  importable(file: string): readonly string[];
}

type Given = { readonly analysis: Analysis; readonly place: Place; readonly decl: Decl; readonly spec: ArgSpec };

export function suggestionsFor(
  analysis: Analysis,
  place: Place,
  decl: Decl,
  spec: ArgSpec,
  typed: Arg | undefined,
  workspace: Workspace,
): readonly Suggestion[] {
  const given: Given = { analysis, place, decl, spec };
  const { type } = spec;
  switch (type.kind) {
    case "name":
      return [];
    case "enum":
      return type.values.map(({ value, summary }) => suggestion(value, "enum", summary));
    case "boolean":
      return ["true", "false"].map((text) => suggestion(text, "enum", text === spec.default ? "default" : ""));
    case "ref":
      return [...names(given, type.to), ...(type.orAddress === true ? addresses(given, typed) : [])];
    case "endpoint":
      return typed ? endpoints(given, typed, type.port) : endpoints(given, undefined, type.port);
    case "address":
    case "interface-address":
      return addresses(given, typed);
    case "device":
      return devices(given);
    case "prefix":
      return prefixes(given, type.orDefault === true);
    case "prefix-length":
      return lengths(given);
    case "number":
      return numbers(given, type.min, type.max);
    case "ports":
      return ports(type.protocol);
    case "index-range":
      return [suggestion("1..3", "number", spec.summary)];
    case "label":
      return labels(given);
    case "selector":
      return [...labels(given), suggestion("*", "label", "all")];
    case "port-name":
      return [];
    case "string":
      return decl.spec?.keyword === "import" ? files(place, typed, workspace) : [];
    case "sysctl":
      return sysctls.flatMap(({ name, summary, default: otherwise }) =>
        (name.includes("<device>") ? ["all", "eth0"].map((device) => name.replace("<device>", device)) : [name]).map(
          (text) => suggestion(text, "text", summary, `Default: ${otherwise}`),
        ),
      );
  }
}

function suggestion(label: string, kind: Suggestion["kind"], detail: string, documentation?: string): Suggestion {
  return { label, kind, detail, documentation };
}

/* -------------------------------------------------------------------- names */

function names({ analysis, place, decl }: Given, kinds: readonly NamedSymbol["kind"][]): readonly Suggestion[] {
  const table = symbolsOf(analysis);
  const fitting = table.symbols.filter(({ kind }) => kinds.includes(kind));
  const paths = shortPaths(fitting);
  const scope = enclosing(place, decl, table.symbolOf);
  const seen = new Set<string>();
  return fitting.flatMap((symbol) => {
    // The bare name where it means this one from here; of a pool its first node.
    const name = sampleName(symbol);
    const use: NameUse = {
      source: symbol.source,
      decl,
      arg: symbol.arg,
      path: [name],
      kinds,
      scope,
    };
    const near = table.resolve(use);
    const label = near.length === 1 && near[0] === symbol ? name : withSample(paths.get(symbol) ?? name, symbol);
    if (seen.has(label)) return [];
    seen.add(label);
    return [suggestion(label, "name", describe(analysis.topology, symbol))];
  });
}

function withSample(path: string, symbol: NamedSymbol): string {
  return path.slice(0, path.length - symbol.name.length) + sampleName(symbol);
}

function enclosing(
  place: Place,
  decl: Decl,
  symbolOf: (decl: Decl) => NamedSymbol | undefined,
): NamedSymbol | undefined {
  for (const around of [...place.decls].reverse()) {
    const symbol = around === decl ? undefined : symbolOf(around);
    if (symbol) return symbol;
  }
  return undefined;
}

function describe(topology: Topology, symbol: NamedSymbol): string {
  const where = pathOf(symbol).slice(0, -1).join("/");
  const kind = symbol.decl.spec?.keyword ?? symbol.kind;
  if (symbol.kind === "segment") {
    const segment = topology.segments.get(symbol.name);
    return `segment ${segment?.cidrs.map(formatPrefix).join(", ") ?? ""}`.trimEnd();
  }
  if (symbol.range) return `one of ${plural(symbol.range.last - symbol.range.first + 1, "node")} of ${where}`;
  return where === "" ? kind : `${kind} of ${where}`;
}

/* ---------------------------------------------------------------- endpoints */

function endpoints({ analysis }: Given, typed: Arg | undefined, withPort: boolean): readonly Suggestion[] {
  const table = symbolsOf(analysis);
  const text = typed?.text ?? "";
  const colon = text.lastIndexOf(":");
  if (withPort && colon > 0 && text.indexOf(":") === colon) {
    const path = text.slice(0, colon).split("/");
    const [symbol] = ends(table).length > 0 && typed ? table.resolve(useOf(path, typed, table.symbols)) : [];
    return symbol ? portsOf(analysis.topology, symbol, colon + 1) : [];
  }
  const all = ends(table);
  const paths = shortPaths(all);
  return all.map((symbol) => {
    const label = withSample(paths.get(symbol) ?? symbol.name, symbol);
    return suggestion(label, "name", describe(analysis.topology, symbol));
  });
}

function useOf(path: readonly string[], arg: Arg, symbols: readonly NamedSymbol[]): NameUse {
  const any = symbols[0];
  if (!any) throw new Error("a use is only asked for where there are symbols");
  return { source: any.source, decl: any.decl, arg, path, kinds: [], scope: undefined };
}

function portsOf(topology: Topology, symbol: NamedSymbol, skip: number): readonly Suggestion[] {
  const seen = new Set<string>();
  return listenersOf(topology, symbol).flatMap(({ process, listener }) => {
    const label = portText(listener);
    if (seen.has(label)) return [];
    seen.add(label);
    return [{ ...suggestion(label, "number", process), skip }];
  });
}

/** As after a colon: tcp is not written. */
function portText({ first, proto }: Listener): string {
  return proto === "tcp" ? String(first) : `${first}/${proto}`;
}

/* ---------------------------------------------------------------- addresses */

function addresses(given: Given, typed: Arg | undefined): readonly Suggestion[] {
  const { analysis, place, decl, spec } = given;
  const { topology } = analysis;
  const keyword = decl.spec?.keyword;
  if (keyword === "attach") return attachAddresses(topology, decl, typed);
  if (keyword === "docker-bridge") return dockerBridges(topology, decl);
  if (keyword === "gateway") return gatewayAddresses(place, topology);
  if (keyword === "address" && spec.name === "addresses") return podAddresses(topology, place);
  if (spec.after === "via") return nextHops(topology, place);
  if (keyword === "public-ip" || keyword === "iface") {
    return stationsAround(topology, place).flatMap((station) =>
      station.interfaces.flatMap((iface) =>
        iface.addresses.map(({ ip }) => suggestion(formatIp(ip), "address", `${iface.device} of ${station.path}`)),
      ),
    );
  }
  return [];
}

/** Of the families that have none yet. */
function attachAddresses(topology: Topology, decl: Decl, typed: Arg | undefined): readonly Suggestion[] {
  const name = one(decl, "segment")?.value;
  const segment = name?.kind === "ref" ? topology.segments.get(name.path.at(-1) ?? "") : undefined;
  if (!segment) return [];
  const others = all(decl, "addresses").filter(({ arg }) => arg !== typed);
  const families = new Set(others.map(({ value }) => (value.kind === "interface-address" ? typeof value.ip : "")));
  return segment.cidrs
    .filter(({ ip }) => !families.has(typeof ip))
    .flatMap((prefix) =>
      nextInSegment(topology, segment, prefix, decl.statement).map((ip, index) =>
        suggestion(
          formatIp(ip),
          "address",
          index === 0 ? `next free of ${formatPrefix(prefix)}` : `free in ${formatPrefix(prefix)}`,
        ),
      ),
    );
}

function dockerBridges(topology: Topology, decl: Decl): readonly Suggestion[] {
  const used = usedRanges(topology, decl.statement);
  const usual = parsePrefix("172.17.0.0/16")?.prefix;
  const blocks = blocksAround(usual, 4);
  const all = [...(usual && isFree(usual, used) ? [usual] : []), ...freePrefixes(blocks, 16, used)];
  return unique(
    all.map((prefix) => {
      const ip = nthAddress(prefix, 1) ?? prefix.ip;
      return suggestion(`${formatIp(ip)}/${prefix.len}`, "address", prefix === usual ? "Docker's default" : "free");
    }),
  );
}

function gatewayAddresses(place: Place, topology: Topology): readonly Suggestion[] {
  const segment = place.decls
    .map((decl) => (decl.spec?.defines === "segment" ? one(decl, "name")?.arg.text : undefined))
    .find((name) => name !== undefined);
  const cidrs = topology.segments.get(segment ?? "")?.cidrs ?? [];
  return cidrs.flatMap((prefix) => {
    const ip = nthAddress(prefix, 1);
    return ip === undefined
      ? []
      : [suggestion(formatIp(ip), "address", `first host address of ${formatPrefix(prefix)}`)];
  });
}

function podAddresses(topology: Topology, place: Place): readonly Suggestion[] {
  for (const cluster of topology.clusters) {
    const workload = cluster.workloads.find(({ source }) => place.path.statements.includes(source.statement));
    if (!workload) continue;
    const node = workload.on ?? cluster.pods.podAt(workload, 0).node;
    if (!node) return [];
    return nextOnNode(cluster, node).map((ip) => suggestion(formatIp(ip), "address", `next free on ${node.name}`));
  }
  return [];
}

const MOST_HOPS = 100;

/** Everything on the segments of this station; routers first. */
function nextHops(topology: Topology, place: Place): readonly Suggestion[] {
  const rank = { router: 0, host: 1, node: 2 } as const;
  const own = stationsAround(topology, place);
  const paths = new Set(own.map(({ path }) => path));
  const found = own.slice(0, 1).flatMap((station) =>
    station.interfaces.flatMap(({ segment }) =>
      topology
        .attachedTo(segment)
        .filter((iface) => !paths.has(iface.station.path))
        .slice(0, MOST_HOPS * 10),
    ),
  );
  return unique(
    found
      .sort((a, b) => rank[a.station.kind] - rank[b.station.kind])
      .slice(0, MOST_HOPS)
      .flatMap((iface) =>
        iface.addresses.map(({ ip }) =>
          suggestion(formatIp(ip), "address", `${iface.station.kind} ${iface.station.path} on ${iface.segment}`),
        ),
      ),
  );
}

/** The station in whose block the place is; all of them for a pool. */
export function stationsAround(topology: Topology, place: Place): readonly Station[] {
  const statements = new Set(place.path.statements);
  const all: readonly Station[] = [
    ...topology.routers,
    ...topology.hosts,
    ...topology.clusters.flatMap((cluster): readonly Node[] => cluster.nodes),
  ];
  return all.filter(({ source }) => statements.has(source.statement));
}

function devices({ analysis, place }: Given): readonly Suggestion[] {
  const [station] = stationsAround(analysis.topology, place);
  const own = (station?.interfaces ?? []).map(({ device, segment }) => suggestion(device, "text", `on ${segment}`));
  return own.length > 0 ? own : [suggestion("eth0", "text", "the first interface")];
}

/* ----------------------------------------------------------------- prefixes */

function prefixes(given: Given, orDefault: boolean): readonly Suggestion[] {
  const { analysis, decl, spec } = given;
  const { topology } = analysis;
  switch (decl.spec?.keyword) {
    case "cidr":
      return freeSegments(topology, decl);
    case "pods":
      return freeRanges(topology, decl, ["10.244.0.0/16"], 16);
    case "services":
      return freeRanges(topology, decl, ["10.96.0.0/12"], 16);
    case "pod-cidr":
      return freeBlocks(given);
    case "network":
    case "ipv6-network": {
      const cluster = clusterAround(given);
      return (cluster?.podCidrs ?? []).map(({ prefix }) =>
        suggestion(formatPrefix(prefix), "prefix", `pods of ${cluster?.name ?? ""}`),
      );
    }
    default: {
      const known = planOf(topology).ranges;
      const blocks = spec.name === "destination" ? nodeBlocks(topology) : [];
      return unique([
        ...(orDefault ? [suggestion("default", "prefix", "every destination that has no other route")] : []),
        ...known.map(({ prefix, label }) => suggestion(formatPrefix(prefix), "prefix", label)),
        ...blocks,
      ]);
    }
  }
}

const MOST_BLOCKS = 100;

function nodeBlocks(topology: Topology): readonly Suggestion[] {
  const found: Suggestion[] = [];
  for (const cluster of topology.clusters) {
    for (const node of cluster.nodes) {
      if (found.length >= MOST_BLOCKS) return found;
      for (const { prefix } of node.podCidrs)
        found.push(suggestion(formatPrefix(prefix), "prefix", `pods of node ${node.path}`));
    }
  }
  return found;
}

/** Of the size that the other segments have, beside them. */
function freeSegments(topology: Topology, decl: Decl): readonly Suggestion[] {
  const others = [...topology.segments.values()].flatMap((segment) =>
    segment.cidrs.filter((_, index) => segment.cidrSources[index]?.statement !== decl.statement),
  );
  const used = usedRanges(topology, decl.statement);
  const last4 = others.findLast(({ ip }) => typeof ip === "number");
  const last6 = others.findLast(({ ip }) => typeof ip === "bigint");
  const found = [...freePrefixes(around(last4, 4), last4?.len ?? 24, used)];
  if (last4 && last4.len !== 24) found.push(...freePrefixes(around(last4, 4), 24, used));
  if (last6) found.push(...freePrefixes(around(last6, 6), last6.len, used));
  return unique(found.map((prefix) => suggestion(formatPrefix(prefix), "prefix", `next free /${prefix.len}`)));
}

/** The /16 around a prefix first, then everything private. */
function around(like: Prefix | undefined, family: 4 | 6): readonly Prefix[] {
  const outer =
    like && family === 4 && like.len > 16 && typeof like.ip === "number"
      ? [{ ip: like.ip - (like.ip % 65536), len: 16 }]
      : [];
  return [...outer, ...blocksAround(like, family)];
}

/** The usual range where it is free; else what follows that of another cluster, and the first free ones. */
function freeRanges(topology: Topology, decl: Decl, usual: readonly string[], len: number): readonly Suggestion[] {
  const used = usedRanges(topology, decl.statement);
  const defaults = usual.flatMap((text) => parsePrefix(text)?.prefix ?? []).filter((prefix) => isFree(prefix, used));
  const kind = decl.spec?.keyword;
  const last = planOf(topology).ranges.findLast(
    (range) => range.kind === kind && range.source.statement !== decl.statement && typeof range.prefix.ip === "number",
  );
  const blocks = blocksAround(last?.prefix, 4);
  const [home] = blocks;
  const below = last && home ? [{ first: home.ip, last: lastAddress(last.prefix) }] : [];
  const following = home ? freePrefixes([home], len, [...used, ...below]) : [];
  const ula = parsePrefix("fd00:10::/32")?.prefix;
  const v6 = ula ? freePrefixes([ula], kind === "services" ? 112 : 56, used) : [];
  return unique([
    ...defaults.map((prefix) => suggestion(formatPrefix(prefix), "prefix", "the usual one")),
    ...[...following, ...freePrefixes(blocks, len, used), ...v6].map((prefix) =>
      suggestion(formatPrefix(prefix), "prefix", `next free /${prefix.len}`),
    ),
  ]);
}

function freeBlocks(given: Given): readonly Suggestion[] {
  const { analysis, place } = given;
  const cluster = clusterAround(given);
  const [own] = stationsAround(analysis.topology, place);
  if (!cluster) return [];
  const present = own?.kind === "node" ? own.podCidrs : [];
  const used = cluster.nodes
    .filter((node) => node !== own)
    .flatMap((node) => node.podCidrs.map(({ prefix }) => prefixRange(prefix)));
  const owned = present.map(({ prefix }) => prefixRange(prefix));
  return unique([
    ...present
      .filter(({ allocated }) => allocated)
      .map(({ prefix }) => suggestion(formatPrefix(prefix), "prefix", "what it has now")),
    ...cluster.podCidrs.flatMap(({ prefix, perNode }) =>
      freePrefixes([prefix], perNode, [...used, ...owned]).map((free) =>
        suggestion(formatPrefix(free), "prefix", `next free block of ${formatPrefix(prefix)}`),
      ),
    ),
  ]);
}

function clusterAround({ analysis, place }: Given): Cluster | undefined {
  return analysis.topology.clusters.find(({ source }) => place.path.statements.includes(source.statement));
}

/* ------------------------------------------------------------------ numbers */

function lengths(given: Given): readonly Suggestion[] {
  const { spec, decl } = given;
  const range = one(decl, "prefix")?.value;
  const v6 = range?.kind === "prefix" && typeof range.prefix.ip === "bigint";
  const texts = v6 ? ["/64", "/80", "/112"] : ["/24", "/25", "/26", "/23", "/22"];
  return texts.map((text) => {
    const len = Number(text.slice(1));
    const blocks =
      range?.kind === "prefix" && len >= range.prefix.len ? `, ${plural(2 ** (len - range.prefix.len), "block")}` : "";
    const size = v6 ? "" : `${plural(2 ** (32 - len), "address", "addresses")}${blocks}`;
    return suggestion(text, "number", size === "" ? spec.summary : size);
  });
}

function numbers({ spec }: Given, min: number, max: number): readonly Suggestion[] {
  const { type, default: otherwise } = spec;
  const found = otherwise !== undefined && /^\d+$/.test(otherwise) ? [suggestion(otherwise, "number", "default")] : [];
  const unit = type.kind === "number" ? type.unit : undefined;
  if (unit === "bytes" && max >= 9000) {
    found.push(
      suggestion("1500", "number", "Ethernet"),
      suggestion("1450", "number", "Ethernet less VXLAN's 50 bytes"),
      suggestion("9000", "number", "jumbo frames"),
    );
  }
  if (max - min < 3) for (let value = min; value <= max; value++) found.push(suggestion(String(value), "number", ""));
  return unique(found);
}

const KNOWN_PORTS: readonly (readonly [number, "tcp" | "udp", string])[] = [
  [80, "tcp", "HTTP"],
  [443, "tcp", "HTTPS"],
  [8080, "tcp", "HTTP"],
  [53, "udp", "DNS"],
  [53, "tcp", "DNS"],
  [5432, "tcp", "PostgreSQL"],
  [6443, "tcp", "Kubernetes API"],
  [8472, "udp", "VXLAN, as flannel has it"],
  [8285, "udp", "flannel udp"],
  [10250, "tcp", "kubelet"],
];

function ports(protocol: boolean): readonly Suggestion[] {
  return unique(
    KNOWN_PORTS.map(([port, proto, what]) => suggestion(protocol ? `${port}/${proto}` : String(port), "number", what)),
  );
}

/* ------------------------------------------------------------ labels, files */

function labels({ analysis, decl }: Given): readonly Suggestion[] {
  const found: Suggestion[] = [];
  for (const file of analysis.files) {
    for (const { decl: other } of walk(file.decls)) {
      if (other === decl) continue;
      for (const spec of other.spec?.args ?? []) {
        if (isFlag(spec) || spec.type.kind !== "label") continue;
        for (const { value, arg } of all(other, spec.name)) {
          if (value.kind === "label") found.push(suggestion(arg.text, "label", ""));
        }
      }
    }
  }
  return unique(found);
}

function files(place: Place, typed: Arg | undefined, workspace: Workspace): readonly Suggestion[] {
  const quoted = typed?.kind === "string";
  return workspace.importable(place.file.file).map((path) => ({
    ...suggestion(path, "file", ""),
    insert: quoted ? path : `"${path}"`,
  }));
}

function unique(all: readonly Suggestion[]): readonly Suggestion[] {
  const seen = new Set<string>();
  return all.filter(({ label }) => seen.size < seen.add(label).size);
}
