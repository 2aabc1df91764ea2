/** dist/server.cjs */
import { startFromArguments } from "./start.ts";

startFromArguments();
