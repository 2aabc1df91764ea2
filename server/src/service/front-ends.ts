/** The front ends, and the choice of one for a file. */
import type { FrontEnd } from "../declared/front-end.ts";
import { plainDocument } from "../declared/plain.ts";
import { knetFrontEnd } from "../frontends/knet/document.ts";
import { kubernetesFrontEnd } from "../frontends/kubernetes/document.ts";

/** Name of the file with a project's check settings; see `config.ts`. */
export const CONFIG_FILE = "knet.json";

const configuration: FrontEnd = {
  name: "plain",
  accepts: (file) => file.split(/[/\\]/).at(-1) === CONFIG_FILE,
  read: plainDocument,
};

/** The first front end that accepts a file reads it. The last one accepts every file: a pipe has no suffix. */
export function frontEnds(): readonly FrontEnd[] {
  return [configuration, kubernetesFrontEnd, knetFrontEnd()];
}
