/** Declarations at an offset, for front ends whose declarations are not statements of the text in order. */
import { once } from "../memo/memo.ts";
import type { Span } from "../text/span.ts";
import type { Decl } from "./decl.ts";
import type { Document, Point, Token } from "./document.ts";
import { type Part, partOf } from "./handle.ts";
import { sourceOf } from "./origin.ts";

type Located = Pick<Document, "file" | "text" | "spanOf">;

/** Finds the declarations at an offset. `decls`: also of other files; only declarations of this file are found. */
export function pointer(located: Located, decls: readonly Decl[]): (offset: number) => Point {
  const places = once(() => placesIn(located, decls));
  return (offset) => {
    let best: Placed | undefined;
    // The inner one of two with the same span.
    for (const one of places())
      if (contains(one.span, offset) && (!best || lengthOf(one.span) <= lengthOf(best.span))) best = one;
    const chain = best?.chain ?? [];
    const decl = chain.at(-1);
    return { decls: chain, token: decl && tokenAt(located, decl, offset) };
  };
}

interface Placed {
  readonly span: Span;
  /** The declaration with the declarations around it, outermost first. */
  readonly chain: readonly Decl[];
}

function placesIn(located: Located, decls: readonly Decl[]): readonly Placed[] {
  const places: Placed[] = [];
  const visit = (level: readonly Decl[], around: readonly Decl[], file: string): void => {
    for (const decl of level) {
      const own = decl.file ?? file;
      const chain = [...around, decl];
      const span = own === located.file ? located.spanOf(sourceOf(own, decl)) : undefined;
      if (span) places.push({ span, chain });
      visit(decl.children, chain, own);
    }
  };
  visit(decls, [], located.file);
  return places;
}

function lengthOf({ start, end }: Span): number {
  return end - start;
}

/** The smallest part: a part without a separate place has the place of the declaration. */
function tokenAt(located: Located, decl: Decl, offset: number): Token | undefined {
  let best: { readonly part: Part; readonly span: Span } | undefined;
  for (const read of decl.values) {
    const part: Part = partOf(read);
    const span = located.spanOf(sourceOf(located.file, decl, part));
    if (span && contains(span, offset) && (!best || lengthOf(span) < lengthOf(best.span))) best = { part, span };
  }
  if (!best) return undefined;
  const inner = withoutQuotes(located.text, best.span);
  return { ...best, inner, text: located.text.slice(inner.start, inner.end) };
}

function contains({ start, end }: Span, offset: number): boolean {
  return start <= offset && offset <= end;
}

/** The span of the text between quotes, if there are any. */
export function withoutQuotes(text: string, { start, end }: Span): Span {
  const quote = text[start];
  const isQuoted = (quote === '"' || quote === "'") && end - start >= 2 && text[end - 1] === quote;
  return isQuoted ? { start: start + 1, end: end - 1 } : { start, end };
}
