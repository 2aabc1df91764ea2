/** On-type formatting: the line or block that was just completed, never the line with the cursor. */

import { positionsOf } from "../../frontends/knet/positions.ts";
import type { SyntaxTree } from "../../frontends/knet/tree.ts";
import { lineStartOf } from "../../text/lines.ts";
import type { Span } from "../../text/span.ts";

/** `offset`: position after the typed character. */
export function typedRange(tree: SyntaxTree, offset: number, typed: string): Span | undefined {
  const { text } = tree;
  switch (typed) {
    case "\n": {
      const here = lineStartOf(text, offset);
      if (here === 0) return undefined;
      const end = text[here - 1] === "\n" && text[here - 2] === "\r" ? here - 2 : here - 1;
      return { start: lineStartOf(text, end), end };
    }
    case ";":
      return { start: lineStartOf(text, offset), end: offset };
    case "}": {
      const { statements, starts } = positionsOf(tree).path(offset);
      const at = statements.findIndex(
        (statement, index) => statement.block?.closed === true && (starts[index] ?? 0) + statement.length === offset,
      );
      const start = starts[at];
      return start === undefined ? undefined : { start, end: offset };
    }
    default:
      return undefined;
  }
}
