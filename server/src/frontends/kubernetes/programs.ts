/** The programs that run on the nodes: their flags and environment, from DaemonSets or, without DaemonSets in a dump, from pods. */

import { at, type Json, listAt, numberAt, type Path, textAt } from "../../text/json.ts";
import { configMap, type Dump, type Evidence } from "./evidence.ts";
import type { KubeObject } from "./object.ts";
import { ownerOf } from "./workloads.ts";

export interface Program {
  /** Of the DaemonSet. */
  readonly name: string;
  readonly object: KubeObject;
  /** Of the pod spec. */
  readonly spec: Path;
}

const TEMPLATE: Path = ["spec", "template", "spec"];

/** The DaemonSet if it runs pods: a leftover of another plugin has a status without them. */
export function programOf(dump: Dump, isMeant: (name: string) => boolean): Program | undefined {
  const sets = dump.ofKind("DaemonSet").filter(({ name }) => isMeant(name));
  const object = sets.find(isRunning);
  if (object) return { name: object.name, object, spec: TEMPLATE };
  if (sets.length > 0) return undefined;
  for (const pod of dump.pods) {
    const owner = ownerOf(pod);
    if (owner?.kind === "DaemonSet" && isMeant(owner.name)) return { name: owner.name, object: pod, spec: ["spec"] };
  }
  return undefined;
}

function isRunning({ value }: KubeObject): boolean {
  return numberAt(value, "status", "desiredNumberScheduled") !== 0;
}

/** A program of the control plane as a static pod (kubeadm), or as a Deployment. */
export function controlPlane(dump: Dump, name: string): Program | undefined {
  const pod = dump.pods.find((one) => hasContainer(one, ["spec"], name));
  if (pod) return { name, object: pod, spec: ["spec"] };
  const set = [...dump.ofKind("DaemonSet"), ...dump.ofKind("Deployment")].find((one) =>
    hasContainer(one, TEMPLATE, name),
  );
  return set && { name, object: set, spec: TEMPLATE };
}

function hasContainer({ value }: KubeObject, spec: Path, name: string): boolean {
  return listAt(value, ...spec, "containers").some((one) => textAt(one, "name") === name);
}

interface Container {
  readonly value: Json;
  readonly path: Path;
}

/** All containers, init containers last. */
function containersOf({ object, spec }: Program): readonly Container[] {
  return ["containers", "initContainers"].flatMap((list) =>
    listAt(object.value, ...spec, list).map((value, index) => ({ value, path: [...spec, list, index] })),
  );
}

/** An environment variable; a reference to a ConfigMap is followed. */
export function variable(dump: Dump, program: Program | undefined, name: string): Evidence<string> | undefined {
  if (!program) return undefined;
  for (const container of containersOf(program)) {
    for (const [index, entry] of listAt(container.value, "env").entries()) {
      if (textAt(entry, "name") !== name) continue;
      const value = textAt(entry, "value");
      const path = [...container.path, "env", index, "value"];
      if (value !== undefined) return { value, object: program.object, path };
      const from = at(entry, "valueFrom", "configMapKeyRef");
      const map = textAt(from, "name");
      const key = textAt(from, "key");
      return map === undefined || key === undefined ? undefined : configMap(dump, [map], key);
    }
  }
  return undefined;
}

/** Whether a variable is set, also from a Secret, whose value is not read. */
export function hasVariable(program: Program | undefined, name: string): boolean {
  return (
    program !== undefined &&
    containersOf(program).some(({ value }) => listAt(value, "env").some((entry) => textAt(entry, "name") === name))
  );
}

/** The image of a container. */
export function imageOf(program: Program | undefined, container: string): Evidence<string> | undefined {
  for (const { value, path } of program ? containersOf(program) : []) {
    const image = textAt(value, "image");
    if (program && textAt(value, "name") === container && image !== undefined)
      return { value: image, object: program.object, path: [...path, "image"] };
  }
  return undefined;
}

/** The arguments of all containers, one by one; a shell command is split at its blanks. */
export function wordsOf(program: Program | undefined): readonly Evidence<string>[] {
  if (!program) return [];
  return containersOf(program).flatMap(({ value, path }) =>
    ["command", "args"].flatMap((list) =>
      listAt(value, list).flatMap((one, index) =>
        typeof one !== "string"
          ? []
          : one.split(/\s+/).map((word) => ({ value: word, object: program.object, path: [...path, list, index] })),
      ),
    ),
  );
}

/** `--cluster-cidr=10.244.0.0/16`, `--cluster-cidr 10.244.0.0/16`, and `--ip-masq`, which is "true". */
export function flagIn(words: readonly Evidence<string>[], flag: string): Evidence<string> | undefined {
  return flagsIn(words, flag)[0];
}

/** A flag that can be repeated. Its value is only a part of an argument, or one of two: not a field that can be changed alone. */
export function flagsIn(words: readonly Evidence<string>[], flag: string): readonly Evidence<string>[] {
  return foundFlags(words, flag).map((found) => ({ ...found, path: [...found.path, "value"] }));
}

function foundFlags(words: readonly Evidence<string>[], flag: string): readonly Evidence<string>[] {
  return words.flatMap((word, index): readonly Evidence<string>[] => {
    const text = word.value.startsWith("--")
      ? word.value.slice(2)
      : word.value.startsWith("-")
        ? word.value.slice(1)
        : "";
    if (text.startsWith(`${flag}=`))
      return [{ ...word, value: text.slice(flag.length + 1).replace(/^["']|["']$/g, "") }];
    if (text !== flag) return [];
    const next = words[index + 1];
    return [next && !next.value.startsWith("-") ? next : { ...word, value: "true" }];
  });
}

export function flag(program: Program | undefined, name: string): Evidence<string> | undefined {
  return flagIn(wordsOf(program), name);
}
