/** A simulated typist: edits of one character, as an editor sends them, at a different node each round. */
import type { TextEdit } from "../server/src/text/edit.ts";
import { type ClusterData, type InputName, largeData, policyData, serviceData, smallData } from "./generate.ts";

export type Stroke = "address" | "port" | "label" | "line";

export interface Keystroke {
  readonly stroke: Stroke;
  /** The edit, with offsets in the current text. */
  readonly edit: (text: string) => TextEdit;
}

const at = (start: number, text: string, length = 0): TextEdit => ({ start, end: start + length, text });

/**
 * Each round deletes the last digit of a node's address and types a different digit, appends a letter to a label's value, and inserts a
 * line between two statements. Nothing is undone, so the text never returns to an earlier state.
 */
export function* keystrokes(nodes: readonly string[]): Generator<Keystroke, never> {
  for (let round = 0; ; round += 1) {
    // A stride coprime to the number of nodes visits every node once before repeating one.
    const name = nodes[(round * 1237 + Math.floor(nodes.length / 2)) % nodes.length] ?? "";
    const inNode = (text: string, keyword: string): number => text.indexOf(keyword, text.indexOf(`node ${name} {`));
    const endOfLine = (text: string, keyword: string): number => text.indexOf("\n", inNode(text, keyword));
    yield { stroke: "address", edit: (text) => at(endOfLine(text, "attach ") - 1, "", 1) };
    yield { stroke: "address", edit: (text) => at(endOfLine(text, "attach "), String(1 + 2 * (round % 5))) };
    yield { stroke: "label", edit: (text) => at(endOfLine(text, "labels "), "x") };
    yield { stroke: "line", edit: (text) => at(endOfLine(text, "labels "), "\n") };
  }
}

/** The same for a service or a policy: its port, a label of its deployment, and a new line. */
export function* tenantStrokes(data: ClusterData, keyword: "service" | "policy"): Generator<Keystroke, never> {
  for (let round = 0; ; round += 1) {
    const space = data.namespaces[(round * 37) % data.namespaces.length];
    const name = space?.deployments[(round * 7) % space.deployments.length]?.name ?? "";
    const inSpace = (text: string, word: string): number =>
      text.indexOf(word, text.indexOf(`namespace ${space?.name} {`));
    const statement = (text: string): number => inSpace(text, `${keyword} ${name} {`);
    // The position after the port of a service, or after the port of a policy's CIDR rule.
    const port = (text: string): number =>
      keyword === "service"
        ? text.indexOf(" ->", statement(text))
        : text.indexOf("\n", text.indexOf("ingress from cidr", statement(text)));
    const labels = (text: string): number =>
      text.indexOf("\n", text.indexOf("labels ", inSpace(text, `deployment ${name} `)));
    yield { stroke: "port", edit: (text) => at(port(text) - 1, "", 1) };
    yield { stroke: "port", edit: (text) => at(port(text), String(1 + (round % 9))) };
    yield { stroke: "label", edit: (text) => at(labels(text), "x") };
    yield { stroke: "line", edit: (text) => at(text.indexOf("\n", statement(text)), "\n") };
  }
}

/** The keystrokes for each input. */
export const typists: Readonly<Record<Exclude<InputName, "pools">, () => Generator<Keystroke, never>>> = {
  written: () => keystrokes(largeData().nodes.map(({ name }) => name)),
  small: () => keystrokes(smallData().nodes.map(({ name }) => name)),
  services: () => tenantStrokes(serviceData(), "service"),
  policies: () => tenantStrokes(policyData(), "policy"),
};
