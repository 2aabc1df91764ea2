/** Statements of nftables rules. */
import { ipAndPort } from "../values.ts";
import type { NftExpr, NftNat, NftOperator, NftReject, NftStatement } from "./ast.ts";
import { comparand, constant, expression, literalOf, verdictAt } from "./expressions.ts";
import { type NftReader, type NftToken, next, numberNext, peek, readerOf, take } from "./tokens.ts";

export interface ReadRule {
  /** Undefined if a part of the rule is not modeled. */
  readonly statements: readonly NftStatement[] | undefined;
  readonly comment: string | undefined;
}

export function statementsOf(tokens: readonly NftToken[]): ReadRule {
  const reader = readerOf(tokens);
  const statements: NftStatement[] = [];
  let comment: string | undefined;
  while (reader.at < tokens.length && !reader.failed) {
    if (take(reader, "comment")) comment = next(reader);
    else if (!skipCounter(reader)) statements.push(statement(reader));
  }
  return { statements: reader.failed ? undefined : statements, comment: comment ?? commentIn(tokens) };
}

/** The comment is last: a rule that is not read also has it. */
function commentIn(tokens: readonly NftToken[]): string | undefined {
  return tokens.at(-2)?.text === "comment" ? tokens.at(-1)?.text : undefined;
}

/** `counter packets 3 bytes 180`, or `counter name "x"`. */
function skipCounter(reader: NftReader): boolean {
  if (!take(reader, "counter")) return false;
  while (take(reader, "packets", "bytes", "name")) reader.at += 1;
  return true;
}

type Read = (reader: NftReader) => NftStatement;

function statement(reader: NftReader): NftStatement {
  const verdict = verdictAt(reader);
  if (verdict) return { kind: "verdict", verdict };
  const word = peek(reader) ?? "";
  const isCount = word === "ct" && peek(reader, 1) === "count";
  if (!isCount && !Object.hasOwn(STATEMENTS, word)) return comparison(reader);
  const start = reader.at;
  reader.at += isCount ? 2 : 1;
  const read = isCount ? connectionCount : STATEMENTS[word];
  const found = read?.(reader) ?? { kind: "other", text: "" };
  return "text" in found ? { ...found, text: textOf(reader.tokens.slice(start, reader.at)) } : found;
}

export function textOf(tokens: readonly NftToken[]): string {
  return tokens.map(({ text, quoted }) => (quoted ? `"${text}"` : text)).join(" ");
}

const STATEMENTS: Readonly<Record<string, Read>> = {
  reject: (reader) => ({ kind: "reject", with: rejection(reader) }),
  snat: (reader) => translation(reader, "snat"),
  dnat: (reader) => translation(reader, "dnat"),
  masquerade: (reader) => translation(reader, "masquerade"),
  redirect: (reader) => translation(reader, "redirect"),
  notrack: () => ({ kind: "notrack" }),
  queue,
  log,
  limit,
  quota: (reader) => {
    const over = take(reader, "over");
    take(reader, "until");
    reader.at += 2;
    if (take(reader, "used")) reader.at += 2;
    return { kind: "limit", over, text: "" };
  },
  add: update,
  update,
  delete: update,
  flow: rest,
  xt: fail,
  tcp: (reader) =>
    peek(reader) === "option" && reader.tokens.some(({ text }) => text === "set") ? rest(reader) : again(reader),
};

function fail(reader: NftReader): NftStatement {
  reader.failed = true;
  return { kind: "other", text: "" };
}

/** The start of a comparison. */
function again(reader: NftReader): NftStatement {
  reader.at -= 1;
  return comparison(reader);
}

/** Neither the packet's path nor its addresses change: `flow add @f`, `tcp option maxseg size set rt mtu`. */
function rest(reader: NftReader): NftStatement {
  reader.at = reader.tokens.length;
  return { kind: "other", text: "" };
}

function connectionCount(reader: NftReader): NftStatement {
  const over = take(reader, "over");
  numberNext(reader);
  return { kind: "limit", over, text: "" };
}

/** `log prefix "x" level info group 3 flags all`. */
function log(reader: NftReader): NftStatement {
  for (;;) {
    if (take(reader, "prefix", "level", "group", "snaplen", "queue-threshold")) reader.at += 1;
    else if (take(reader, "flags")) {
      reader.at += 1;
      if (take(reader, "sequence", "options")) take(reader, "");
      while (take(reader, ",")) reader.at += 1;
    } else return { kind: "other", text: "" };
  }
}

/** `limit rate over 5/second burst 10 packets`, `limit rate 10 kbytes/second`, `limit name "x"`. */
function limit(reader: NftReader): NftStatement {
  if (take(reader, "name")) {
    reader.at += 1;
    return { kind: "limit", over: false, text: "" };
  }
  take(reader, "rate");
  const over = take(reader, "over");
  const rate = next(reader) ?? "";
  if (!rate.includes("/")) reader.at += 1;
  if (take(reader, "burst")) {
    reader.at += 1;
    if (!take(reader, "packets")) take(reader, "bytes", "kbytes", "mbytes");
  }
  return { kind: "limit", over, text: "" };
}

/** `update @set { ip saddr timeout 3h limit rate over 10/second }`: the set of a listing has the elements that it has now. */
function update(reader: NftReader): NftStatement {
  let depth = 0;
  let over = false;
  while (reader.at < reader.tokens.length) {
    const word = next(reader);
    if (word === "{") depth += 1;
    if (word === "over") over = true;
    if (word === "}") depth -= 1;
    if (word === "}" && depth === 0) break;
  }
  return { kind: "update", over, text: "" };
}

/** `queue flags bypass to 100`; before nft 1.0: `queue num 100 bypass`. */
function queue(reader: NftReader): NftStatement {
  let bypass = false;
  let number = 0;
  for (;;) {
    if (take(reader, "bypass")) bypass = true;
    else if (!take(reader, "flags", "fanout", "num", "to", ",")) {
      if (!/^\d/.test(peek(reader) ?? "")) return { kind: "queue", number, bypass };
      // A range of queues: the first one.
      number = Number.parseInt(next(reader) ?? "", 10);
    }
  }
}

const REJECTIONS: Readonly<Record<string, NftReject>> = {
  "port-unreachable": "port-unreachable",
  "admin-prohibited": "admin-prohibited",
  "host-prohibited": "host-prohibited",
  "net-prohibited": "admin-prohibited",
  "policy-fail": "admin-prohibited",
  "reject-route": "admin-prohibited",
  "host-unreachable": "host-unreachable",
  "addr-unreachable": "host-unreachable",
  "net-unreachable": "net-unreachable",
  "no-route": "net-unreachable",
};

/** Without a type, port-unreachable (nftables src/evaluate.c, stmt_evaluate_reject_default). */
function rejection(reader: NftReader): NftReject {
  if (!take(reader, "with")) return "port-unreachable";
  const protocol = next(reader);
  if (protocol === "tcp") {
    take(reader, "reset");
    return "tcp reset";
  }
  take(reader, "type");
  const kind = next(reader) ?? "";
  const found = Object.hasOwn(REJECTIONS, kind) ? REJECTIONS[kind] : undefined;
  if (!found) reader.failed = true;
  return found ?? "port-unreachable";
}

/** `dnat ip to 10.0.0.5:80`, `dnat ip addr . port to … map …`, `masquerade to :1024-65535 random`. */
function translation(reader: NftReader, nat: NftNat["nat"]): NftStatement {
  take(reader, "ip", "ip6");
  if (take(reader, "prefix", "interval")) reader.failed = true;
  if (take(reader, "addr")) {
    take(reader, ".");
    take(reader, "port");
  }
  let to: NftExpr | undefined;
  let port: NftExpr | undefined;
  if (take(reader, "to")) {
    const read = expression(reader);
    const endpoint = read.kind === "word" ? endpointOf(read.text) : undefined;
    if (read.kind === "word" && !endpoint) reader.failed = true;
    ({ to, port } = endpoint ?? { to: read, port: undefined });
    const separate = peek(reader);
    // `to ip saddr map { … } : 80`
    if (separate?.startsWith(":")) {
      reader.at += 1;
      port = separate === ":" ? expression(reader) : literalOf(separate.slice(1));
    }
  }
  while (take(reader, "random", "fully-random", "persistent", ","));
  return { kind: "nat", nat, to, port };
}

/** "10.0.0.5:80", "[fd00::1]:80", ":80", or with a range of ports. */
function endpointOf(text: string): Pick<NftNat, "to" | "port"> | undefined {
  if (text.startsWith(":")) return { to: undefined, port: literalOf(text.slice(1)) };
  const colon = text.lastIndexOf(":");
  const known = ipAndPort(text.replace(/-\d+$/, ""));
  if (known) return { to: { kind: "ip", ip: known.ip }, port: literalOf(text.slice(colon + 1)) };
  const bare = literalOf(text.replace(/^\[|\]$/g, ""));
  return bare.kind === "ip" ? { to: bare, port: undefined } : undefined;
}

/* -------------------------------------------------------------- comparisons */

const OPERATORS: Readonly<Record<string, NftOperator>> = {
  "==": "==",
  "!=": "!=",
  "<": "<",
  ">": ">",
  "<=": "<=",
  ">=": ">=",
  eq: "==",
  ne: "!=",
  lt: "<",
  gt: ">",
  le: "<=",
  ge: ">=",
  "!": "!=",
};

function comparison(reader: NftReader): NftStatement {
  const start = reader.at;
  const left = expression(reader);
  if (take(reader, "vmap")) return { kind: "vmap", key: left, data: constant(reader) };
  if (take(reader, "set")) return assignment(reader, left, start);
  const word = peek(reader) ?? "";
  const op = Object.hasOwn(OPERATORS, word) ? OPERATORS[word] : undefined;
  if (op) reader.at += 1;
  if (left.kind === "word" || left.kind === "number") reader.failed = true;
  const right = comparand(reader);
  // `tcp flags syn / fin,syn,rst,ack`: the flags after the slash are compared.
  if (take(reader, "/"))
    return {
      kind: "match",
      op: op === "!=" ? op : "==",
      left: { kind: "bits", op: "&", left, right: comparand(reader) },
      right,
    };
  return { kind: "match", op: op ?? "implicit", left, right };
}

function assignment(reader: NftReader, left: NftExpr, start: number): NftStatement {
  const value = expression(reader);
  const name = left.kind === "field" ? left.name : "";
  if (name === "meta mark") return { kind: "mark", of: "packet", value };
  if (name === "ct mark") return { kind: "mark", of: "connection", value };
  return { kind: "other", text: textOf(reader.tokens.slice(start, reader.at)) };
}
