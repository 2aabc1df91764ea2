/**
 * Inlay hints: values that the file omits and knet fills in (allocated addresses, derived ranges, MTUs, defaults).
 * Defaults are from the schema, all other values from the topology and from the kernel state that the mode creates.
 */

import { formatIp } from "../../addressing/ip.ts";
import { contextInside, has } from "../../declared/access.ts";
import type { Decl } from "../../declared/decl.ts";
import { readValue } from "../../declared/reading.ts";
import { type ArgSpec, isFlag, type KeywordSpec, keywordsIn } from "../../declared/schema/index.ts";
import { statementOf } from "../../frontends/knet/handle.ts";
import type { TextEdit } from "../../text/edit.ts";
import { t, translated } from "../../text/l10n.ts";
import type { Span } from "../../text/span.ts";
import type { Cluster, Interface, Node, Segment, Service, Workload } from "../../topology/model.ts";
import type { Analysis } from "../analysis.ts";
import { knetFile } from "../knet.ts";
import { rangeTexts } from "../node-ranges.ts";
import { placedIn } from "./place.ts";
import { byHandle, type Made } from "./statements.ts";

export type HintKind = "addresses" | "mtu" | "defaults";

export interface InlayHint {
  readonly offset: number;
  readonly text: string;
  readonly kind: HintKind;
  /** Markdown. */
  readonly tooltip: string;
  /** Inserts the value of the hint into the file. */
  readonly edit: TextEdit | undefined;
}

export function inlayHintsIn(
  analysis: Analysis,
  file: string,
  within: Span,
  wanted: Readonly<Record<HintKind, boolean>>,
): readonly InlayHint[] {
  const checked = knetFile(analysis, file);
  if (!checked) return [];
  const made = byHandle(analysis);
  return placedIn(checked, within)
    .flatMap(({ decl, start }) => hintsOf(analysis, decl, start, made))
    .filter(({ kind, offset }) => wanted[kind] && offset >= within.start && offset <= within.end)
    .sort((a, b) => a.offset - b.offset);
}

function hintsOf(analysis: Analysis, decl: Decl, start: number, made: Made): readonly InlayHint[] {
  const statement = statementOf(decl);
  if (!decl.spec) return [];
  const last = statement.args.at(-1) ?? statement.keyword;
  const end = start + last.start + last.length;
  const { handle } = decl;
  const interfaces = made.interfaces.get(handle);
  const segment = made.segments.get(handle);
  const nodes = made.nodes.get(handle);
  const owner = made.workloads.get(handle);
  const cluster = made.plugins.get(handle);
  const served = made.services.get(handle);
  return [
    ...(interfaces ? attachHints(decl, interfaces, end, analysis) : []),
    ...(segment ? gatewayHint(decl, segment, end) : []),
    ...(nodes ? rangeHint(nodes, end) : []),
    ...(owner ? podHint(decl, owner.cluster, owner.workload, end) : []),
    ...(served ? serviceHint(served.service, end) : []),
    ...(cluster ? deviceHint(analysis, cluster, end) : []),
    ...perNodeHint(decl, made, end),
    ...argumentDefaults(decl, decl.spec, end),
    ...blockDefaults(decl, end),
  ];
}

/* --------------------------------------------------------------- addresses */

function attachHints(
  decl: Decl,
  interfaces: readonly Interface[],
  end: number,
  { topology }: Analysis,
): readonly InlayHint[] {
  const first = interfaces[0];
  const last = interfaces.at(-1);
  if (!first || !last) return [];
  const hints: InlayHint[] = [];
  const own = addressesOf(first);
  const beyond = interfaces.length > 1 ? ` … ${addressesOf(last)}` : "";
  if (first.allocated && own !== "") {
    hints.push({
      offset: end,
      text: `${own}${beyond}`,
      kind: "addresses",
      tooltip:
        interfaces.length > 1
          ? t`Allocated: next free addresses of segment \`${first.segment}\`, in declaration order`
          : t`Allocated: next free address of segment \`${first.segment}\`, in declaration order`,
      edit: interfaces.length === 1 ? { start: end, end, text: ` ${own}` } : undefined,
    });
  } else if (beyond !== "" && own !== "") {
    hints.push({
      offset: end,
      text: beyond.trimStart(),
      kind: "addresses",
      tooltip: t`The nodes of the pool have consecutive addresses, starting with this one`,
      edit: undefined,
    });
  }
  const inherited = topology.segments.get(first.segment)?.mtu;
  const stated = decl.children.some(({ spec }) => spec?.keyword === "mtu");
  if (!stated && inherited === first.mtu && first.mtu !== ETHERNET) {
    hints.push({
      offset: end,
      text: `mtu ${first.mtu}`,
      kind: "mtu",
      tooltip: t`MTU of segment \`${first.segment}\``,
      edit: undefined,
    });
  }
  return hints;
}

/** The standard MTU is not worth a hint. */
const ETHERNET = 1500;

function addressesOf({ addresses }: Interface): string {
  return addresses.map(({ ip }) => formatIp(ip)).join(" ");
}

function gatewayHint(decl: Decl, { gateways, name }: Segment, end: number): readonly InlayHint[] {
  if (gateways.length === 0 || decl.children.some(({ spec }) => spec?.keyword === "gateway")) return [];
  return [
    {
      offset: end,
      text: `gateway ${gateways.map(formatIp).join(" ")}`,
      kind: "addresses",
      tooltip: t`The only router attached to segment \`${name}\``,
      edit: undefined,
    },
  ];
}

function rangeHint(nodes: readonly Node[], end: number): readonly InlayHint[] {
  const [first] = nodes;
  const last = nodes.at(-1);
  const own = first?.podCidrs.filter(({ allocated }) => allocated) ?? [];
  if (!first || !last || own.length === 0) return [];
  const others = rangeTexts(last.podCidrs);
  const texts = rangeTexts(own).map((text, index) => {
    const other = others[index];
    return `${text}${last === first || other === undefined ? "" : ` … ${other}`}`;
  });
  return [
    {
      offset: end,
      text: `pod-cidr ${texts.join(" ")}`,
      kind: "addresses",
      tooltip: t`Allocated: next free block of the cluster's pod CIDR, in declaration order`,
      edit: undefined,
    },
  ];
}

function podHint(decl: Decl, cluster: Cluster, workload: Workload, end: number): readonly InlayHint[] {
  if (workload.replicas === 0 || workload.hostNetwork) return [];
  const pod = cluster.pods.podAt(workload, 0);
  const stated = workload.addresses.length > 0;
  const placed = decl.spec?.args.some((arg) => arg.name === "on") === true && workload.on === undefined;
  const address = stated ? "" : pod.addresses.map(formatIp).join(" ");
  const node = placed && pod.node ? `on ${pod.node.name}` : "";
  const text = [address, node].filter((part) => part !== "").join(" ");
  if (text === "") return [];
  return [
    {
      offset: end,
      text: workload.replicas > 1 ? `${text}, …` : text,
      kind: "addresses",
      tooltip:
        workload.replicas > 1
          ? t`First pod: \`${pod.name}\``
          : t`Allocated from the pod CIDR of node \`${pod.node?.name ?? ""}\``,
      edit: undefined,
    },
  ];
}

function serviceHint({ allocated, clusterIps }: Service, end: number): readonly InlayHint[] {
  if (!allocated || clusterIps.length === 0) return [];
  return [
    {
      offset: end,
      text: clusterIps.map(formatIp).join(" "),
      kind: "addresses",
      tooltip: t`Allocated from the cluster's service CIDR`,
      edit: undefined,
    },
  ];
}

function perNodeHint(decl: Decl, made: Made, end: number): readonly InlayHint[] {
  const range = made.podRanges.get(decl.handle);
  if (!range || has(decl, "per-node")) return [];
  const text = `per-node /${range.perNode}`;
  return [
    {
      offset: end,
      text,
      kind: "defaults",
      tooltip: t`Default prefix length of a node's pod CIDR`,
      edit: { start: end, end, text: ` ${text}` },
    },
  ];
}

/* --------------------------------------------------------------------- MTU */

/** The plugin's devices on the first node that does not override `cni`. */
function deviceHint({ network }: Analysis, cluster: Cluster, end: number): readonly InlayHint[] {
  const node = cluster.nodes.find(({ cni }) => cni === undefined);
  const netns = node && network.netns(node.path);
  const devices = [...(netns?.devices.values() ?? [])].filter(
    ({ kind }) => kind !== "loopback" && kind !== "physical" && kind !== "veth",
  );
  if (!node || devices.length === 0) return [];
  return [
    {
      offset: end,
      text: devices.map(({ name, mtu }) => `${name} mtu ${mtu}`).join(", "),
      kind: "mtu",
      tooltip: t`Set by the plugin on node \`${node.name}\``,
      edit: undefined,
    },
  ];
}

/* ---------------------------------------------------------------- defaults */

/** Defaults of omitted arguments that begin with a literal. */
function argumentDefaults(decl: Decl, spec: KeywordSpec, end: number): readonly InlayHint[] {
  return spec.args.flatMap((arg): readonly InlayHint[] => {
    if (isFlag(arg) || arg.after === undefined || has(decl, arg.name) || !isValue(arg)) return [];
    const text = `${arg.after} ${arg.default}`;
    const tooltip = translated(arg.summary);
    return [{ offset: end, text, kind: "defaults", tooltip, edit: { start: end, end, text: ` ${text}` } }];
  });
}

/** Whether the default is a value that can be written, not a description. */
function isValue({ type, default: otherwise }: ArgSpec): boolean {
  return otherwise !== undefined && readValue(type, otherwise).kind !== "unread";
}

const MOST_DEFAULTS = 4;

/** Defaults of the settings that the block omits, in one hint. */
function blockDefaults(decl: Decl, end: number): readonly InlayHint[] {
  const context = contextInside(decl);
  if (context === undefined) return [];
  const present = new Set(decl.children.map(({ spec }) => spec));
  const left = [...keywordsIn(context).values()].filter((spec) => {
    const [arg] = spec.args;
    return spec.repeat === "once" && !present.has(spec) && arg !== undefined && !isFlag(arg) && isSetting(spec, arg);
  });
  if (left.length === 0) return [];
  const shown = left.slice(0, MOST_DEFAULTS).map((spec) => `${spec.keyword} ${spec.default}`);
  const lines = left.map((spec) => `- \`${spec.keyword} ${spec.default}\` ${translated(spec.summary)}`);
  return [
    {
      offset: end,
      text: `${shown.join(", ")}${left.length > shown.length ? ", …" : ""}`,
      kind: "defaults",
      tooltip: `${t`Defaults:`}\n\n${lines.join("\n")}`,
      edit: undefined,
    },
  ];
}

function isSetting(spec: KeywordSpec, arg: ArgSpec): boolean {
  return spec.default !== undefined && isValue({ ...arg, default: spec.default });
}
