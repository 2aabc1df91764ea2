/**
 * The stage between lexer and parser: matches brackets, determines which line breaks end a statement, and marks tokens
 * that are not allowed. Its output always fits the grammar: each opener has a closer (with empty text if the source has
 * none), each misplaced token is a `Stray`, and blocks are nested at most `maxDepth` levels deep.
 */

import { createToken, type IToken, Lexer, type TokenType } from "chevrotain";
import type { FaultKind } from "../../declared/file-problem.ts";
import { countBelow } from "../../text/search.ts";
import {
  Arrow,
  Compare,
  LBrace,
  LBracket,
  Newline,
  RBrace,
  RBracket,
  Semicolon,
  Text,
  UnclosedComment,
  Unexpected,
  Word,
} from "./tokens.ts";

/** The end of a statement: a line break or `;` after its arguments. */
export const End = createToken({ name: "End", pattern: Lexer.NA });
/** A token that is only a problem; `payload` is the kind of problem. */
export const Stray = createToken({ name: "Stray", pattern: Lexer.NA });

export const maxDepth = 100;

const make = (tokenType: TokenType, image: string, startOffset: number, payload?: FaultKind): IToken => ({
  image,
  startOffset,
  tokenTypeIdx: tokenType.tokenTypeIdx!,
  tokenType,
  ...(payload === undefined ? {} : { payload }),
});

const stray = (token: IToken, kind: FaultKind): IToken => make(Stray, token.image, token.startOffset, kind);

/** One shared token: only its type is used. */
const end = make(End, "", 0);

export interface Structured {
  readonly tokens: IToken[];
  /** A `{` has no `}`, so the nesting of the whole text was repaired. */
  readonly repaired: boolean;
  /** Following text would continue the last statement. */
  readonly open: boolean;
}

/** `depth` is the number of blocks around the text. */
export function structure(tokens: readonly IToken[], text: string, depth = 0): Structured {
  const { out, unclosed, open } = arrange(tokens, depth);
  if (unclosed < 0) return { tokens: out, repaired: false, open };
  return { tokens: arrange(closeByIndentation(tokens, unclosed, text), depth).out, repaired: true, open };
}

interface Arranged {
  readonly out: IToken[];
  /** The index of the outermost `{` without `}`, or -1. */
  readonly unclosed: number;
  readonly open: boolean;
}

function arrange(tokens: readonly IToken[], outerDepth: number): Arranged {
  const out: IToken[] = [];
  const blocks: number[] = [];
  const limit = maxDepth - outerDepth;
  const count = tokens.length;
  /** Inside a statement, where a line break is significant. */
  let open = false;
  for (let at = 0; at < count; at++) {
    const token = tokens[at]!;
    switch (token.tokenType) {
      case Word:
      case Text:
      case Arrow:
      case Compare:
        open = true;
        out.push(token);
        break;
      case Newline: {
        while (at + 1 < count && tokens[at + 1]!.tokenType === Newline) at++;
        // A block can start on the line after its arguments.
        if (open && !(at + 1 < count && tokens[at + 1]!.tokenType === LBrace)) {
          out.push(end);
          open = false;
        }
        break;
      }
      case Semicolon:
        if (open) out.push(end);
        open = false;
        break;
      case LBrace:
        if (blocks.length < limit) {
          blocks.push(at);
          // A block without arguments belongs to a statement with an empty keyword.
          if (!open) out.push(make(Word, "", token.startOffset), stray(token, "unexpected-character"));
          out.push(token);
        } else {
          out.push(stray(token, "too-deep"));
          if (open) out.push(end);
          const close = skipBlock(tokens, at);
          if (close === count) return { out, unclosed: blocks[0] ?? at, open };
          at = close;
        }
        open = false;
        break;
      case RBrace:
        if (blocks.pop() !== undefined) out.push(token);
        else {
          if (open) out.push(end);
          out.push(stray(token, "stray-close"));
        }
        open = false;
        break;
      case LBracket:
        open = true;
        at = arrangeList(tokens, at, out) - 1;
        break;
      case RBracket:
        out.push(stray(token, "stray-bracket"));
        break;
      case UnclosedComment:
        out.push(stray(token, "unclosed-comment"));
        break;
      default:
        out.push(stray(token, "unexpected-character"));
    }
  }
  return { out, unclosed: blocks[0] ?? -1, open };
}

/** The index of the `}` that closes the `{` at `at`, or the number of tokens. */
function skipBlock(tokens: readonly IToken[], at: number): number {
  let depth = 0;
  for (let next = at; next < tokens.length; next++) {
    const { tokenType } = tokens[next]!;
    if (tokenType === LBrace) depth++;
    else if (tokenType === RBrace && --depth === 0) return next;
  }
  return tokens.length;
}

const stopsList = (type: TokenType): boolean =>
  type === RBracket || type === LBracket || type === LBrace || type === RBrace;

/** The index of the `]` for the `[` at `at`, or -1. Linear in total, because the search stops at the next `[`. */
function closingBracket(tokens: readonly IToken[], at: number): number {
  for (let next = at + 1; next < tokens.length; next++) {
    const { tokenType } = tokens[next]!;
    if (stopsList(tokenType)) return tokenType === RBracket ? next : -1;
  }
  return -1;
}

/** Appends the list that starts at `at`; returns the index of the token after it. */
function arrangeList(tokens: readonly IToken[], at: number, out: IToken[]): number {
  const close = closingBracket(tokens, at);
  let last = tokens[at]!;
  out.push(last);
  let next = at + 1;
  for (; next < tokens.length && next !== close; next++) {
    const token = tokens[next]!;
    const type = token.tokenType;
    if (close < 0 && (type === Newline || type === Semicolon || stopsList(type))) break;
    if (type === Newline) continue;
    if (type === UnclosedComment) out.push(stray(token, "unclosed-comment"));
    else if (type === Semicolon || type === Unexpected) out.push(stray(token, "unexpected-character"));
    else out.push(token);
    last = token;
  }
  if (close < 0) {
    out.push(make(RBracket, "", last.startOffset + last.image.length));
    return next;
  }
  out.push(tokens[close]!);
  return close + 1;
}

/**
 * Adds the missing `}` from the token `from` on, by indentation: a block on a line with indentation n ends before the next
 * line with indentation n or less, unless that line starts with the `}` of the block. The added tokens have no text.
 */
function closeByIndentation(tokens: readonly IToken[], from: number, text: string): IToken[] {
  const out = tokens.slice(0, from);
  const indents: number[] = [];
  /** Indentation of the current line. */
  let indent = indentation(text, tokens[from]!.startOffset);
  let lineEnd = 0;
  let lineStart = false;
  const closeDownTo = (keeps: (indent: number) => boolean): void => {
    while (indents.length > 0 && !keeps(indents[indents.length - 1]!)) {
      out.push(make(RBrace, "", lineEnd));
      indents.pop();
    }
  };
  for (let at = from; at < tokens.length; at++) {
    const token = tokens[at]!;
    const type = token.tokenType;
    if (type === Newline) {
      lineEnd = token.startOffset + lastBreak(token.image);
      lineStart = true;
      out.push(token);
      continue;
    }
    if (lineStart) {
      lineStart = false;
      indent = indentation(text, token.startOffset);
      if (type !== RBrace) closeDownTo((outer) => outer < indent);
      else if (includes(indents, indent)) closeDownTo((outer) => outer <= indent);
    }
    out.push(token);
    if (type === LBrace) indents.push(indent);
    else if (type === RBrace) indents.pop();
    else if (type === LBracket) {
      const close = closingBracket(tokens, at);
      while (at < close) out.push(tokens[++at]!);
    }
  }
  lineEnd = text.length;
  closeDownTo(() => false);
  return out;
}

/** The start of the last line break in a run of line breaks. */
function lastBreak(image: string): number {
  const at = Math.max(image.lastIndexOf("\n"), image.lastIndexOf("\r"));
  return at > 0 && image[at] === "\n" && image[at - 1] === "\r" ? at - 1 : at;
}

/** Whether the ascending list contains `value`. */
function includes(sorted: readonly number[], value: number): boolean {
  return sorted[countBelow(sorted, value)] === value;
}

const tabWidth = 8;

/** The width in columns of the white space at the start of the line that contains `offset`. */
function indentation(text: string, offset: number): number {
  let at = offset;
  while (at > 0 && text[at - 1] !== "\n" && text[at - 1] !== "\r") at--;
  let width = 0;
  if (text[at] === "\ufeff") at++;
  for (; ; at++) {
    if (text[at] === " ") width++;
    else if (text[at] === "\t") width += tabWidth - (width % tabWidth);
    else return width;
  }
}
