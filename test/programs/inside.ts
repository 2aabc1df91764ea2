// A configuration in a box: inside.ts SUITE ARGUMENTS prints the comparison as JSON on the last line of its output.
import { insideCni } from "./cni/run.ts";
import { insideFlannel } from "./flannel/run.ts";

const SUITES = { cni: insideCni, flannel: insideFlannel };

const [suite = "", ...args] = process.argv.slice(2);
console.log(JSON.stringify(await SUITES[suite as keyof typeof SUITES](args)));
process.exit(0);
