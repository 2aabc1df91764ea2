/** `knet collect`: a script that collects what `knet import` and `--state` read. */
import { collectScript } from "../frontends/kubernetes/collect/script.ts";
import { STDIN, writeText } from "./files.ts";
import { writeOut } from "./output.ts";

export function collect({ nodes, output }: { readonly nodes: boolean; readonly output: string | undefined }): number {
  const script = collectScript({ nodes });
  if (output === undefined || output === STDIN) writeOut(script);
  else writeText(output, script, 0o777);
  return 0;
}
