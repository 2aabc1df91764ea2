/** Knet: Show Matrix – the reachability matrix with open ports, next to the file. */
import type { MatrixPanels } from "../matrix-panel.ts";
import { knetDocument } from "../target.ts";

export async function showMatrix(panels: MatrixPanels, argument: unknown): Promise<void> {
  const uri = await knetDocument(argument);
  if (uri) await panels.show({ uri: uri.toString(), by: "packets", from: "", to: "" });
}
