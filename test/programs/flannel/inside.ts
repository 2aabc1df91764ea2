// One configuration in a box: inside.ts NAME FLANNELD [--verbose] prints the outcome as JSON.
import { CASES } from "./cases.ts";
import { compareCase } from "./compare.ts";

const [name, program = "", flag] = process.argv.slice(2);
const found = CASES.find((one) => one.name === name);
if (!found) throw new Error(`no configuration ${name}`);
console.log(JSON.stringify(await compareCase(found, program, flag === "--verbose")));
process.exit(0);
