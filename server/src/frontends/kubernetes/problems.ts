/** What a dump does not show, or shows twice, as problems at the fields of its objects. */
import { type FileProblem, problemInText } from "../../declared/file-problem.ts";
import type { Span } from "../../text/span.ts";
import type { Path } from "./json.ts";
import { type KubeObject, spanOfPlace } from "./object.ts";

/** A value without evidence. `text` names it, and the default. */
export function assumed(object: KubeObject, text: string, path: Path = []): FileProblem {
  return problemInText("KN803", object.file, spanOf(object, path), { text });
}

/** The same for a value on which most verdicts depend. */
export function gravelyAssumed(object: KubeObject, text: string, path: Path = []): FileProblem {
  return problemInText("KN803", object.file, spanOf(object, path), { text, isGrave: true });
}

/** The same for the nodes: their number is not the cluster's. */
export function assumedNodes(object: KubeObject, text: string): FileProblem {
  return problemInText("KN803", object.file, spanOf(object, []), { text, areNodes: true });
}

/** Objects of a kind that is not modeled, at the first one. */
export function notRead(object: KubeObject, count: number): FileProblem {
  return problemInText("KN801", object.file, spanOf(object, ["kind"]), { kind: object.kind, count });
}

/** Of the field, or of the nearest one around it. */
export function spanOf(object: KubeObject, path: Path): Span {
  return spanOfPlace({ object, path, parts: [] }, "whole") ?? { start: 0, end: 0 };
}
