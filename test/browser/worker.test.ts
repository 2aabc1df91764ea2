/** The service in a worker of a browser: it has no module and no global of Node, and files arrive later. */
import { describe, expect, it } from "vitest";
import type { Analysis } from "../../server/src/service/analysis.ts";
import { hoverAt } from "../../server/src/service/features/hover/index.ts";
import { quickFixes } from "../../server/src/service/features/quickfix.ts";
import { createService, type Service } from "../../server/src/service/service.ts";
import { ask } from "../../server/src/trace/trace.ts";

/** A virtual file system, as an editor on the web has one: it answers later, and in any order. */
const disk: Readonly<Record<string, string>> = {
  "vfs://net/lab/knet.json": `{ "checks": { "KN110": "warning" } }`,
  "vfs://net/fabric.knet": "segment lan { cidr 10.0.0.0/24 }\n",
};

async function read(file: string): Promise<string | undefined> {
  await new Promise((resolve) => setTimeout(resolve, file.length % 3));
  return disk[file];
}

/** All files that the service wants, round by round; the number of rounds. */
async function provideAll(service: Service): Promise<number> {
  let rounds = 0;
  for (let files = service.wanted(); files.length > 0; files = service.wanted()) {
    rounds += 1;
    await Promise.all(files.map(async (file) => service.provide(file, await read(file))));
  }
  return rounds;
}

function analysisOf(service: Service): Analysis {
  const analysis = service.analysisOf(MAIN);
  if (!analysis) throw new Error("an open file has an analysis");
  return analysis;
}

const MAIN = "vfs://net/lab/main.knet";
const TEXT = `import "../fabric.knet"
import "../missing.knet"
host h1 { attach lan 10.0.0.5 }
host h2 { attach lan 10.0.0.5 }
`;

describe("the service", () => {
  const service = createService({
    resolveImport: (from, path) => new URL(path, from).href,
    configFiles: () => ["vfs://net/lab/knet.json", "vfs://net/knet.json"],
  });

  it("analyzes files that it was provided with", async () => {
    service.setText(MAIN, TEXT);
    expect(await provideAll(service)).toBe(2);
    const findings = analysisOf(service).findings(() => false) ?? [];
    expect(findings.map(({ code, severity }) => `${code} ${severity}`)).toEqual(["KN015 error", "KN110 warning"]);
  });

  it("traces packets, and offers hovers and fixes", () => {
    const at = TEXT.lastIndexOf("10.0.0.5");
    const before = analysisOf(service);
    expect(hoverAt(before, MAIN, at)?.markdown).toContain("10.0.0.5");
    const [fix] = quickFixes(before, MAIN, { start: at, end: at }, () => false);
    service.edit(MAIN, fix?.edits.get(MAIN) ?? []);
    const after = analysisOf(service);
    expect(after.findings(() => false)?.map(({ code }) => code)).toEqual(["KN015"]);
    const { topology, network } = after;
    const answer = ask({ topology, network, locate: () => undefined }, { from: "h1", to: "h2", proto: "icmp" });
    expect(answer.ok && answer.trace.verdict).toBe("delivered");
  });
});
