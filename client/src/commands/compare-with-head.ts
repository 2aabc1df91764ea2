/** Knet: Compare with HEAD – connections, routes, and findings that changed since the last commit, next to the file. */
import type { DiffPanels } from "../diff-panel.ts";
import { knetDocument } from "../target.ts";

export async function compareWithHead(panels: DiffPanels, argument: unknown): Promise<void> {
  const uri = await knetDocument(argument);
  if (uri) await panels.show({ uri: uri.toString() });
}
