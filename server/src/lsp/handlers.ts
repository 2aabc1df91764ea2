/** The language features: each handler converts positions, queries the service, and converts the result. */
import { accessOf, type Server } from "./access.ts";
import { registerEditing } from "./handlers/editing.ts";
import { registerNavigation } from "./handlers/navigation.ts";
import { registerReading } from "./handlers/reading.ts";
import { registerStructure } from "./handlers/structure.ts";

export function registerHandlers(server: Server): void {
  const access = accessOf(server);
  registerReading(server, access);
  registerNavigation(server, access);
  registerStructure(server, access);
  registerEditing(server, access);
}
