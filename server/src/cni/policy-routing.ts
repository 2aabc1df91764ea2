/** Policy routing: the rules of a machine, and its routing tables other than main. */
import type { PolicyRule, Route, RouteTable } from "../dataplane/model.ts";
import type { RoutingRule, Station } from "../topology/model.ts";
import { devicesOf } from "./acl.ts";
import { ownLayer } from "./layer.ts";

/** `existing`: the kernel's three rules and the rules of the CNI plugin, in order of priority. */
export function rulesOver(existing: readonly PolicyRule[], station: Station): readonly PolicyRule[] {
  const rules = [...existing];
  for (const written of station.policyRouting?.rules ?? []) {
    for (const iif of devicesOf(station, written.iif)) {
      const priority = written.priority ?? nextPriority(rules);
      rules.push(ruleOf(written, iif, priority));
      rules.sort((a, b) => a.priority - b.priority);
    }
  }
  return rules;
}

/** fib_default_rule_pref (net/core/fib_rules.c): before the second rule of the list. */
function nextPriority(rules: readonly PolicyRule[]): number {
  const second = rules[1]?.priority ?? 0;
  return second > 0 ? second - 1 : 0;
}

function ruleOf(
  { from, to, fwmark, table, source }: RoutingRule,
  iif: string | undefined,
  priority: number,
): PolicyRule {
  return {
    priority,
    ...(from ? { from } : {}),
    ...(to ? { to } : {}),
    ...(fwmark ? { fwmark } : {}),
    ...(iif === undefined ? {} : { iif }),
    table,
    origin: source,
  };
}

/** The tables of the machine; a table that the CNI plugin also fills has the routes of both. */
export function tablesOver(
  existing: ReadonlyMap<string, RouteTable>,
  own: ReadonlyMap<string, readonly Route[]>,
): ReadonlyMap<string, RouteTable> {
  const tables = new Map(existing);
  for (const [name, routes] of own)
    tables.set(name, { layers: [ownLayer(routes), ...(tables.get(name)?.layers ?? [])] });
  return tables;
}
