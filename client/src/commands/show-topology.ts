/** Knet: Show Topology – a drawing of what the file declares, beside it. */
import { isObject } from "../../webview/messages.ts";
import { knetDocument } from "../target.ts";
import type { TopologyPanels } from "../topology-panel.ts";

export async function showTopology(panels: TopologyPanels, argument: unknown): Promise<void> {
  const given = isObject(argument) ? argument : {};
  const uri = await knetDocument(typeof given["uri"] === "string" ? given["uri"] : undefined);
  if (uri) await panels.show({ uri: uri.toString() });
}
