/** The lexer: text to tokens, independent of statements. */

import { type CustomPatternMatcherReturn, createToken, type IToken, Lexer, type TokenType } from "chevrotain";

export type TokenKind =
  | "word"
  | "string"
  | "arrow"
  | "comment"
  /** A line break with the following blank lines and indentation. */
  | "newline"
  | "{"
  | "}"
  | "["
  | "]"
  | ","
  | ";"
  /** A run of control characters. */
  | "unexpected";

/** UTF-16 offsets; `end` is exclusive. White space other than line breaks is not a token. */
export interface Token {
  readonly kind: TokenKind;
  readonly start: number;
  readonly end: number;
  readonly text: string;
}

const unit = { other: 0, word: 1, minus: 2, control: 3, blank: 4 } as const;

/** The class of each code unit below 128. */
const classes = new Uint8Array(128);
for (let code = 0; code < 128; code++) classes[code] = code > 32 && code < 127 ? unit.word : unit.control;
for (const char of '{}[],;"#<>\r\n') classes[char.charCodeAt(0)] = unit.other;
for (const char of " \t\v\f") classes[char.charCodeAt(0)] = unit.blank;
classes[0x2d] = unit.minus;

/** Classes above 127: Unicode white space, and invisible characters (C1 controls, zero width, text direction). */
const wideBlank = (code: number): boolean =>
  code === 0xa0 ||
  code === 0xfeff ||
  code === 0x1680 ||
  (code >= 0x2000 && code <= 0x200a) ||
  code === 0x2028 ||
  code === 0x2029 ||
  code === 0x202f ||
  code === 0x205f ||
  code === 0x3000;
const wideControl = (code: number): boolean =>
  code <= 0x9f ||
  code === 0xad ||
  (code >= 0x200b && code <= 0x200f) ||
  (code >= 0x202a && code <= 0x202e) ||
  (code >= 0x2060 && code <= 0x206f) ||
  (code >= 0xfff9 && code <= 0xfffb);

const classOf = (code: number): number =>
  code < 128 ? classes[code]! : wideControl(code) ? unit.control : wideBlank(code) ? unit.blank : unit.word;

/** One shared array is sufficient: Chevrotain reads each match before the next match starts. */
const holder: [string] & { payload?: unknown } = [""];
function matched(text: string, start: number, end: number): CustomPatternMatcherReturn | null {
  if (end === start) return null;
  holder[0] = text.slice(start, end);
  return holder;
}

function matchWord(text: string, start: number): CustomPatternMatcherReturn | null {
  let at = start;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    const kind = code < 128 ? classes[code] : classOf(code);
    if (kind === unit.word) continue;
    if (kind === unit.minus && text.charCodeAt(at + 1) !== 0x3e) continue;
    break;
  }
  return matched(text, start, at);
}

function matchRun(kind: number): (text: string, start: number) => CustomPatternMatcherReturn | null {
  return (text, start) => {
    let at = start;
    while (at < text.length && classOf(text.charCodeAt(at)) === kind) at++;
    return matched(text, start, at);
  };
}

/** Matches up to the closing quote, or to the end of the line if the string is unclosed. */
function matchString(text: string, start: number): CustomPatternMatcherReturn | null {
  let at = start + 1;
  for (; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return matched(text, start, at + 1);
    if (code === 0x0a || code === 0x0d) break;
    if (code === 0x5c) {
      const next = text.charCodeAt(at + 1);
      if (next !== 0x0a && next !== 0x0d) at++;
    }
  }
  return matched(text, start, Math.min(at, text.length));
}

/**
 * The offset of the last comment end in the current text: a comment that starts after it is unclosed (avoids a search).
 */
let lastCommentEnd = -1;

function matchBlockComment(text: string, start: number): CustomPatternMatcherReturn | null {
  if (text.charCodeAt(start + 1) !== 0x2a || start + 2 > lastCommentEnd) return null;
  return matched(text, start, text.indexOf("*/", start + 2) + 2);
}

/**
 * For each class, the code units that can start a token of the class, in the form that Chevrotain requires: all units
 * below 256, and one unit per group of 255 above. Every group contains characters of names. Most units are
 * skipped, because every command waits for this.
 */
const starts: number[][] = [[], [], [], [], []];
for (let code = 0; code < 256; code++) starts[classOf(code)]!.push(code);
for (let group = 1; group <= 257; group++) starts[unit.word]!.push(Math.min(group * 255 + 1, 0xffff));
for (const [from, to] of [
  [0x1680, 0x1680],
  [0x2000, 0x206f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
] as const)
  for (let code = from; code <= to; code++) if (classOf(code) !== unit.word) starts[classOf(code)]!.push(code);

/** A token that can be an argument. */
export const Atom = createToken({ name: "Atom", pattern: Lexer.NA });
export const Word = createToken({
  name: "Word",
  pattern: matchWord,
  categories: Atom,
  line_breaks: false,
  start_chars_hint: [...starts[unit.word]!, ...starts[unit.minus]!],
});
export const Compare = createToken({ name: "Compare", pattern: /[<>]=?/, categories: Atom });
export const Arrow = createToken({ name: "Arrow", pattern: /->/, categories: Atom });
export const Text = createToken({
  name: "Text",
  pattern: matchString,
  categories: Atom,
  line_breaks: false,
  start_chars_hint: ['"'],
});
export const Newline = createToken({ name: "Newline", pattern: /[\n\r][ \t\n\r]*/, line_breaks: true });
export const Semicolon = createToken({ name: "Semicolon", pattern: ";" });
export const LBrace = createToken({ name: "LBrace", pattern: "{" });
export const RBrace = createToken({ name: "RBrace", pattern: "}" });
export const LBracket = createToken({ name: "LBracket", pattern: "[" });
export const RBracket = createToken({ name: "RBracket", pattern: "]" });
export const Comma = createToken({ name: "Comma", pattern: "," });
export const LineComment = createToken({ name: "LineComment", pattern: /(?:#|\/\/)[^\n\r]*/, group: "comments" });
export const BlockComment = createToken({
  name: "BlockComment",
  pattern: matchBlockComment,
  line_breaks: true,
  start_chars_hint: ["/"],
  group: "comments",
});
export const UnclosedComment = createToken({ name: "UnclosedComment", pattern: /\/\*[^\n\r]*/ });
export const Unexpected = createToken({
  name: "Unexpected",
  pattern: matchRun(unit.control),
  line_breaks: false,
  start_chars_hint: starts[unit.control]!,
});
const Space = createToken({ name: "Space", pattern: /[ \t]+/, group: Lexer.SKIPPED });
const WideSpace = createToken({
  name: "WideSpace",
  pattern: matchRun(unit.blank),
  line_breaks: false,
  start_chars_hint: starts[unit.blank]!,
  group: Lexer.SKIPPED,
});

const kinds = new Map<TokenType, TokenKind>([
  [Word, "word"],
  [Compare, "word"],
  [Arrow, "arrow"],
  [Text, "string"],
  [Newline, "newline"],
  [Semicolon, ";"],
  [LBrace, "{"],
  [RBrace, "}"],
  [LBracket, "["],
  [RBracket, "]"],
  [Comma, ","],
  [LineComment, "comment"],
  [BlockComment, "comment"],
  [UnclosedComment, "comment"],
  [Unexpected, "unexpected"],
]);

const lexer = new Lexer(
  [
    Space,
    LineComment,
    BlockComment,
    UnclosedComment,
    Word,
    Newline,
    LBrace,
    RBrace,
    Arrow,
    Text,
    Compare,
    LBracket,
    RBracket,
    Comma,
    Semicolon,
    WideSpace,
    Unexpected,
  ],
  { positionTracking: "onlyOffset", ensureOptimizations: true, skipValidations: true },
);

export interface Lexed {
  /** All tokens except closed comments. */
  readonly tokens: readonly IToken[];
  readonly comments: readonly IToken[];
}

export function lex(text: string): Lexed {
  lastCommentEnd = text.lastIndexOf("*/");
  const { tokens, groups } = lexer.tokenize(text);
  return { tokens, comments: groups.comments ?? [] };
}

/** All tokens including comments, in text order. */
export function tokenize(text: string): Token[] {
  const { tokens, comments } = lex(text);
  const all: Token[] = [];
  let next = 0;
  const add = ({ tokenType, startOffset, image }: IToken): void => {
    all.push({ kind: kinds.get(tokenType)!, start: startOffset, end: startOffset + image.length, text: image });
  };
  for (const token of tokens) {
    for (; next < comments.length && comments[next]!.startOffset < token.startOffset; next++) add(comments[next]!);
    add(token);
  }
  for (; next < comments.length; next++) add(comments[next]!);
  return all;
}

/** Whether a string token has no closing quote. */
export function isUnclosedString(image: string): boolean {
  if (image.length < 2 || !image.endsWith('"')) return true;
  let slashes = 0;
  while (image.charCodeAt(image.length - 2 - slashes) === 0x5c) slashes++;
  return slashes % 2 === 1;
}

/** The value of a string token, without quotes and escapes. */
export function stringValue(image: string): string {
  const inner = image.slice(1, isUnclosedString(image) ? image.length : -1);
  return inner.includes("\\") ? inner.replace(/\\(["\\])/g, "$1") : inner;
}

/** The escaped text of a string value, without the quotes. */
export function stringText(value: string): string {
  return value.replace(/["\\]/g, "\\$&");
}
