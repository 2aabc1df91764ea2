/**
 * k3s and RKE2: one process runs the control plane, kube-proxy, and flannel. Its flags are in an annotation of each node
 * (k3s, pkg/nodeconfig): `k3s.io/node-args`, a JSON list in which `--x=y` is two items.
 */
import { annotationOf, type Dump, type Evidence, parsed, textsIn } from "../evidence.ts";
import type { KubeObject } from "../object.ts";
import { flagIn, flagsIn } from "../programs.ts";

export interface Distribution extends Evidence<"k3s" | "rke2"> {
  flag(name: string): Evidence<string> | undefined;
  /** Of another program: `--kube-proxy-arg=proxy-mode=ipvs`. */
  flagOf(program: string, name: string): Evidence<string> | undefined;
}

/** Flags of the control plane are on the nodes that run it. */
export function distributionOf(dump: Dump): Distribution | undefined {
  const found = dump.nodes.flatMap((node) => shownBy(node) ?? []);
  const server = found.find(({ words }) => words[0]?.value === "server") ?? found[0];
  if (!server) return undefined;
  const { value, object, path, words } = server;
  return {
    value,
    object,
    path,
    flag: (name) => flagIn(words, name),
    flagOf: (program, name) => {
      for (const one of flagsIn(words, `${program}-arg`)) {
        const text = one.value.replace(/^--/, "");
        if (text.startsWith(`${name}=`)) return { ...one, value: text.slice(name.length + 1) };
      }
      return undefined;
    },
  };
}

interface Shown extends Evidence<"k3s" | "rke2"> {
  readonly words: readonly Evidence<string>[];
}

function shownBy(node: KubeObject): Shown | undefined {
  for (const value of ["k3s", "rke2"] as const) {
    const args = annotationOf(node, `${value}.io/node-args`);
    if (args) return { value, object: node, path: args.path, words: textsIn(parsed(args)) };
  }
  return undefined;
}
