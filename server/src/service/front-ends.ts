/** The front ends, and the choice of one for a file. */
import type { Decl } from "../declared/decl.ts";
import type { FrontEnd } from "../declared/front-end.ts";
import { plainDocument } from "../declared/plain.ts";
import { knetFrontEnd } from "../frontends/knet/document.ts";
import { manifestFrontEnd } from "../frontends/kubernetes/document.ts";

/** Name of the file with a project's check settings; see `config.ts`. */
export const CONFIG_FILE = "knet.json";

const configuration: FrontEnd = {
  name: "plain",
  accepts: (file) => file.split(/[/\\]/).at(-1) === CONFIG_FILE,
  read: plainDocument,
};

/** The statements of a policy, which a change has in the notation of `.knet` files. */
export function readRules(text: string): readonly Decl[] {
  const { decls } = knetFrontEnd().read("", `cluster c { policy p {\n${text}\n} }`);
  return decls[0]?.children[0]?.children ?? [];
}

/** The first front end that accepts a file reads it. The last one accepts every file: a pipe has no suffix. */
export function frontEnds(): readonly FrontEnd[] {
  return [configuration, manifestFrontEnd(readRules), knetFrontEnd()];
}
