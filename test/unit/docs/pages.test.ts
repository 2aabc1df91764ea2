/** The console sessions in README match the output of the commands, and all links in the pages exist. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { catalog } from "../../../server/src/checks/catalog.ts";
import { MODES } from "../../../server/src/cni/modes.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const readme = read("README.md");

const PAGES = ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"];
/** A command after `$` and its output. A line that contains only … matches any number of lines. */
const sessions = [...readme.matchAll(/```console\n\$ knet (.+)\n([\s\S]*?)\n```/g)].map(
  ([, command = "", output = ""]) => [command, output] as const,
);

describe("README", () => {
  it("has sessions", () => expect(sessions.length).toBeGreaterThanOrEqual(3));

  it.each(sessions)("shows the output of knet %s", (command, output) => {
    const knet = join(root, "dist/knet.cjs");
    const { stdout } = spawnSync(process.execPath, [knet, ...command.split(" ")], { cwd: root, encoding: "utf8" });
    let rest = `\n${stdout}`;
    for (const piece of output.split(/^…$/m)) {
      const lines = piece.replace(/^\n+|\n+$/g, "");
      expect(rest).toContain(`\n${lines}\n`);
      rest = rest.slice(rest.indexOf(`\n${lines}\n`) + lines.length + 1);
    }
  });

  it("contains the setup commands", () => {
    expect(readme).toContain("```sh\nnpm ci && npm start\n```");
    expect(readme).toContain("```sh\nnpm ci && npm test\n```");
  });

  it("has a row for every mode", () => {
    const [, table = ""] = readme.split("\n| mode | in `.knet` |");
    const rows = table.split("\n\n", 1)[0]?.split("\n") ?? [];
    expect(rows.length).toBeGreaterThan(MODES.size);
    // One row for each of flannel's backends.
    const isOf = (row: string, plugin: string): boolean =>
      row.startsWith(`| ${plugin} `) || new RegExp(`^\\|[^|]*\\| \`cni ${plugin}[\` ]`).test(row);
    for (const plugin of MODES.keys())
      if (plugin !== "none")
        expect(
          rows.filter((row) => isOf(row, plugin)),
          plugin,
        ).not.toEqual([]);
  });
});

describe.each(PAGES)("%s", (page) => {
  const text = read(page);
  it("links to existing files", () => {
    for (const [, target = ""] of text.matchAll(/\]\((?!https?:|#)([^)#]+)\)/g))
      expect(existsSync(join(root, dirname(page), target)), target).toBe(true);
  });
  it("mentions only existing tests, folders, and samples", () => {
    for (const [, path = ""] of text.matchAll(/`((?:test|server|client|samples|scripts|docs)\/[\w./-]+)`/g))
      expect(existsSync(join(root, path)), path).toBe(true);
  });
  it("mentions only existing codes", () => {
    const codes = new Set<string>(catalog.map(({ code }) => code));
    for (const [code] of text.matchAll(/\bKN\d{3}\b/g)) expect(codes).toContain(code);
  });
});
