/** The extension's manifest in package.json matches the code: commands, files, and settings. */
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { DEFAULTS, settingsIn } from "../../../server/src/lsp/settings.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));

interface Manifest {
  readonly contributes: {
    readonly commands: readonly { readonly command: string; readonly title: string }[];
    readonly walkthroughs: readonly { readonly steps: readonly Step[] }[];
    readonly configuration: readonly { readonly properties: Readonly<Record<string, { readonly default: unknown }>> }[];
  };
}
interface Step {
  readonly id: string;
  readonly description: string;
  readonly media: { readonly markdown?: string; readonly image?: string };
}
const { contributes } = JSON.parse(readFileSync(`${root}package.json`, "utf8")) as Manifest;
/** The folders of the VSIX: `!docs/walkthrough/**`. */
const packed = [...readFileSync(`${root}.vscodeignore`, "utf8").matchAll(/^!(.+)\/\*\*$/gm)].map(
  ([, folder]) => folder,
);
const steps = contributes.walkthroughs.flatMap((one) => one.steps);

describe("the manifest", () => {
  it("uses the same form for every command title", () => {
    for (const { title } of contributes.commands) expect(title).toMatch(/^Knet: [A-Z]/);
  });

  it("has the server's defaults for its settings", () => {
    const settings: Record<string, Record<string, unknown>> = {};
    for (const [name, { default: value }] of contributes.configuration.flatMap((one) =>
      Object.entries(one.properties),
    )) {
      const [, group = "", own = ""] = name.split(".");
      if (group !== "checks") settings[group] = { ...settings[group], [own]: value };
    }
    expect(settingsIn(settings)).toEqual(DEFAULTS);
  });

  it.each(steps)("has an existing file and existing commands in walkthrough step $id", ({ description, media }) => {
    const file = media.markdown ?? media.image ?? "";
    expect(existsSync(root + file)).toBe(true);
    expect(packed.some((folder) => file.startsWith(`${folder}/`))).toBe(true);
    const commands = new Set(contributes.commands.map(({ command }) => command));
    for (const [, command = ""] of description.matchAll(/\(command:([^?)]+)/g))
      expect(command.startsWith("workbench.") || commands.has(command)).toBe(true);
  });
});
