/** The start of the program: what it loads, and the code that it stores for the next start. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import manifest from "../../package.json" with { type: "json" };

const root = join(import.meta.dirname, "../..");
const SAMPLE = join(root, "samples/k1.knet");

let home = "";
const folders: string[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), "knet-start-"));
  folders.push(home);
});
afterAll(() => {
  for (const one of folders) rmSync(one, { recursive: true, force: true });
});

function knet(args: readonly string[], env: Readonly<Record<string, string>> = {}, node: readonly string[] = []) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...node, join(root, "dist/knet.cjs"), ...args], {
    encoding: "utf8",
    env: { ...process.env, NO_COLOR: "1", XDG_CACHE_HOME: home, ...env },
  });
  return { code: status, out: stdout, err: stderr };
}

/** The stored files, without the part of the name that depends on the place of the program. */
function stored(): string[] {
  const folder = join(home, "knet/code");
  try {
    return readdirSync(folder).map((name) => name.replace(/-[0-9a-f]+$/, ""));
  } catch {
    return [];
  }
}

const CLEAN = { code: 0, out: "1 file: 0 errors, 0 warnings\n", err: "" };

describe("--version", () => {
  it.each([["--version"], ["-V"]])("is printed for %s, and nothing else is loaded", (option) => {
    expect(knet([option])).toEqual({ code: 0, out: `${manifest.version}\n`, err: "" });
    expect(stored()).toEqual([]);
  });

  it("is an option of the program with the same output", () => {
    expect(knet(["--version", "--version"]).out).toBe(`${manifest.version}\n`);
  });
});

describe("the stored code", () => {
  it("is used by the second run of a command, with the same result", () => {
    expect(knet(["check", SAMPLE])).toEqual(CLEAN);
    expect(stored()).toEqual(["check"]);
    const [name = ""] = readdirSync(join(home, "knet/code"));
    const before = readFileSync(join(home, "knet/code", name));
    expect(knet(["check", SAMPLE])).toEqual(CLEAN);
    expect(readFileSync(join(home, "knet/code", name)).equals(before)).toBe(true);
    expect(knet(["explain", "KN101"]).code).toBe(0);
    expect(stored()).toEqual(["check", "explain"]);
  });

  it("is replaced if it is damaged or belongs to another version of the program", () => {
    knet(["check", SAMPLE]);
    const [name = ""] = readdirSync(join(home, "knet/code"));
    const file = join(home, "knet/code", name);
    const whole = readFileSync(file);
    const start = whole.indexOf("\n");
    const damaged = [
      Buffer.alloc(0),
      Buffer.from("not code"),
      whole.subarray(0, whole.length / 2),
      // The head is correct, and V8 rejects the rest.
      Buffer.concat([whole.subarray(0, start + 16), Buffer.alloc(whole.length)]),
      // The size of the program differs by one.
      Buffer.from(
        whole.toString("latin1").replace(/(\d) (\d+)\b/, (_, a, b) => `${a} ${Number(b) + 1}`),
        "latin1",
      ),
    ];
    for (const bytes of damaged) {
      writeFileSync(file, bytes);
      expect(knet(["check", SAMPLE])).toEqual(CLEAN);
      expect(readFileSync(file).length).toBeGreaterThan(500_000);
    }
  });

  it("is not written after invalid usage, or if the user disabled Node's cache", () => {
    expect(knet(["nonsense"]).code).toBe(2);
    expect(knet(["../../x"]).code).toBe(2);
    expect(knet(["check", SAMPLE], { NODE_DISABLE_COMPILE_CACHE: "1" })).toEqual(CLEAN);
    expect(stored()).toEqual([]);
  });

  it("is separate for other options of Node", () => {
    knet(["check", SAMPLE]);
    expect(knet(["check", SAMPLE], {}, ["--stack-size=900"])).toEqual(CLEAN);
    expect(stored()).toEqual(["check", "check"]);
  });

  it("is optional: the cache folder can be a file, or no folder can be known", () => {
    writeFileSync(join(home, "file"), "");
    expect(knet(["check", SAMPLE], { XDG_CACHE_HOME: join(home, "file") })).toEqual(CLEAN);
    expect(knet(["check", SAMPLE], { XDG_CACHE_HOME: "", HOME: "", USERPROFILE: "" })).toEqual(CLEAN);
  });
});

describe("the bundle is read without decoding", () => {
  it("and contains only ASCII", () => {
    expect(readFileSync(join(root, "dist/cli.cjs")).findIndex((byte) => byte > 127)).toBe(-1);
  });

  it("and the build does not change raw text", () => {
    const folder = join(root, "server/src");
    const files = readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((name) => name.endsWith(".ts"));
    const templates = files.flatMap(
      (name) => readFileSync(join(folder, name), "utf8").match(/String\.raw`[^`]*`/g) ?? [],
    );
    expect(templates.length).toBeGreaterThan(5);
    expect(templates.filter((one) => /[^\0-\x7f]/.test(one))).toEqual([]);
  });

  it("and prints other characters", () => {
    expect(knet(["trace", SAMPLE, "p1/c1.1", "10.1.2.1", "--port", "8080"]).out).toContain("✓ delivered");
  });
});

it("`check` loads no program of a command that does not run", () => {
  const list = `
    const modules = process.binding ? process.moduleLoadList : [];
    process.on("exit", () => process.stderr.write(modules.filter((name) => /NativeModule (child_process|http|worker_threads)$/.test(name)).join()));
  `;
  const preload = join(home, "list.cjs");
  writeFileSync(preload, list);
  expect(knet(["check", SAMPLE], {}, ["--require", preload])).toEqual(CLEAN);
});
