/** Features of a machine at the edge of a network, as written. */

import type { Prefix } from "../addressing/ip.ts";
import { all, isBroken, one, oneOf, sourceOfRead } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import { sourceOf } from "../declared/origin.ts";
import type { Edge, NatRule } from "./model.ts";
import { addressesIn, countedUp } from "./places.ts";

/** `statements`: the machine's statements about this; empty on nearly every machine. */
export function readEdge(file: string, statements: readonly Decl[]): Edge {
  const loopbacks = statements
    .filter((one) => one.spec?.keyword === "loopback")
    .flatMap((statement) => addressesIn(file, statement));
  return {
    loopbacks,
    nat: statements.flatMap((statement) => natRule(file, statement) ?? []),
    answersAny: statements.some(
      (statement) => statement.spec?.keyword === "answers" && oneOf(statement, "addresses", "word")?.text === "any",
    ),
  };
}

/** The same for a node of a pool: loopback addresses count up, like addresses of `attach`. */
export function edgeAt(edge: Edge, position: number): Edge {
  if (position === 0 || edge.loopbacks.length === 0) return edge;
  return { ...edge, loopbacks: countedUp(edge.loopbacks, position) };
}

function natRule(file: string, decl: Decl): NatRule | undefined {
  // A rule with an unreadable part is ignored: without the part, it would apply to more packets than intended.
  if (isBroken(decl)) return undefined;
  const source = sourceOf(file, decl);
  if (decl.spec?.keyword === "masquerade") {
    const prefixes = (argument: string): readonly Prefix[] =>
      all(decl, argument).flatMap(({ value }) => (value.kind === "prefix" ? [value.prefix] : []));
    return {
      kind: "masquerade",
      from: prefixes("from"),
      to: prefixes("to"),
      segment: segmentOf(file, decl, "out"),
      source,
    };
  }
  const port = oneOf(decl, "port", "ports");
  const to = oneOf(decl, "to", "address")?.ip;
  if (decl.spec?.keyword !== "port-forward" || !port || to === undefined) return undefined;
  const toPort = oneOf(decl, "to-port", "number")?.value;
  return {
    kind: "port-forward",
    proto: port.proto ?? "tcp",
    port: port.first,
    to,
    toPort,
    segment: segmentOf(file, decl, "in"),
    source,
  };
}

function segmentOf(file: string, decl: Decl, argument: string): NatRule["segment"] {
  const read = one(decl, argument);
  return read?.value.kind === "ref" ? { name: read.value.text, source: sourceOfRead(file, decl, read) } : undefined;
}
