/** What a dump does not show, or shows twice, as problems at the fields of its objects. */
import type { FileProblem, FileProblemData } from "../../declared/file-problem.ts";
import { fileOrigin } from "../../declared/navigate.ts";
import type { Related } from "../../declared/problem.ts";
import { withLazy } from "../../memo/lazy.ts";
import type { Path } from "../../text/json.ts";
import type { Span } from "../../text/span.ts";
import { type KubeObject, spanOfPlace } from "./object.ts";

/** A value without evidence. `text` names it, and the default. */
export function assumed(object: KubeObject, text: string, path: Path = []): FileProblem {
  return located("KN803", object, path, { text });
}

/** The same for a value on which most verdicts depend. */
export function gravelyAssumed(object: KubeObject, text: string, path: Path = []): FileProblem {
  return located("KN803", object, path, { text, isGrave: true });
}

/** The same for the nodes: their number is not the cluster's. */
export function assumedNodes(object: KubeObject, text: string): FileProblem {
  return located("KN803", object, [], { text, areNodes: true });
}

/** Objects of a kind that is not modeled, at the first one. */
export function notRead(object: KubeObject, count: number): FileProblem {
  return located("KN801", object, ["kind"], { kind: object.kind, count });
}

/** Its position is computed when it is shown: a search in the text of a large dump takes time. */
export function located<Code extends keyof FileProblemData>(
  code: Code,
  object: KubeObject,
  path: Path,
  data: FileProblemData[Code],
  related: readonly Related[] = [],
): FileProblem<Code> {
  return withLazy({ code, source: fileOrigin(object.file), data, related }, { span: () => spanOf(object, path) });
}

/** "ConfigMap kube-system/kubeadm-config" */
export function placeText({ kind, namespace, name }: Pick<KubeObject, "kind" | "namespace" | "name">): string {
  return namespace === undefined ? `${kind} ${name}` : `${kind} ${namespace}/${name}`;
}

/** Of the field, or of the nearest one around it. */
export function spanOf(object: KubeObject, path: Path): Span {
  return spanOfPlace({ object, path, parts: [] }, "whole") ?? { start: 0, end: 0 };
}
