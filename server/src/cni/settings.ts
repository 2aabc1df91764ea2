/** Reads a decoded `cni` block: first the node's own block, then the cluster's. */
import type { Ip, Prefix } from "../addressing/ip.ts";
import type { Decl } from "../declared/decl.ts";
import type { Origin } from "../declared/origin.ts";
import type { Value, ValueKind } from "../declared/values.ts";
import type { Cluster, CniSettings, Node } from "../topology/model.ts";

/** A statement of a settings block and its file. */
export interface Setting {
  readonly decl: Decl;
  readonly file: string;
}

/** Blocks in order of precedence; a statement of an earlier block hides the same statement of the later blocks. */
export type Settings = readonly Setting[];

/** The mode that a node runs: its own `cni` block, else the cluster's. */
export function pluginOf(cluster: Pick<Cluster, "cni">, node: Node): string {
  return node.cni?.plugin ?? cluster.cni.plugin;
}

/**
 * A node's block of a different plugin replaces the cluster's block; a block of the same plugin overrides statement by
 * statement.
 */
export function settingsOf(cluster: CniSettings, node: CniSettings | undefined): Settings {
  const blocks: Setting[] = [];
  if (node?.decl) blocks.push({ decl: node.decl, file: node.file });
  if (cluster.decl && (node === undefined || node.plugin === cluster.plugin)) {
    blocks.push({ decl: cluster.decl, file: cluster.file });
  }
  return blocks;
}

/** All statements with this keyword, from the first block that has one. */
export function statements(settings: Settings, keyword: string): readonly Setting[] {
  for (const { decl, file } of settings) {
    const found = decl.children.filter((child) => child.spec?.keyword === keyword);
    if (found.length > 0) return found.map((child) => ({ decl: child, file }));
  }
  return [];
}

export function statement(settings: Settings, keyword: string): Setting | undefined {
  return statements(settings, keyword)[0];
}

export function sourceOf(setting: Setting): Origin {
  return { file: setting.file, decl: setting.decl, part: "whole" };
}

/** The first value of this kind, regardless of the argument's name. */
function firstOf<K extends ValueKind>(setting: Setting | undefined, kind: K): Extract<Value, { kind: K }> | undefined {
  if (!setting) return undefined;
  for (const { value } of setting.decl.values) {
    if (value.kind === kind) return value as Extract<Value, { kind: K }>;
  }
  return undefined;
}

export function numberIn(setting: Setting | undefined): number | undefined {
  return firstOf(setting, "number")?.value;
}

/** `learning` alone is equivalent to `learning true`. */
export function booleanIn(setting: Setting | undefined, otherwise: boolean): boolean {
  if (!setting) return otherwise;
  const value = firstOf(setting, "boolean");
  if (value) return value.value;
  const word = wordIn(setting);
  if (word === undefined) return setting.decl.values.length === 0 ? true : otherwise;
  return word === "on" || word === "true" || word === "yes"
    ? true
    : word === "off" || word === "false" || word === "no"
      ? false
      : otherwise;
}

export function wordIn(setting: Setting | undefined): string | undefined {
  return firstOf(setting, "word")?.text ?? firstOf(setting, "name")?.text ?? firstOf(setting, "string")?.text;
}

export function lengthIn(setting: Setting | undefined): number | undefined {
  return firstOf(setting, "length")?.len ?? numberIn(setting);
}

export function addressIn(setting: Setting | undefined): Ip | undefined {
  return firstOf(setting, "address")?.ip ?? firstOf(setting, "interface-address")?.ip;
}

export function prefixesIn(setting: Setting): readonly Prefix[] {
  const prefixes: Prefix[] = [];
  for (const { value } of setting.decl.values) if (value.kind === "prefix") prefixes.push(value.prefix);
  return prefixes;
}

/** Settings of each node, read once for all nodes without a `cni` block. */
export function settingsPerNode<T>(
  cluster: Cluster,
  read: (cluster: CniSettings, node: CniSettings | undefined) => T,
): (node: Node) => T {
  const known = new Map<CniSettings | undefined, T>();
  return (node) => {
    const before = known.get(node.cni);
    if (before !== undefined) return before;
    const made = read(cluster.cni, node.cni);
    known.set(node.cni, made);
    return made;
  };
}
