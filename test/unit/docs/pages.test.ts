/** What README shows is what the commands print; what the pages link to exists. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { catalogue } from "../../../server/src/checks/catalogue.ts";
import { MODES } from "../../../server/src/cni/modes.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const readme = read("README.md");

const PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"];
/** A command after `$`, and what it prints; a line with … alone stands for any lines. */
const sessions = [...readme.matchAll(/```console\n\$ knet (.+)\n([\s\S]*?)\n```/g)].map(
  ([, command = "", output = ""]) => [command, output] as const,
);

describe("README", () => {
  it("has sessions", () => expect(sessions.length).toBeGreaterThanOrEqual(3));

  it.each(sessions)("knet %s prints what it shows", (command, output) => {
    const knet = join(root, "dist/knet.cjs");
    const { stdout } = spawnSync(process.execPath, [knet, ...command.split(" ")], { cwd: root, encoding: "utf8" });
    let rest = `\n${stdout}`;
    for (const piece of output.split(/^…$/m)) {
      const lines = piece.replace(/^\n+|\n+$/g, "");
      expect(rest).toContain(`\n${lines}\n`);
      rest = rest.slice(rest.indexOf(`\n${lines}\n`) + lines.length + 1);
    }
  });

  it("says the commands that set knet up", () => {
    expect(readme).toContain("```sh\nnpm ci && npm start\n```");
    expect(readme).toContain("```sh\nnpm ci && npm test\n```");
  });

  it("has a row for every mode", () => {
    for (const plugin of MODES.keys()) if (plugin !== "none") expect(readme.toLowerCase()).toContain(plugin);
  });
});

describe.each(PAGES)("%s", (page) => {
  const text = read(page);
  it("links to files that exist", () => {
    for (const [, target = ""] of text.matchAll(/\]\((?!https?:|#)([^)#]+)\)/g))
      expect(existsSync(join(root, dirname(page), target)), target).toBe(true);
  });
  it("names tests, folders and samples that exist", () => {
    for (const [, path = ""] of text.matchAll(/`((?:test|server|client|samples|scripts|docs)\/[\w./-]+)`/g))
      expect(existsSync(join(root, path)), path).toBe(true);
  });
  it("names codes that exist", () => {
    const codes = new Set<string>(catalogue.map(({ code }) => code));
    for (const [code] of text.matchAll(/\bKN\d{3}\b/g)) expect(codes).toContain(code);
  });
});
