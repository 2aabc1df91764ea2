// The state that kube-proxy leaves on a node, and knet's, in one form: iptables-save, nft -j, ipset save, ipvsadm -Sn.
import type { State } from "../suite.ts";

type Lines = { lines: string[]; unordered: boolean };

/** Chains whose rules are for different destinations: kube-proxy writes them in the order of a Go map. */
const DISPATCH = new Set(["KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS", "KUBE-PROXY-FIREWALL"]);
/** The rules at the end of such a chain are compared in order. */
const LAST = "this must be the last rule in this chain";

/** kube-proxy's chains, and the jumps to them in the built-in chains. */
export function iptablesState(saved: string, tool: string): State {
  const state = new Map<string, Lines>();
  let table = "";
  const chain = (name: string): Lines => {
    const where = `${tool} ${table} ${name}`;
    const found = state.get(where) ?? { lines: [], unordered: DISPATCH.has(name) && table !== "" };
    state.set(where, found);
    return found;
  };
  for (const line of saved.split("\n")) {
    if (line.startsWith("*")) table = line.slice(1);
    const declared = /^:(KUBE-\S+)/.exec(line)?.[1];
    if (declared !== undefined) chain(declared);
    const [, name = "", text = ""] = /^-A (\S+) (.*)$/.exec(line) ?? [];
    const rule = withSortedMatches(text);
    if (name.startsWith("KUBE-")) {
      if (rule.includes(LAST)) chain(`${name} (last)`).lines.push(rule);
      else chain(name).lines.push(rule);
    } else if (rule.includes("-j KUBE-")) chain(name).lines.push(rule);
  }
  for (const [where, { lines }] of state) if (where.endsWith("(last)")) state.set(where, { lines, unordered: true });
  return state;
}

/** All matches must apply, so their order has no meaning. */
function withSortedMatches(rule: string): string {
  const [head = "", ...parts] = ` ${rule}`.split(/ (?=-m |-j |-g )/);
  return [
    head,
    ...parts.filter((part) => part.startsWith("-m ")).sort(),
    ...parts.filter((part) => !part.startsWith("-m ")),
  ]
    .map((part) => part.trim())
    .filter((part) => part !== "")
    .join(" ");
}

/* --------------------------------------------------------------------- nft */

interface NftObject {
  readonly [key: string]: unknown;
}

/** `nft -j list table`: chains with their rules in order, sets and maps with their elements. */
export function nftState(json: string, tool: string): State {
  const state = new Map<string, Lines>();
  if (json.trim() === "") return state;
  const { nftables } = JSON.parse(json) as { readonly nftables: readonly Readonly<Record<string, NftObject>>[] };
  for (const entry of nftables) {
    const [kind = "", object = {}] = Object.entries(entry)[0] ?? [];
    const name = `${tool} ${kind} ${String(object["name"] ?? "")}`;
    if (kind === "chain") state.set(name, { lines: [text(baseOf(object))], unordered: false });
    if (kind === "set" || kind === "map") {
      const elements = (object["elem"] as readonly unknown[] | undefined) ?? [];
      const about = text(without(object, ["handle", "elem", "family", "table", "name"]));
      state.set(name, { lines: [about, ...elements.map((one) => text(elementOf(one)))], unordered: true });
    }
    if (kind === "rule") {
      const chain = state.get(`${tool} chain ${String(object["chain"])}`);
      const comment = object["comment"] === undefined ? "" : ` # ${String(object["comment"])}`;
      chain?.lines.push(`${text(sorted(object["expr"]))}${comment}`);
    }
  }
  return state;
}

function baseOf(object: NftObject): NftObject {
  return without(object, ["handle", "family", "table", "name"]);
}

function without(object: NftObject, keys: readonly string[]): NftObject {
  return Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key)));
}

/** The elements of an affinity set expire; those of a map are pairs. */
function elementOf(element: unknown): unknown {
  return sorted(element);
}

/** Anonymous sets in a fixed order. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value as NftObject).map(([key, inner]): [string, unknown] => {
    const own = sorted(inner);
    return [key, key === "set" && Array.isArray(own) ? own.toSorted((a, b) => (text(a) < text(b) ? -1 : 1)) : own];
  });
  return Object.fromEntries(entries);
}

function text(value: unknown): string {
  return JSON.stringify(value);
}

/* -------------------------------------------------------------------- ipvs */

/** One place per virtual server: the order of the real servers has no meaning. */
export function ipvsState(saved: string): State {
  const state = new Map<string, Lines>();
  for (const line of saved.split("\n")) {
    const [, server = ""] = /^-[Aa] (\S+ \S+)/.exec(line) ?? [];
    if (server === "") continue;
    const where = `ipvsadm ${server}`;
    const lines = state.get(where)?.lines ?? [];
    lines.push(line.trim());
    state.set(where, { lines, unordered: true });
  }
  return state;
}

/** Marks the lines of a set without members. */
export const EMPTY = "without members";

export function ipsetState(saved: string): State {
  const state = new Map<string, Lines>();
  for (const line of saved.split("\n")) {
    const [command, name = "", ...rest] = line.trim().split(" ");
    // Sizes of hashes and bitmaps depend on the kernel.
    if (command === "create")
      state.set(`ipset ${name}`, { lines: [`create ${rest.slice(0, 3).join(" ")}`], unordered: true });
    if (command === "add") state.get(`ipset ${name}`)?.lines.push(rest.join(" "));
  }
  for (const { lines } of state.values()) if (lines.length === 1) lines.push(EMPTY);
  return state;
}
