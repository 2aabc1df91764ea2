// node test/faults/run.ts: prints the faults whose first finding is not at the injected line, with this finding.
import { evaluate } from "./evaluate.ts";
import { FAULTS } from "./faults.ts";

const counts = new Map<string, number>();
for (const fault of FAULTS) {
  const { kind, finding } = evaluate(fault);
  const isRight = fault.silent === undefined ? kind === "line" : kind === "silent";
  const key = fault.silent === undefined ? kind : `${kind} (meant to be silent)`;
  counts.set(key, (counts.get(key) ?? 0) + 1);
  if (!isRight) console.log(`${kind.padEnd(9)} ${fault.lab} ${fault.kind}: ${fault.name}\n          ${finding}`);
}
console.log([...counts].map(([kind, count]) => `${kind}: ${count}`).join(", "));
