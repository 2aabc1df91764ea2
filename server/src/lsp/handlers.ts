/** The language features: each handler turns positions into a query, asks the service and turns the answer back. */
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
