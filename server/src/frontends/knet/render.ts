/** Changes of declarations as edits of the text. */
import type { Change } from "../../declared/change.ts";
import type { Decl } from "../../declared/decl.ts";
import type { Part } from "../../declared/handle.ts";
import { isFlag } from "../../declared/schema/index.ts";
import type { TextEdit } from "../../text/edit.ts";
import { lineStartOf, newlineOf, skipBlanksBack } from "../../text/lines.ts";
import type { Span } from "../../text/span.ts";
import { statementOf } from "./handle.ts";
import { partSpan, positionsOf } from "./positions.ts";
import { tokenize } from "./tokens.ts";
import type { Block, Statement, SyntaxTree } from "./tree.ts";

/** The text edit for a change; undefined if its source is not in the tree. */
export function textEdit(tree: SyntaxTree, edit: Change): TextEdit | undefined {
  if (edit.kind === "comment") return removeComment(tree.text, edit.span);
  if (edit.kind === "insert") return { start: edit.at, end: edit.at, text: edit.text };
  const { decl, part } = edit.source;
  const statement = statementOf(decl);
  const { text } = tree;
  const start = positionsOf(tree).startOf(statement);
  if (start === undefined) return undefined;
  switch (edit.kind) {
    case "replace": {
      const span = partSpan(statement, part, start);
      return span && { ...span, text: edit.text };
    }
    case "argument": {
      const span = argumentSpan(decl, statement, edit.name);
      return span && { start: start + span.start, end: start + span.end, text: edit.text };
    }
    case "extend": {
      const last = statement.args.at(-1) ?? statement.keyword;
      const at = start + last.start + last.length;
      return { start: at, end: at, text: ` ${edit.text}` };
    }
    case "before": {
      const indent = text.slice(lineStartOf(text, start), start);
      const newline = newlineOf(text);
      // If the line has other statements, the insertion stays on that line.
      return { start, end: start, text: indent.trim() === "" ? `${edit.text}${newline}${indent}` : `${edit.text}; ` };
    }
    case "append":
      return appendEdit(tree.text, statement, start, edit.text.split("\n"));
    case "remove": {
      if (part === "whole" || part === "keyword") return removeStatement(tree.text, start, start + statement.length);
      const span = spanWithLiteral(decl, statement, part);
      return span && { start: skipBlanksBack(text, start + span.start), end: start + span.end, text: "" };
    }
    case "remove-block": {
      if (!statement.block) return undefined;
      const last = statement.args.at(-1) ?? statement.keyword;
      return { start: start + last.start + last.length, end: start + statement.length, text: "" };
    }
  }
}

/** The number of tokens before an argument that name it: 1 for `via`, 2 for `mtu >=`. */
function literalsOf({ spec }: Decl, name: string): number {
  const arg = spec?.args.find((one) => one.name === name);
  return arg === undefined || isFlag(arg) || arg.after === undefined ? 0 : arg.after.split(" ").length;
}

/** An argument with its literal and all its values, relative to the statement. */
function argumentSpan(decl: Decl, { args }: Statement, name: string): Span | undefined {
  const own = decl.values.filter((read) => read.name === name);
  const first = args[(own[0]?.index ?? -1) - literalsOf(decl, name)];
  const last = args[own.at(-1)?.index ?? -1];
  return first && last && { start: first.start, end: last.start + last.length };
}

/** A value, with the literal in front of it unless another value of the same argument follows or precedes it. */
function spanWithLiteral(decl: Decl, statement: Statement, part: Part): Span | undefined {
  const read = decl.values.find(({ index, item }) => index === part && item === undefined);
  const isOnly = read !== undefined && decl.values.filter(({ name }) => name === read.name).length === 1;
  return isOnly ? argumentSpan(decl, statement, read.name) : partSpan(statement, part, 0);
}

/** Adds lines to a multi-line block; appends to the statements of a single-line block. */
function appendEdit(text: string, statement: Statement, start: number, lines: readonly string[]): TextEdit {
  const newline = newlineOf(text);
  const indent = indentAt(text, start);
  const { block } = statement;
  const together = (by: string): string => lines.map((line) => `${by}${line}`).join(newline);
  if (!block) {
    const at = start + statement.length;
    const added = isAlone(text, start)
      ? ` {${newline}${together(`${indent}  `)}${newline}${indent}}`
      : ` { ${lines.join("; ")} }`;
    return { start: at, end: at, text: added };
  }
  const blockStart = start + block.start;
  const last = lastEnd(block, blockStart);
  if (!block.closed) {
    return { start: last, end: last, text: `${newline}${together(`${indent}  `)}` };
  }
  const close = blockStart + block.length - 1;
  const lineStart = lineStartOf(text, close);
  if (lineStart > blockStart && text.slice(lineStart, close).trim() === "") {
    return { start: lineStart, end: lineStart, text: `${together(inner(text, block, blockStart, indent))}${newline}` };
  }
  // The closing brace is on the same line; a comment in front of the brace is not moved.
  const at = skipBlanksBack(text, close);
  const comment = tokenize(text.slice(last, close)).some((token) => token.kind === "comment");
  const separator =
    block.statements.length === 0 ? " " : comment && at > last ? "; " : text[at - 1] === ";" ? " " : "; ";
  return { start: at, end: close, text: `${separator}${lines.join("; ")} ` };
}

/** Whether the statement is the first on its line, so its block can have separate lines. */
function isAlone(text: string, start: number): boolean {
  return text.slice(lineStartOf(text, start), start).trim() === "";
}

/** The indentation of the block's statements. */
function inner(text: string, block: Block, blockStart: number, indent: string): string {
  const offset = block.offsets.at(-1);
  if (offset === undefined) return `${indent}  `;
  const at = blockStart + offset;
  const lineStart = lineStartOf(text, at);
  const before = text.slice(lineStart, at);
  return before.trim() === "" ? before : `${indent}  `;
}

function lastEnd(block: Block, blockStart: number): number {
  const statement = block.statements.at(-1);
  return statement ? blockStart + (block.offsets.at(-1) ?? 0) + statement.length : blockStart + 1;
}

/** Removes the whole line if the statement is alone on it, otherwise the statement and the `;` that follows or precedes it. */
function removeStatement(text: string, start: number, end: number): TextEdit {
  const lineStart = lineStartOf(text, start);
  const rest = /^[ \t]*(;[ \t]*)?((?:#|\/\/)[^\r\n]*)?(\r\n|\n|\r|$)/.exec(text.slice(end, end + 2000));
  if (text.slice(lineStart, start).trim() === "" && rest)
    return { start: lineStart, end: end + rest[0].length, text: "" };
  const behind = /^[ \t]*;[ \t]*/.exec(text.slice(end, end + 200));
  if (behind) return { start, end: end + behind[0].length, text: "" };
  const before = /[ \t]*;[ \t]*$/.exec(text.slice(lineStart, start));
  if (before) return { start: lineStart + before.index, end, text: "" };
  return { start: skipBlanksBack(text, start), end, text: "" };
}

function removeComment(text: string, { start, end }: Span): TextEdit {
  const lineStart = lineStartOf(text, start);
  if (text.slice(lineStart, start).trim() !== "") return { start: skipBlanksBack(text, start), end, text: "" };
  const newline = /^[ \t]*(\r\n|\n|\r)/.exec(text.slice(end, end + 200))?.[0] ?? "";
  return { start: newline === "" ? start : lineStart, end: end + newline.length, text: "" };
}

export function indentAt(text: string, at: number): string {
  return /^[ \t]*/.exec(text.slice(lineStartOf(text, at), at))?.[0] ?? "";
}
