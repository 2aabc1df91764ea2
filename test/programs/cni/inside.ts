// Configurations in a box: inside.ts PLUGINS NAME... prints each outcome as JSON.
import { CASES } from "./cases.ts";
import { compareCase } from "./compare.ts";

const [plugins = "", ...names] = process.argv.slice(2);
for (const one of CASES) if (names.includes(one.name)) console.log(JSON.stringify(await compareCase(one, plugins)));
process.exit(0);
