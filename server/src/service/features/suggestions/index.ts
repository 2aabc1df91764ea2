/** Values for an argument at a position: from the schema, from the topology, and free addresses. */

import { formatIp } from "../../../addressing/ip.ts";
import { all } from "../../../declared/access.ts";
import { isFlag } from "../../../declared/schema/index.ts";
import { sysctls } from "../../../declared/schema/sysctls.ts";
import { stringText } from "../../../frontends/knet/tokens.ts";
import type { Arg } from "../../../frontends/knet/tree.ts";
import { t, translated } from "../../../text/l10n.ts";
import { type Place, walk } from "../place.ts";
import { stationsAround } from "../stations.ts";
import { addresses } from "./addresses.ts";
import { aliases, endpoints, names } from "./names.ts";
import { lengths, numbers, ports } from "./numbers.ts";
import { prefixes } from "./prefixes.ts";
import { type Given, type Suggestion, suggestion, unique, type Workspace } from "./suggestion.ts";

export function suggestionsFor(given: Given, typed: Arg | undefined, workspace: Workspace): readonly Suggestion[] {
  const { place, decl, spec } = given;
  const { type } = spec;
  switch (type.kind) {
    case "name":
      return type.alias === true ? aliases(given) : [];
    case "enum":
      return type.values.map(({ value, summary }) => suggestion(value, "enum", translated(summary)));
    case "boolean":
      return ["true", "false"].map((text) => suggestion(text, "enum", text === spec.default ? t`default` : ""));
    case "ref":
      return [
        ...names(given, typed, type),
        ...(type.orAddress === true ? addresses(given, typed) : []),
        ...(type.orDevice === true ? devices(given) : []),
      ];
    case "endpoint":
      return endpoints(given, typed, type);
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
      return [suggestion("1..3", "number", translated(spec.summary))];
    case "label":
      return labels(given);
    case "selector":
      return [...labels(given), suggestion("*", "label", t`all`)];
    case "port-name":
      return [];
    case "string":
      return decl.spec?.keyword === "import" ? files(place, typed, workspace) : [];
    case "icmp-type":
      return ICMP_TYPES.map(([text, summary]) => suggestion(text, "number", translated(summary)));
    case "routing-table":
      return tables(given);
    case "mss":
      return [suggestion("to-pmtu", "enum", translated(spec.summary)), suggestion("1360", "number", "")];
    case "mark":
      return [];
    case "mac":
      return macs(given);
    case "sysctl":
      return sysctls.flatMap(({ name, summary, default: otherwise }) =>
        (name.includes("<device>") ? ["all", "eth0"].map((device) => name.replace("<device>", device)) : [name]).map(
          (text) => suggestion(text, "text", translated(summary), t`Default: ${translated(otherwise)}`),
        ),
      );
  }
}

/** Maximum number of MAC addresses. */
const MOST_MACS = 50;

/** The MAC addresses in the machine's derived FDB and neighbor entries. */
function macs({ analysis, place }: Given): readonly Suggestion[] {
  const [station] = stationsAround(analysis.topology, place);
  const netns = station && analysis.network.netns(station.path);
  if (netns === undefined) return [];
  const found: Suggestion[] = [];
  for (const { mac, ip, device } of netns.neighbours.entries()) {
    if (found.length >= MOST_MACS) break;
    found.push(suggestion(mac, "text", t`${formatIp(ip)} dev ${device}`));
  }
  return unique(found);
}

function devices({ analysis, place, decl }: Given): readonly Suggestion[] {
  const [station] = stationsAround(analysis.topology, place);
  const keyword = decl.spec?.keyword;
  if (station && (keyword === "device" || keyword === "neighbor" || keyword === "fdb")) {
    const all = [...(analysis.network.netns(station.path)?.devices.values() ?? [])];
    return all
      .filter(({ kind }) => (keyword === "fdb" ? kind === "vxlan" : kind !== "loopback"))
      .map(({ name, mtu }) => suggestion(name, "text", t`MTU ${mtu}`));
  }
  const own = (station?.interfaces ?? []).map(({ device, segment }) => suggestion(device, "text", t`on ${segment}`));
  return own.length > 0 ? own : [suggestion("eth0", "text", t`first interface`)];
}

/** RFC 792, RFC 1812; RFC 4443, RFC 4861 for ICMPv6. */
const ICMP_TYPES: readonly (readonly [text: string, summary: string])[] = [
  ["8", "Echo request (ping)"],
  ["0", "Echo reply"],
  ["3", "Destination unreachable"],
  ["3/4", "Fragmentation needed: path MTU discovery"],
  ["11", "Time exceeded"],
  ["128", "ICMPv6 echo request"],
  ["129", "ICMPv6 echo reply"],
  ["2", "ICMPv6 packet too big"],
  ["135", "ICMPv6 neighbor solicitation"],
  ["136", "ICMPv6 neighbor advertisement"],
];

/** The tables that the machine's statements name, and the kernel's main table. */
function tables({ analysis, place, decl }: Given): readonly Suggestion[] {
  const [station] = stationsAround(analysis.topology, place);
  const { rules = [], routes = [] } = station?.policyRouting ?? {};
  const used =
    decl.spec?.keyword === "route" ? rules.map(({ table }) => table) : routes.map(({ table }) => table).concat("main");
  return [...new Set(used)].map((table) => suggestion(table, "number", t`routing table of ${station?.name ?? ""}`));
}

function labels({ analysis, decl }: Given): readonly Suggestion[] {
  const found: Suggestion[] = [];
  for (const file of analysis.files) {
    for (const { decl: other } of walk(file.decls)) {
      if (other === decl) continue;
      for (const spec of other.spec?.args ?? []) {
        if (isFlag(spec) || spec.type.kind !== "label") continue;
        for (const { value, text } of all(other, spec.name)) {
          if (value.kind === "label") found.push(suggestion(text, "label", ""));
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
    insert: quoted ? stringText(path) : `"${stringText(path)}"`,
  }));
}
