import { isKnet, type KnetDocument } from "../frontends/knet/document.ts";
import type { Analysis } from "./analysis.ts";

/** The file as written if it is a `.knet` file; features that present or edit `.knet` text need its tree. */
export function knetFile(analysis: Analysis, file: string): KnetDocument | undefined {
  const document = analysis.files.find((one) => one.file === file);
  return isKnet(document) ? document : undefined;
}
