/** Knet: Show Matrix – who reaches whom on which ports, beside the file. */
import { isObject } from "../../webview/messages.ts";
import type { MatrixPanels } from "../matrix-panel.ts";
import { knetDocument } from "../target.ts";

export async function showMatrix(panels: MatrixPanels, argument: unknown): Promise<void> {
  const given = isObject(argument) ? argument : {};
  const uri = await knetDocument(typeof given["uri"] === "string" ? given["uri"] : undefined);
  if (uri) await panels.show({ uri: uri.toString(), by: "packets", from: "", to: "" });
}
