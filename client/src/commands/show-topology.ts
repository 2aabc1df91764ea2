/** Knet: Show Topology – a drawing of the declared topology, next to the file. */
import { knetDocument } from "../target.ts";
import type { TopologyPanels } from "../topology-panel.ts";

export async function showTopology(panels: TopologyPanels, argument: unknown): Promise<void> {
  const uri = await knetDocument(argument);
  if (uri) await panels.show({ uri: uri.toString() });
}
