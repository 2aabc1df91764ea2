/** The input of the formatter: statements and comments of each block in order, and the lines that must not change. */

import type { Span } from "../../text/span.ts";
import { hasProblem, parse } from "./parser.ts";
import { type Token, tokenize } from "./tokens.ts";
import type { Block, Statement } from "./tree.ts";

export interface CommentItem {
  readonly kind: "comment";
  readonly token: Token;
  /** Number of line breaks in the source since the previous item or the `{`. */
  readonly breaks: number;
  /** Follows a `;` on the line of the next statement, so it belongs to the next statement. */
  readonly leads: boolean;
}

/** Complete lines that do not change. */
export interface FrozenItem {
  readonly kind: "frozen";
  readonly span: Span;
  readonly breaks: number;
}

export interface HeaderToken {
  readonly token: Token;
  /** The token starts a line in the source. */
  readonly broken: boolean;
}

export interface Body {
  readonly open: Token;
  readonly items: readonly Item[];
  readonly close: Token;
  /** The body is on one line in the source. */
  readonly oneLine: boolean;
}

export interface StatementItem {
  readonly kind: "statement";
  /** Arguments and the comments between them. */
  readonly header: readonly HeaderToken[];
  readonly body: Body | undefined;
  readonly breaks: number;
  /** The next statement has no arguments, and only a `;` prevents its block from attaching to this statement. */
  readonly separate: boolean;
}

export type Item = CommentItem | FrozenItem | StatementItem;

interface Draft {
  readonly item: CommentItem | StatementItem | undefined;
  readonly start: number;
  readonly end: number;
  readonly breaks: number;
  /** As in `StatementItem`. */
  readonly separate: boolean;
  frozen: boolean;
  /** Frozen together with the next draft: the `;` between them is significant. */
  held: boolean;
}

interface Plan {
  readonly items: readonly Item[];
  /** A frozen line starts on the line of the `{` or ends on the line of the `}`. */
  readonly touches: boolean;
  /** No line breaks outside the tokens of the items. */
  readonly oneLine: boolean;
}

/** Undefined if the text cannot be formatted. */
export function makePlan(text: string): readonly Item[] | undefined {
  const { root } = parse(text);
  if (hasProblem(root, "too-deep")) return undefined;
  const tokens = tokenize(text);
  const unbalanced = firstUnbalanced(tokens);
  let at = 0;

  const planBlock = (block: Block, base: number, end: number): Plan => {
    const drafts: Draft[] = [];
    let next = 0;
    let breaks = 0;
    let oneLine = true;
    const leads = leadsAfterSemicolon(drafts);
    for (let token = tokens[at]; token !== undefined && token.start < end; token = tokens[at]) {
      if (token.kind === "newline") {
        breaks += countBreaks(token.text);
        oneLine = false;
        at++;
        continue;
      }
      if (token.kind === ";") {
        at++;
        leads.separate();
        continue;
      }
      const statement = block.statements[next];
      if (statement !== undefined && token.start === base + block.offsets[next]!) {
        next++;
        const separate = statement.block === undefined && block.statements[next]?.keyword.length === 0;
        const planned = planStatement(statement, token.start, breaks, separate);
        oneLine &&= planned.oneLine;
        leads.mark(breaks);
        drafts.push(planned.draft);
      } else {
        at++;
        const comment = token.kind === "comment" && !isUnclosed(token);
        oneLine &&= !hasBreak(token.text);
        drafts.push({
          item: comment ? { kind: "comment", token, breaks, leads: false } : undefined,
          start: token.start,
          end: token.end,
          breaks,
          separate: false,
          frozen: !comment,
          held: false,
        });
      }
      breaks = 0;
    }
    if (block === root) for (const draft of drafts) draft.frozen ||= draft.end > unbalanced;
    for (let index = 1; index < drafts.length; index++)
      if (drafts[index]!.breaks === 0) drafts[index]!.frozen ||= drafts[index - 1]!.frozen;
    for (let index = drafts.length - 1; index > 0; index--)
      if (drafts[index]!.breaks === 0) drafts[index - 1]!.frozen ||= drafts[index]!.frozen;
    holdSeparated(drafts);
    const first = drafts[0];
    const last = drafts[drafts.length - 1];
    return {
      items: merge(drafts, text, unbalanced),
      touches: (first?.frozen === true && first.breaks === 0) || (last?.frozen === true && breaks === 0),
      oneLine,
    };
  };

  const planStatement = (
    statement: Statement,
    start: number,
    breaks: number,
    separate: boolean,
  ): { draft: Draft; oneLine: boolean } => {
    const { block } = statement;
    const header: HeaderToken[] = [];
    const headerEnd = start + (block === undefined ? statement.length : block.start);
    let oneLine = true;
    let broken = false;
    for (let token = tokens[at]; token !== undefined && token.start < headerEnd; token = tokens[++at]) {
      if (token.kind === "newline" || hasBreak(token.text)) oneLine = false;
      if (token.kind !== "newline") header.push({ token, broken });
      broken = token.kind === "newline";
    }
    const end = start + statement.length;
    let frozen = statement.problems.length > 0;
    let body: Body | undefined;
    if (block !== undefined) {
      const open = tokens[at++]!;
      const inner = planBlock(block, headerEnd, end - (block.closed ? 1 : 0));
      frozen ||= inner.touches || !block.closed;
      const close = block.closed ? tokens[at++]! : open;
      body = { open, items: inner.items, close, oneLine: inner.oneLine };
      oneLine &&= inner.oneLine;
    }
    const item: StatementItem = { kind: "statement", header, body, breaks, separate };
    return { draft: { item, start, end, breaks, separate, frozen, held: false }, oneLine };
  };

  return planBlock(root, 0, text.length + 1).items;
}

/** Marks the comments since the last `;` as leading if they are on the same line as the next statement. */
function leadsAfterSemicolon(drafts: Draft[]): { separate(): void; mark(breaks: number): void } {
  /** Number of drafts before the last `;`, and of those whose mark is decided. */
  let separated = 0;
  let decided = 0;
  return {
    separate: () => {
      separated = drafts.length;
      decided = separated;
    },
    mark: (breaks) => {
      const from = decided;
      decided = drafts.length;
      if (separated === 0) return;
      let isBroken = breaks > 0;
      for (let index = from; index < decided; index++) isBroken ||= drafts[index]!.breaks > 0;
      // After a line break, no statement is on the line of the `;`.
      if (isBroken) separated = 0;
      for (let index = from; index < decided && !isBroken; index++) {
        const { item } = drafts[index]!;
        if (item?.kind === "comment") drafts[index] = { ...drafts[index]!, item: { ...item, leads: true } };
      }
    },
  };
}

/** Freezes everything between a frozen statement and the block without arguments that must not attach to it. */
function holdSeparated(drafts: readonly Draft[]): void {
  let isHeld = false;
  for (const draft of drafts) {
    // Only a statement follows the `;` directly or after comments: the block without arguments.
    if (draft.item?.kind === "statement") isHeld = false;
    draft.frozen ||= isHeld;
    isHeld ||= draft.frozen && draft.separate;
    draft.held = isHeld;
  }
}

/** Merges frozen items that share lines or a significant `;`, and all items after an unclosed `{`, where a `;` can be significant. */
function merge(drafts: readonly Draft[], text: string, unbalanced: number): Item[] {
  const isJoined = ({ held, end }: Draft, next: Draft): boolean => held || next.breaks === 0 || end > unbalanced;
  const items: Item[] = [];
  for (let index = 0; index < drafts.length; index++) {
    const { item, frozen, start, breaks } = drafts[index]!;
    if (item !== undefined && !frozen) {
      items.push(item);
      continue;
    }
    while (index + 1 < drafts.length && isJoined(drafts[index]!, drafts[index + 1]!)) index++;
    let from = start;
    while (from > (text[0] === "\ufeff" ? 1 : 0) && !isBreak(text, from - 1)) from--;
    // An unclosed block includes the line breaks at the end of the text.
    let to = start + text.slice(start, drafts[index]!.end).trimEnd().length;
    while (to < text.length && !isBreak(text, to)) to++;
    items.push({ kind: "frozen", span: { start: from, end: to }, breaks });
  }
  return items;
}

/** The offset of the outermost `{` without `}`: after it, indentation determines the nesting. */
function firstUnbalanced(tokens: readonly Token[]): number {
  const open: number[] = [];
  for (const { kind, start } of tokens)
    if (kind === "{") open.push(start);
    else if (kind === "}") open.pop();
  return open[0] ?? Number.POSITIVE_INFINITY;
}

const isBreak = (text: string, at: number): boolean => text[at] === "\n" || text[at] === "\r";

export const hasBreak = (text: string): boolean => /[\r\n]/.test(text);

const countBreaks = (text: string): number => text.match(/\r\n?|\n/g)?.length ?? 0;

const isUnclosed = ({ text }: Token): boolean => text.startsWith("/*") && (text.length < 4 || !text.endsWith("*/"));
