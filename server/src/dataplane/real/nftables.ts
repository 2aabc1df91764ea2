/** The nftables tables of a real machine as chains that packets walk. */
import type { NfBase, NfChain, NfHook, NfRule, NfTable } from "../model.ts";
import type { NftExpr, NftRuleDecl, NftSetDecl, NftStatement, NftTable } from "../nft/ast.ts";
import { finder, hasField } from "../nft/evaluate.ts";
import { namesOf } from "../nft/print.ts";
import type { QueueProgram } from "../program.ts";
import type { RealNftRuleset } from "./state.ts";

export interface NftChains {
  chain(family: 4 | 6, table: NfTable, name: string): NfChain | undefined;
  bases(family: 4 | 6): readonly NfBase[];
}

/** The hooks of tables ip, ip6, and inet; other hooks see frames, not packets. */
const HOOKS: Readonly<Record<string, NfHook>> = {
  prerouting: "PREROUTING",
  input: "INPUT",
  forward: "FORWARD",
  output: "OUTPUT",
  postrouting: "POSTROUTING",
};

interface Named {
  readonly key: NfTable;
  readonly table: NftTable;
}

/** `programs`: by the number of their queue. */
export function nftChains({ tables, origins }: RealNftRuleset, programs: ReadonlyMap<number, QueueProgram>): NftChains {
  const named = { 4: namedTables(tables, "ip"), 6: namedTables(tables, "ip6") };
  const made = new Map<string, NfChain | undefined>();
  const build = (family: 4 | 6, key: NfTable, name: string): NfChain | undefined => {
    const table = named[family].find((one) => one.key === key)?.table;
    const chain = table?.chains.find((one) => one.name === name);
    if (!table || !chain) return undefined;
    return {
      name,
      ...(chain.base ? { policy: chain.base.policy === "drop" ? ("DROP" as const) : ("ACCEPT" as const) } : {}),
      rules: chain.rules.map((rule) => ({
        ...ruleOf(rule, table, programs),
        origin: origins[rule.line],
      })),
    };
  };
  return {
    chain: (family, table, name) => {
      const key = `${family} ${table} ${name}`;
      if (!made.has(key)) made.set(key, build(family, table, name));
      return made.get(key);
    },
    bases: (family) => named[family].flatMap(basesOf),
  };
}

/** Tables of both families (inet) have their family in the name only if another table has the same name. */
function namedTables(tables: readonly NftTable[], family: "ip" | "ip6"): readonly Named[] {
  const own = tables.filter((table) => table.family === family || table.family === "inet");
  return own.map((table) => ({
    table,
    key:
      table.family === "inet" && own.some((one) => one !== table && one.name === table.name)
        ? `nft inet ${table.name}`
        : `nft ${table.name}`,
  }));
}

function basesOf({ key, table }: Named): readonly NfBase[] {
  return table.chains.flatMap(({ name, base }) => {
    const hook = base && Object.hasOwn(HOOKS, base.hook) ? HOOKS[base.hook] : undefined;
    if (!base || !hook) return [];
    return { table: key, chain: name, hook, priority: base.priority, type: base.type === "nat" ? "nat" : "filter" };
  });
}

/** A rule with parts that are not modeled never matches, and is printed as it is. */
function ruleOf(
  { statements, comment, text }: NftRuleDecl,
  { sets }: NftTable,
  programs: ReadonlyMap<number, QueueProgram>,
): Omit<NfRule, "origin"> {
  const resolved = statements?.map((one) => resolvedStatement(one, sets));
  if (!resolved?.every((one) => one !== undefined))
    return { matches: [{ kind: "unread", text }], target: { kind: "NONE" }, text };
  const queue = resolved.find((one) => one.kind === "queue");
  return {
    matches: comment === undefined ? [] : [{ kind: "comment", text: comment }],
    target: { kind: "NFT", statements: resolved, program: queue && programs.get(queue.number) },
    text,
  };
}

/** With its sets and maps; undefined if a set does not exist, or a field is not modeled. */
function resolvedStatement(statement: NftStatement, sets: readonly NftSetDecl[]): NftStatement | undefined {
  switch (statement.kind) {
    case "match": {
      const left = resolvedExpr(statement.left, sets);
      const right = resolvedData(statement.right, namesOf(statement.left), sets);
      return left && right && { ...statement, left, right };
    }
    case "vmap": {
      const key = resolvedExpr(statement.key, sets);
      const data = resolvedData(statement.data, namesOf(statement.key), sets);
      return key && data && { ...statement, key, data };
    }
    case "mark": {
      const value = resolvedExpr(statement.value, sets);
      return value && { ...statement, value };
    }
    case "nat": {
      const to = statement.to && resolvedExpr(statement.to, sets);
      const port = statement.port && resolvedExpr(statement.port, sets);
      return (statement.to && !to) || (statement.port && !port) ? undefined : { ...statement, to, port };
    }
    default:
      return statement;
  }
}

function resolvedExpr(expr: NftExpr, sets: readonly NftSetDecl[]): NftExpr | undefined {
  switch (expr.kind) {
    case "field":
      return hasField(expr.name) ? expr : undefined;
    case "concat": {
      const parts = expr.parts.map((part) => resolvedExpr(part, sets));
      return parts.every((part) => part !== undefined) ? { kind: "concat", parts } : undefined;
    }
    case "bits": {
      const [left, right] = [resolvedExpr(expr.left, sets), resolvedExpr(expr.right, sets)];
      return left && right && { ...expr, left, right };
    }
    case "map": {
      const key = resolvedExpr(expr.key, sets);
      const data = resolvedData(expr.data, namesOf(expr.key), sets);
      return key && data && { kind: "map", key, data };
    }
    default:
      return expr;
  }
}

function resolvedData(data: NftExpr, names: readonly string[], sets: readonly NftSetDecl[]): NftExpr | undefined {
  if (data.kind === "set") return { kind: "lookup", name: undefined, find: finder(data.elements, names) };
  if (data.kind !== "reference") return data;
  const found = sets.find(({ name }) => name === data.name);
  return found && { kind: "lookup", name: data.name, find: finder(found.elements, names) };
}
