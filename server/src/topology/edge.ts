/** What a station does at the edge of a network, as it is written. */
import { all, type Decl, one, oneOf, sourceOf, sourceOfRead } from "../language/decode.ts";
import type { Edge, NatRule } from "./model.ts";

/** `statements`: those of a station that are about this; nearly every station has none. */
export function readEdge(file: string, statements: readonly Decl[]): Edge {
  const loopbacks = statements
    .filter((one) => one.spec?.keyword === "loopback")
    .flatMap((statement) =>
      all(statement, "addresses").flatMap((read) =>
        read.value.kind === "address" ? [{ ip: read.value.ip, source: sourceOfRead(file, statement, read) }] : [],
      ),
    );
  return {
    loopbacks,
    nat: statements.flatMap((statement) => natRule(file, statement) ?? []),
    answersAny: statements.some(
      (statement) => statement.spec?.keyword === "answers" && oneOf(statement, "addresses", "word")?.text === "any",
    ),
  };
}

function natRule(file: string, decl: Decl): NatRule | undefined {
  // A rule that lacks a part which could not be read would change more packets than it is meant to.
  if (decl.problems.some(({ code }) => code !== "KN014")) return undefined;
  const source = sourceOf(file, decl);
  if (decl.spec?.keyword === "masquerade") {
    const from = all(decl, "from").flatMap(({ value }) => (value.kind === "prefix" ? [value.prefix] : []));
    return { kind: "masquerade", from, segment: segmentOf(file, decl, "out"), source };
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
