/** Somebody who types: edits of one character, at another node each time, as an editor sends them. */
import type { TextEdit } from "../server/src/service/service.ts";

export type Stroke = "address" | "label" | "line";

export interface Keystroke {
  readonly stroke: Stroke;
  /** The edit in terms of the text as it is now. */
  readonly edit: (text: string) => TextEdit;
}

const at = (start: number, text: string, length = 0): TextEdit => ({ start, end: start + length, text });

/**
 * Round for round: the last digit of a node's address is deleted and another is typed, a label's value grows by a letter, and a line is
 * opened between two statements. Nothing is taken back, so no state of the text comes twice.
 */
export function* keystrokes(nodes: readonly string[]): Generator<Keystroke, never> {
  for (let round = 0; ; round += 1) {
    // A stride that is prime to the number of nodes meets each before it meets one again.
    const name = nodes[(round * 1237 + Math.floor(nodes.length / 2)) % nodes.length] ?? "";
    const inNode = (text: string, keyword: string): number => text.indexOf(keyword, text.indexOf(`node ${name} {`));
    const endOfLine = (text: string, keyword: string): number => text.indexOf("\n", inNode(text, keyword));
    yield { stroke: "address", edit: (text) => at(endOfLine(text, "attach ") - 1, "", 1) };
    yield { stroke: "address", edit: (text) => at(endOfLine(text, "attach "), String(1 + 2 * (round % 5))) };
    yield { stroke: "label", edit: (text) => at(endOfLine(text, "labels "), "x") };
    yield { stroke: "line", edit: (text) => at(endOfLine(text, "labels "), "\n") };
  }
}
