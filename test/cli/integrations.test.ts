/** The GitHub Action and the pre-commit hooks: what they run exists, and their scripts do what they state. */
import { spawnSync } from "node:child_process";
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { file, knet } from "./run.ts";

const root = join(import.meta.dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");

interface Step {
  readonly name: string;
  readonly id?: string;
  readonly if?: string;
  readonly uses?: string;
  readonly shell?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly with?: Readonly<Record<string, string>>;
}

interface Action {
  readonly name: string;
  readonly description: string;
  readonly inputs: Readonly<Record<string, { readonly description: string; readonly default: string }>>;
  readonly outputs: Readonly<Record<string, { readonly description: string; readonly value: string }>>;
  readonly runs: { readonly using: string; readonly steps: readonly Step[] };
}

interface Hook {
  readonly id: string;
  readonly entry: string;
  readonly args?: readonly string[];
  readonly language: string;
  readonly files: string;
}

const action = parse(read("action.yml")) as Action;
const hooks = parse(read(".pre-commit-hooks.yaml")) as readonly Hook[];

/** The options of a command, from its help; undefined if it does not exist. */
function optionsOf(command: string): ReadonlySet<string> | undefined {
  const { code, out } = knet([command, "--help"]);
  return code === 0 ? new Set(out.match(/--[a-z][a-z-]*/g)) : undefined;
}

/** Options on a line, and in the array `options` of a script. */
function usedIn(script: string): readonly { readonly command: string; readonly options: readonly string[] }[] {
  const shared = script.match(/options(?:\+)?=\([^)]*/g)?.join(" ") ?? "";
  return [...script.matchAll(/\bknet ([a-z]+)\b([^\n]*)/g)].map(([, command = "", rest = ""]) => ({
    command,
    options: `${rest} ${shared}`.match(/(?<!\S)--[a-z][a-z-]*/g) ?? [],
  }));
}

function expectKnown(script: string): void {
  for (const { command, options } of usedIn(script)) {
    const known = optionsOf(command);
    expect(known, command).toBeDefined();
    for (const option of options) expect([...(known ?? [])], `${command} ${option}`).toContain(option);
  }
}

describe("action.yml", () => {
  const { inputs, runs } = action;

  it("is a composite action with documented inputs, all of which it uses", () => {
    expect(runs.using).toBe("composite");
    const text = read("action.yml");
    for (const [name, { description, default: value }] of Object.entries(inputs)) {
      expect(description, name).toMatch(/^[A-Z]/);
      expect(typeof value, name).toBe("string");
      expect(text, name).toMatch(new RegExp(`\\binputs\\.${name}\\b`));
    }
    for (const [, name = ""] of text.matchAll(/\binputs\.([a-z-]+)/g)) expect(Object.keys(inputs)).toContain(name);
    for (const { run, shell, uses } of runs.steps)
      expect([run === undefined, shell]).toEqual(uses ? [true, undefined] : [false, "bash"]);
  });

  it("passes values as variables: a script contains no expression", () => {
    for (const { run = "" } of runs.steps) expect(run).not.toContain("${{");
  });

  it("runs commands and options that exist", () => {
    const scripts = runs.steps.map(({ run = "" }) => run).join("\n");
    expect(usedIn(scripts).map(({ command }) => command)).toEqual(["check", "check", "diff"]);
    for (const { run = "" } of runs.steps) expectKnown(run);
  });

  /** Runs a step with programs that stand in for npx, git, and gh. */
  function run(name: string, given: Readonly<Record<string, string>>, programs: Readonly<Record<string, string>> = {}) {
    const step = runs.steps.find((one) => one.name === name);
    if (step?.run === undefined) throw new Error(`no step ${name}`);
    const folder = dirname(file("", "empty.txt"));
    const work = join(folder, "work");
    mkdirSync(join(folder, "bin"));
    cpSync(join(root, "samples/k1.knet"), join(work, "k1.knet"));
    cpSync(join(root, "samples/broken/pod-service-overlap.knet"), join(work, "net work/broken.knet"));
    const all = {
      npx: `while [ "$1" != knet ]; do shift; done; shift; exec "${process.execPath}" "${join(root, "dist/knet.cjs")}" "$@"`,
      ...programs,
    };
    for (const [program, text] of Object.entries(all)) {
      writeFileSync(join(folder, "bin", program), `#!/bin/sh\n${text}\n`);
      chmodSync(join(folder, "bin", program), 0o755);
    }
    const env: Record<string, string> = {
      PATH: `${join(folder, "bin")}:${process.env["PATH"]}`,
      GITHUB_ACTION_PATH: root,
    };
    for (const key of Object.keys(step.env ?? {})) {
      const input = /^\$\{\{ inputs\.([a-z-]+) \}\}$/.exec(step.env?.[key] ?? "")?.[1] ?? "";
      env[key] = given[key] ?? inputs[input]?.default ?? "";
    }
    for (const key of ["GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "CALLS"]) env[key] = join(folder, key);
    // As GitHub's runner starts bash: https://docs.github.com/actions, "jobs.<job_id>.steps[*].shell".
    const { status, stdout, stderr } = spawnSync("bash", ["--noprofile", "--norc", "-eo", "pipefail", "-c", step.run], {
      cwd: work,
      encoding: "utf8",
      env: { ...env, RUNNER_TEMP: folder, GITHUB_REPOSITORY: "o/r", GITHUB_ACTIONS: "true" },
    });
    const text = (path: string): string => (existsSync(path) ? readFileSync(path, "utf8") : "");
    return {
      code: status,
      out: stdout,
      err: stderr,
      output: text(join(folder, "GITHUB_OUTPUT")),
      calls: text(join(folder, "CALLS")),
      body: text(join(folder, "knet-diff.md")),
      summary: text(join(folder, "GITHUB_STEP_SUMMARY")),
      sarif: text(join(work, "knet.sarif")),
    };
  }

  it("writes SARIF, and continues after findings", () => {
    const clean = run("Check", { PATHS: "k1.knet" });
    expect([clean.code, clean.output]).toEqual([0, "exit-code=0\n"]);
    const broken = run("Check", {});
    expect([broken.code, broken.output]).toEqual([0, "exit-code=1\n"]);
    expect(broken.sarif).toContain('"ruleId": "KN101"');
    expect(broken.out).toContain("error KN101");
    expect(run("Report the result", { EXIT_CODE: "1" }).code).toBe(1);
  });

  it("annotates the job without an upload, and fails if a path does not exist", () => {
    const { out } = run("Check", {
      PATHS: "k1.knet\n.",
      UPLOAD: "false",
      KUBERNETES_VERSION: "1.34",
      FAIL_ON: "warning",
    });
    expect(out).toMatch(/^::error file=net work\/broken\.knet,line=\d+/m);
    expect(run("Check", { PATHS: "missing.knet" })).toMatchObject({ code: 2, output: "" });
  });

  const KNET = `echo "$*" >>"$CALLS"; case "$*" in *"knet diff"*) echo "**1 connection added**"; exit $DIFFERENT ;; esac`;
  const GH = `echo "gh $*" >>"$CALLS"; case "$*" in *--paginate*) [ -z "$KNOWN" ] || echo "$KNOWN" ;; *) exit $DENIED ;; esac`;
  const diff = (different: number, known = "", denied = 0) =>
    run(
      "Compare with the base of the pull request",
      { DIFF: "net work", BASE: "abc123", NUMBER: "7", KUBERNETES_VERSION: "1.34" },
      {
        npx: `DIFFERENT=${different}; ${KNET}`,
        gh: `KNOWN=${known} DENIED=${denied}; ${GH}`,
        git: `echo "git $*" >>"$CALLS"; [ "$1" = fetch ]`,
      },
    );

  it("comments on what a pull request changes, once", () => {
    const first = diff(1);
    expect(first.code).toBe(0);
    expect(first.calls).toContain("git fetch --quiet --depth=1 origin abc123\n");
    expect(first.calls).toContain("knet diff abc123:net work net work --format markdown --kubernetes-version 1.34\n");
    expect(first.calls).toMatch(/^gh api --silent --method POST repos\/o\/r\/issues\/7\/comments -F body=@/m);
    expect(first.body).toBe("<!-- knet-diff -->\n**1 connection added**\n");
    expect(first.summary).toBe(first.body);
    const again = diff(1, "42");
    expect(again.calls).toMatch(/^gh api --silent --method PATCH repos\/o\/r\/issues\/comments\/42 -F body=@/m);
    expect(again.calls).not.toContain("POST");
  });

  it("does not comment without changes, and fails only if the comparison fails", () => {
    expect(diff(0).calls).not.toMatch(/POST|PATCH/);
    expect(diff(0, "42").calls).toContain("PATCH");
    expect(diff(2).code).toBe(2);
    const denied = diff(1, "", 1);
    expect([denied.code, denied.out]).toEqual([0, expect.stringContaining("::warning::The comment cannot be written")]);
  });
});

describe(".pre-commit-hooks.yaml", () => {
  it("has a hook to check and a hook to format", () => {
    expect(hooks.map(({ id, language, files }) => [id, language, files])).toEqual([
      ["knet-check", "node", "\\.knet$"],
      ["knet-fmt", "node", "\\.knet$"],
    ]);
    for (const { files } of hooks) {
      expect("samples/k1.knet").toMatch(new RegExp(files));
      expect("knet.json").not.toMatch(new RegExp(files));
    }
  });

  it("runs commands and options that exist", () => {
    for (const { entry, args = [] } of hooks) {
      expect(entry).toMatch(/^knet [a-z]+$/);
      expectKnown(`${entry} ${args.join(" ")}`);
    }
  });

  /** As pre-commit does: the entry, the arguments, and the names of the files. */
  const hook = (id: string, ...files: readonly string[]): ReturnType<typeof knet> => {
    const found = hooks.find((one) => one.id === id);
    const [program, ...command] = found?.entry.split(" ") ?? [];
    expect(program).toBe("knet");
    return knet([...command, ...(found?.args ?? []), ...files]);
  };

  it("check samples", () => {
    expect(hook("knet-check", "samples/k1.knet", "samples/dns.knet").code).toBe(0);
    const broken = hook("knet-check", "samples/k1.knet", "samples/broken/pod-service-overlap.knet");
    expect([broken.code, broken.out]).toEqual([1, expect.stringContaining("error KN101")]);
  });

  it("format files", () => {
    const path = file("segment   a {cidr 10.0.0.0/24}\n");
    expect(hook("knet-fmt", path).code).toBe(0);
    expect(readFileSync(path, "utf8")).toBe("segment a { cidr 10.0.0.0/24 }\n");
  });

  it("is installed from the package: npm pack prints only the file name", () => {
    // pre-commit uses the whole output as the name of the file to install (pre_commit/languages/node.py).
    expect(read(".npmrc")).toMatch(/^foreground-scripts=false$/m);
    const { bin } = JSON.parse(read("package.json")) as { bin: Record<string, string> };
    expect(bin["knet"]).toBe("./dist/knet.cjs");
    expect(read(".npmignore")).toMatch(/^!\/dist\/knet\.cjs$/m);
  });
});
