/** The files of one machine → its state: each entry is recognized by its content, not by the name of its file. */
import type { Family } from "../../addressing/ip.ts";
import { isNftTable } from "../../dataplane/nft/ruleset.ts";
import type {
  Output,
  RealDevice,
  RealFdbEntry,
  RealMachine,
  RealNeighbour,
  RealPeer,
  RealRoute,
  RealRule,
  RealSecurityAssociation,
  RealServer,
  RealSysctl,
} from "../../dataplane/real/state.ts";
import { familyOfIp } from "../../dataplane/values.ts";
import { type FileProblem, problemInText } from "../../declared/file-problem.ts";
import type { Origin } from "../../declared/origin.ts";
import { type JsonRecord, textAt } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import type { Span } from "../../text/span.ts";
import { type Collected, collected, isCollector } from "./collector.ts";
import { chainsOf, familyIn, type Trouble } from "./iptables.ts";
import { type Item, itemsAt, skipBlanks } from "./items.ts";
import { briefDevice, deviceOfJson, deviceOfText, isBriefDevice, isDevice, mergedDevices } from "./links.ts";
import type { FileName } from "./names.ts";
import {
  fdbOfJson,
  fdbOfText,
  isFdbText,
  isNeighbourJson,
  isNeighbourText,
  neighbourOfJson,
  neighbourOfText,
} from "./neighbours.ts";
import { nftOf } from "./nft.ts";
import { nftLinesOf } from "./nft-json.ts";
import { type Locate, locating } from "./place.ts";
import { isRouteJson, isRouteText, routeOfJson, routeOfText } from "./routes.ts";
import { isRuleText, ruleOfJson, ruleOfText } from "./rules.ts";
import { isSetLine, setsOf } from "./sets.ts";
import {
  isIpvsLine,
  isSysctl,
  isWireguardRow,
  isXfrm,
  listenPortOf,
  peerOf,
  securityAssociationOf,
  serversOf,
  sysctlOf,
  xfrmPolicyOf,
} from "./tables.ts";
import { type Block, blocksOf, type Line, type Section, sectionsOf } from "./text.ts";

export interface MachineFile {
  readonly file: string;
  readonly text: string;
  readonly name: FileName;
}

/** What the files of a machine contain so far. */
interface Found {
  readonly outputs: Map<Output, Origin>;
  readonly devices: RealDevice[];
  readonly routes: RealRoute[];
  readonly rules: RealRule[];
  readonly neighbours: RealNeighbour[];
  readonly fdb: RealFdbEntry[];
  /** Read last, because rules refer to sets of other files. */
  readonly iptables: { readonly lines: readonly Line[]; readonly family: Family; readonly source: Source }[];
  readonly sets: Block[];
  readonly servers: RealServer[];
  /** Read last: iptables-save has the rules of iptables-nft. */
  readonly nft: { readonly lines: readonly Line[]; readonly source: Source; readonly isJson: boolean }[];
  readonly sysctls: Map<string, RealSysctl>;
  readonly peers: RealPeer[];
  readonly listenPorts: Map<string, number>;
  readonly xfrmPolicies: RealMachine["xfrmPolicies"][number][];
  readonly xfrmStates: RealSecurityAssociation[];
  readonly problems: FileProblem[];
}

/** A file, or the output of a command in it. */
interface Source {
  readonly file: string;
  readonly locate: Locate;
  readonly family: Family | undefined;
  readonly table: string | undefined;
}

export interface ReadMachine {
  readonly machine: RealMachine;
  readonly problems: readonly FileProblem[];
}

export function readMachine(name: string, files: readonly MachineFile[]): ReadMachine {
  const found: Found = {
    outputs: new Map(),
    devices: [],
    routes: [],
    rules: [],
    neighbours: [],
    fdb: [],
    iptables: [],
    sets: [],
    servers: [],
    nft: [],
    sysctls: new Map(),
    peers: [],
    listenPorts: new Map(),
    xfrmPolicies: [],
    xfrmStates: [],
    problems: [],
  };
  for (const file of files) readFile(file, found);
  const sets = setsOf(found.sets);
  const chains = found.iptables.flatMap(({ lines, family, source }) => {
    const read = chainsOf(lines, family, source.locate, { sets });
    addTroubles(read.troubles, source, found);
    return read.chains;
  });
  const origin = locating(files[0]?.file ?? name)(START);
  const nft = rulesetOf(found);
  const { devices, iptables: _, sets: __, servers, problems, ...rest } = found;
  return {
    machine: { ...rest, name, origin, devices: mergedDevices(devices), chains, ipvs: servers, nft },
    problems,
  };
}

/** An output without any line is empty. The text and the JSON of one machine have the same tables: the first is used. */
function rulesetOf(found: Found): RealMachine["nft"] {
  const [first] = found.nft;
  if (!first) return found.outputs.has("nft") ? { tables: [], texts: [], origins: [], compat: [] } : undefined;
  const same = found.nft.filter(({ source, isJson }) => source.file === first.source.file && isJson === first.isJson);
  const lines = same.flatMap((one) => one.lines);
  const { ruleset, troubles } = nftOf(lines, first.source.locate, new Set(found.outputs.keys()));
  addTroubles(troubles, first.source, found);
  return ruleset;
}

function readFile({ file, text, name }: MachineFile, found: Found): void {
  const source: Source = { file, locate: locating(file), family: name.known?.family, table: undefined };
  const before = countOf(found);
  const start = skipBlanks(text, 0);
  const isJson = text[start] === "[" || text[start] === "{";
  if (isJson) readJson(text, start, source, found);
  else for (const section of sectionsOf(text)) readSection(section, text, source, found);
  const { known } = name;
  const isEmpty = known !== undefined && countOf(found) === before && isBlank(text, start);
  // An empty list is an output: all rules can be deleted.
  if (isEmpty && (known.canBeEmpty || known.output === "links" || start < text.length))
    show(known.output, source, found);
  else if (isEmpty && (known.output === "addresses" || known.output === "rules4"))
    found.problems.push(
      problemInText("KN802", file, { start: 0, end: 0 }, { error: t`the file is empty: the command failed` }),
    );
  if (countOf(found) === before && found.problems.length === 0 && !isBlank(text, start) && isOutputFile(file))
    found.problems.push(
      problemInText("KN802", file, { start, end: Math.min(text.length, start + 1) }, { error: t`no entry recognized` }),
    );
}

/** Other files can be in the folder: a script, or notes. */
function isOutputFile(file: string): boolean {
  const suffix = /\.([a-z]+)$/i.exec(file)?.[1];
  return suffix === undefined || ["txt", "json", "log", "out"].includes(suffix.toLowerCase());
}

/** Without entries: no text, or an empty list. */
function isBlank(text: string, start: number): boolean {
  return start >= text.length || /^\[\s*\]\s*$/.test(text.slice(start));
}

function countOf(found: Found): number {
  return (
    found.outputs.size +
    found.devices.length +
    found.routes.length +
    found.rules.length +
    found.neighbours.length +
    found.fdb.length +
    found.iptables.length +
    found.sets.length +
    found.servers.length +
    found.nft.length +
    found.sysctls.size +
    found.peers.length +
    found.xfrmPolicies.length +
    found.xfrmStates.length
  );
}

function addTroubles(troubles: readonly Trouble[], { file }: Source, { problems }: Found): void {
  for (const { span, error } of troubles) problems.push(problemInText("KN802", file, span, { error }));
}

/** A missing entry is reported at the start of its output. */
function show(output: Output, { locate }: Source, { outputs }: Found): void {
  if (!outputs.has(output)) outputs.set(output, locate(START));
}

const START: Span = { start: 0, end: 1 };

/* -------------------------------------------------------------------- JSON */

/** One or several values: the outputs of several commands can follow each other. */
function readJson(text: string, start: number, source: Source, found: Found): void {
  for (let at = start; text[at] === "[" || text[at] === "{"; ) {
    const { items, damage, end } = itemsAt(text, at);
    for (const item of items) {
      if (Array.isArray(item.record["nftables"])) readNftJson(text, item, source, found);
      else readItem(item, source, found);
    }
    if (damage) {
      const error = t`the JSON text is truncated or damaged here; what follows is not read`;
      addTroubles([{ span: damage, error }], source, found);
      return;
    }
    at = skipBlanks(text, end);
  }
}

function readItem(item: Item, source: Source, found: Found): void {
  const { record } = item;
  const { locate } = source;
  if (isCollector(record)) addCollected(collected(record, locate(item.span)), source, found);
  else if (textAt(record, "mac") !== undefined) addFdb(fdbOfJson(item, locate), source, found);
  else if (Array.isArray(record["vlans"])) return;
  else if (textAt(record, "ifname") !== undefined) addDevice(deviceOfJson(item, locate), record, source, found);
  else if (record["priority"] !== undefined) addRule(ruleOfJson(item, locate, source.family ?? 4), source, found);
  else if (isNeighbourJson(record)) addNeighbour(neighbourOfJson(item, locate), source, found);
  else if (isRouteJson(record)) {
    const shown = textAt(record, "dst") ?? "";
    addRoute(routeOfJson(item, source), shown.includes(":") ? 6 : source.family, source, found);
  }
}

/** `nft -j list ruleset`: one object with the list of all objects. */
function readNftJson(text: string, { span }: Item, source: Source, found: Found): void {
  const { items } = itemsAt(text, text.indexOf("[", text.indexOf('"nftables"', span.start)));
  show("nft", source, found);
  found.nft.push({ lines: nftLinesOf(items), source, isJson: true });
}

function addDevice(device: RealDevice | undefined, record: JsonRecord, source: Source, found: Found): void {
  if (!device) return;
  found.devices.push(device);
  if (Array.isArray(record["addr_info"])) show("addresses", source, found);
  if (device.mtu !== undefined) show("links", source, found);
}

function addFdb(entry: RealFdbEntry | undefined, source: Source, found: Found): void {
  show("fdb", source, found);
  if (entry) found.fdb.push(entry);
}

function addNeighbour(entry: RealNeighbour | undefined, source: Source, found: Found): void {
  show("neighbours", source, found);
  if (entry) found.neighbours.push(entry);
}

function addRule(rule: RealRule | undefined, source: Source, found: Found): void {
  if (!rule) return;
  found.rules.push(rule);
  show(source.family === 6 || rule.family === 6 ? "rules6" : "rules4", source, found);
}

function addRoute(route: RealRoute | undefined, family: Family | undefined, source: Source, found: Found): void {
  const known = route ? familyOfIp(route.route.dst.ip) : family;
  if (known !== undefined) show(known === 6 ? "routes6" : "routes4", source, found);
  if (route) found.routes.push(route);
}

function addCollected(all: Collected | undefined, source: Source, found: Found): void {
  if (!all) return;
  const { locate } = source;
  const origin = all.devices[0]?.origin ?? locate(START);
  found.devices.push(...all.devices);
  found.routes.push(...all.routes);
  found.rules.push(...all.rules);
  found.neighbours.push(...all.neighbours);
  for (const [key, value] of all.sysctls) found.sysctls.set(key.replaceAll("/", "."), { value: value.trim(), origin });
  for (const output of ["addresses", "links", "routes4", "rules4", "sysctls"] as const) show(output, source, found);
  // The text is inside a string: its lines have the location of the file.
  const whole: Locate = () => origin;
  const asLines = (texts: readonly string[]): readonly Line[] => texts.map((text) => ({ text, span: NO_SPAN }));
  found.sets.push(...blocksOf(asLines(all.sets)));
  found.servers.push(...serversOf(blocksOf(asLines(all.servers)), whole));
  if (all.servers.length > 0) show("ipvs", source, found);
  if (all.iptables.length === 0) return;
  show("iptables4", source, found);
  found.iptables.push({
    lines: asLines(all.iptables),
    family: 4,
    source: { ...source, locate: () => locate(NO_SPAN) },
  });
}

const NO_SPAN: Span = { start: 0, end: 0 };

/* -------------------------------------------------------------------- text */

function readSection({ command, lines }: Section, text: string, given: Source, found: Found): void {
  const source: Source = { ...given, ...(command === undefined ? {} : hintsOf(command)) };
  const [first] = lines;
  if (command !== undefined && ALL_ROUTES.test(command) && lines.every(({ text: line }) => isBlank(line, 0)))
    show(source.family === 6 ? "routes6" : "routes4", source, found);
  if (command === "" || !first) return;
  const offset = skipBlanks(text, first.span.start);
  if (/^[[{](?:$|[\s[{\]}"])/.test(first.text)) {
    readJson(text, offset, source, found);
    return;
  }
  const { tables, others } = partsOf(lines);
  if (tables.iptables.length > 0) {
    const own = source.family ?? familyIn(tables.iptables) ?? 4;
    show(own === 6 ? "iptables6" : "iptables4", source, found);
    found.iptables.push({ lines: tables.iptables, family: own, source });
  }
  if (tables.nft.length > 0) {
    show("nft", source, found);
    found.nft.push({ lines: tables.nft, source, isJson: false });
  }
  const blocks = blocksOf(others);
  for (const block of blocks) readBlock(block, source, found);
  const servers = blocks.filter(isIpvsLine);
  if (servers.length > 0) {
    show("ipvs", source, found);
    found.servers.push(...serversOf(servers, source.locate));
  }
}

/** Without lines, table main is empty: not so for one device, one destination, or another table. */
const ALL_ROUTES = /^\S*ip(?: -\S+)* (?:r|ro|route)(?: (?:s|sh|show|l|ls|list))?(?: table (?:main|all))?$/;

/** `-6`, and `table N`, in a command such as `ip -6 route show table 100`. */
function hintsOf(command: string): Pick<Source, "family" | "table"> {
  const words = command.split(/\s+/);
  const table = words[words.indexOf("table") + 1];
  return {
    family:
      words.includes("-6") || /ip6tables/.test(words[0] ?? "")
        ? 6
        : /^ip(?:tables)?/.test(words[0] ?? "")
          ? 4
          : undefined,
    table: words.includes("table") && table !== "all" ? table : undefined,
  };
}

/** Lines of iptables-save, of nft, and the others. */
function partsOf(lines: readonly Line[]) {
  const iptables: Line[] = [];
  const nft: Line[] = [];
  const others: Line[] = [];
  let into: Line[] = others;
  for (const line of lines) {
    const { text } = line;
    if (/^\*\w+$/.test(text)) into = iptables;
    else if (isNftTable(text)) into = nft;
    else if (into === iptables && !/^(?:[:[#]|-A |COMMIT$)/.test(text)) into = others;
    if (/^# Generated by ip6?tables/.test(text)) iptables.push(line);
    else if (!text.startsWith("#") || into === others) into.push(line);
    if (text === "COMMIT" || (into === nft && text === "}")) into = others;
  }
  return { tables: { iptables, nft }, others };
}

type Reader = readonly [is: (block: Block) => boolean, read: (block: Block, source: Source, found: Found) => void];

/** The first one that recognizes a block reads it. */
const READERS: readonly Reader[] = [
  [isDevice, (block, source, found) => addTextDevice(deviceOfText(block, source.locate), block, source, found)],
  [isBriefDevice, (block, source, found) => addTextDevice(briefDevice(block, source.locate), block, source, found)],
  [isRuleText, (block, source, found) => addRule(ruleOfText(block, source.locate, source.family ?? 4), source, found)],
  [isFdbText, (block, source, found) => addFdb(fdbOfText(block, source.locate), source, found)],
  [isNeighbourText, (block, source, found) => addNeighbour(neighbourOfText(block, source.locate), source, found)],
  [
    isWireguardRow,
    (block, source, found) => {
      show("wireguard", source, found);
      const port = listenPortOf(block);
      if (port) found.listenPorts.set(...port);
      const peer = peerOf(block, source.locate);
      if (peer) found.peers.push(peer);
    },
  ],
  [isXfrm, addXfrm],
  [
    isSetLine,
    (block, source, found) => {
      show("ipset", source, found);
      found.sets.push(block);
    },
  ],
  [
    isSysctl,
    (block, source, found) => {
      const read = sysctlOf(block, source.locate);
      if (read) found.sysctls.set(...read);
      show("sysctls", source, found);
    },
  ],
  [isRouteText, addTextRoute],
];

function readBlock(block: Block, source: Source, found: Found): void {
  READERS.find(([is]) => is(block))?.[1](block, source, found);
}

function addTextDevice(device: RealDevice | undefined, { lines }: Block, source: Source, found: Found): void {
  if (!device) return;
  found.devices.push(device);
  if (device.mtu !== undefined) show("links", source, found);
  if (device.addresses.length > 0 || lines.some(({ text }) => /^\s+inet6? /.test(text)))
    show("addresses", source, found);
}

function addXfrm(block: Block, source: Source, found: Found): void {
  const policy = xfrmPolicyOf(block, source.locate);
  const state = policy ? undefined : securityAssociationOf(block, source.locate);
  if (policy) found.xfrmPolicies.push(policy);
  if (state) found.xfrmStates.push(state);
  if (policy || state) show(policy ? "xfrm-policies" : "xfrm-states", source, found);
}

function addTextRoute(block: Block, source: Source, found: Found): void {
  const text = block.lines[0].text;
  addRoute(routeOfText(block, source), /^(?:\w+ )?\S*:/.test(text) ? 6 : source.family, source, found);
}
