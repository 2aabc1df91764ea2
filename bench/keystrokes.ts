/** Somebody who types: edits of one character, at another node each time, as an editor sends them. */
import type { TextEdit } from "../server/src/service/service.ts";
import { type ClusterData, type InputName, largeData, policyData, serviceData, smallData } from "./generate.ts";

export type Stroke = "address" | "port" | "label" | "line";

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

/** The same about a service or a policy: its port, a label of the deployment behind it, and a line. */
export function* tenantStrokes(data: ClusterData, keyword: "service" | "policy"): Generator<Keystroke, never> {
  for (let round = 0; ; round += 1) {
    const space = data.namespaces[(round * 37) % data.namespaces.length];
    const name = space?.deployments[(round * 7) % space.deployments.length]?.name ?? "";
    const inSpace = (text: string, word: string): number =>
      text.indexOf(word, text.indexOf(`namespace ${space?.name} {`));
    const statement = (text: string): number => inSpace(text, `${keyword} ${name} {`);
    // Behind the port of a service, or behind that of a rule for addresses.
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

/** Who types in which file. */
export const typists: Readonly<Record<Exclude<InputName, "pools">, () => Generator<Keystroke, never>>> = {
  written: () => keystrokes(largeData().nodes.map(({ name }) => name)),
  small: () => keystrokes(smallData().nodes.map(({ name }) => name)),
  services: () => tenantStrokes(serviceData(), "service"),
  policies: () => tenantStrokes(policyData(), "policy"),
};
