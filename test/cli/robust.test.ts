/** Hostile input on the command line: unreadable files, pipes and devices, control characters, and closed pipes. */
import { spawn, spawnSync } from "node:child_process";
import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { Report } from "../../server/src/cli/report-schema.ts";
import type { Outcome } from "./run.ts";

const KNET = join(import.meta.dirname, "../../dist/knet.cjs");

let folder = "";
const folders: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "knet-robust-"));
  folders.push(folder);
});
afterAll(() => {
  for (const one of folders) rmSync(one, { recursive: true, force: true });
});

/** Writes files to the test's folder; names are relative to it. */
function write(files: Readonly<Record<string, string | Uint8Array>>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
}

/** Runs the built program in the test's folder. Fails if it does not end. */
function knet(
  args: readonly string[],
  input: string | Uint8Array = "",
  env: Readonly<Record<string, string>> = {},
): Outcome {
  const { GITHUB_ACTIONS: _, FORCE_COLOR: __, ...own } = process.env;
  const result = spawnSync(process.execPath, [KNET, ...args], {
    cwd: folder,
    encoding: "utf8",
    input,
    env: { ...own, NO_COLOR: "1", ...env },
    maxBuffer: 64 * 1024 * 1024,
    timeout: 60_000,
  });
  if (result.status === null) throw new Error(`knet ${args.join(" ")} did not end`);
  return { code: result.status, out: result.stdout, err: result.stderr };
}

const GOOD = "segment lan { cidr 10.0.0.0/24 }\n";
const WRONG = "segment lan { cidr 10.0.0.0/33 }\n";

describe("files that are not regular files", () => {
  it.each([["pipe"], ["/dev/stdin"], ["/dev/zero"], ["/dev/null"]])(
    "an import of %s is rejected, without reading it",
    (path) => {
      spawnSync("mkfifo", [join(folder, "pipe")]);
      write({ "a.knet": `import "${path}"\n` });
      const { code, out } = knet(["check", "a.knet"]);
      expect(code).toBe(1);
      expect(out).toContain(`a.knet:1:8 error KN015  \`${path}\` cannot be read (not a regular file)\n`);
    },
  );

  it("an import states once that it cannot be read, with the reason", () => {
    write({ "d/x": "", "nul.knet": "\0", "bytes.knet": Uint8Array.of(0xff) });
    const paths = ["d", "nul.knet", "bytes.knet"];
    write({ "a.knet": paths.map((path) => `import "${path}"\n`).join("") });
    expect(knet(["check", "a.knet"]).out.match(/KN015 .*/g)).toEqual([
      "KN015  `d` cannot be read (it is a folder)",
      "KN015  `nul.knet` cannot be read (not a text file (NUL byte at offset 0))",
      "KN015  `bytes.knet` cannot be read (not valid UTF-8)",
    ]);
  });

  it("an import of `-` is a file, not standard input", () => {
    write({ "a.knet": 'import "-"\n' });
    expect(knet(["check", "a.knet"], WRONG).out).toContain("a.knet:1:8 error KN015");
    write({ "-": GOOD });
    expect(knet(["check", "a.knet"], WRONG).code).toBe(0);
  });

  it.each([["pipe"], ["/dev/zero"]])("%s on the command line is one line on standard error", (path) => {
    spawnSync("mkfifo", [join(folder, "pipe")]);
    for (const args of [
      ["check", path],
      ["trace", path, "a", "b"],
      ["fmt", path],
    ])
      expect(knet(args)).toEqual({ code: 2, out: "", err: `knet: ${path}: not a regular file\n` });
  });

  it("the shell can replace a file by the output of a command", () => {
    const run = (script: string): Outcome => {
      const { status, stdout, stderr } = spawnSync("bash", ["-c", script], {
        cwd: folder,
        encoding: "utf8",
        timeout: 60_000,
      });
      return { code: status, out: stdout, err: stderr };
    };
    const program = `'${process.execPath}' '${KNET}' check`;
    expect(run(`${program} <(echo 'segment lan { cidr 10.0.0.0/24 }')`)).toEqual({
      code: 0,
      out: "1 file: 0 errors, 0 warnings\n",
      err: "",
    });
    expect(run(`${program} - < /dev/zero`)).toEqual({
      code: 2,
      out: "",
      err: "knet: -: the file has more than 4,000,000 characters\n",
    });
  });

  it("a file that exceeds the limit is one line, before it is read", () => {
    write({ "big.knet": "" });
    // A file of 1 TB without content on disk.
    spawnSync("truncate", ["--size=1T", join(folder, "big.knet")]);
    expect(knet(["check", "big.knet"])).toEqual({
      code: 2,
      out: "",
      err: "knet: big.knet: the file has more than 4,000,000 characters\n",
    });
  });
});

describe("unreadable files among many", () => {
  const tree = (): void => {
    write({ "a/x.knet": WRONG, "a/bytes.knet": Uint8Array.from([0x73, 0xff]), "c/y.knet": GOOD, "c/nul.knet": "\0" });
    // Root can read every file, but no program can open a name that is not UTF-8 by its decoded name.
    mkdirSync(Buffer.concat([Buffer.from(join(folder, "b")), Buffer.from([0xff])]));
  };
  const problems = [
    "knet: b\ufffd: cannot be read (ENOENT: no such file or directory)",
    "knet: a/bytes.knet: not valid UTF-8",
    "knet: c/nul.knet: not a text file (NUL byte at offset 0)",
  ];

  it("check reports one line each, checks the others, and exits with 2", () => {
    tree();
    const { code, out, err } = knet(["check", ".", "missing.knet"]);
    expect(err.trimEnd().split("\n").sort()).toEqual(
      [...problems, "knet: missing.knet: cannot be read (ENOENT: no such file or directory)"].sort(),
    );
    expect(out).toContain("a/x.knet:1:20 error KN006");
    expect(out).toContain("2 files: 1 error, 0 warnings");
    expect(code).toBe(2);
  });

  it("check --format json prints a report of the others", () => {
    tree();
    const { code, out } = knet(["check", ".", "--format", "json"]);
    expect((JSON.parse(out) as { files: { path: string }[] }).files.map(({ path }) => path)).toEqual([
      "a/x.knet",
      "c/y.knet",
    ]);
    expect(code).toBe(2);
  });

  it("fmt formats the others", () => {
    tree();
    write({ "c/y.knet": "segment   lan {cidr 10.0.0.0/24}\n" });
    const { code, out, err } = knet(["fmt", "."]);
    expect(out).toBe("c/y.knet\n");
    expect(err.trimEnd().split("\n").sort()).toEqual([...problems].sort());
    expect(code).toBe(2);
    expect(knet(["fmt", "--check", "c/y.knet"]).code).toBe(0);
  });
});

describe("symbolic links in a folder", () => {
  const files = (args: readonly string[]): readonly string[] => {
    const { out } = knet(["check", ...args, "--format", "json"]);
    return (JSON.parse(out) as { files: { path: string }[] }).files.map(({ path }) => path);
  };

  it("to files are followed; a file with several names is checked once, with its own name", () => {
    write({ "all/b.knet": GOOD, "all/below/x.txt": WRONG, "other/c.knet": WRONG });
    symlinkSync("b.knet", join(folder, "all/a.knet"));
    symlinkSync("below/x.txt", join(folder, "all/x.knet"));
    symlinkSync("../other/c.knet", join(folder, "all/c.knet"));
    symlinkSync("../../other/c.knet", join(folder, "all/below/d.knet"));
    expect(files(["all"])).toEqual(["all/b.knet", "all/below/d.knet", "all/x.knet"]);
    expect(files(["all", "other"])).toEqual(["all/b.knet", "all/x.knet", "other/c.knet"]);
    expect(files(["all/a.knet"])).toEqual(["all/a.knet"]);
    expect(knet(["check", "all"]).out).toContain("all/x.knet:1:20 error KN006");
    expect(knet(["fmt", "--check", "all"])).toEqual({ code: 0, out: "", err: "" });
  });

  it("to folders and devices are not followed, so there are no loops", () => {
    write({ "all/b.knet": GOOD });
    symlinkSync(".", join(folder, "all/self.knet"));
    symlinkSync("..", join(folder, "all/up"));
    symlinkSync("/dev/zero", join(folder, "all/zero.knet"));
    expect(files(["all"])).toEqual(["all/b.knet"]);
  });

  it("to nothing are reported, except the lock files of Emacs", () => {
    write({ "all/b.knet": GOOD });
    symlinkSync("user@host.4711:1700000000", join(folder, "all/.#b.knet"));
    expect(knet(["check", "all"])).toMatchObject({ code: 0, err: "" });
    symlinkSync("loop.knet", join(folder, "all/loop.knet"));
    symlinkSync("gone.knet", join(folder, "all/old.knet"));
    const { code, err } = knet(["check", "all"]);
    expect(code).toBe(2);
    expect(err).toBe(`knet: all/loop.knet: cannot be read (ELOOP: too many symbolic links encountered)
knet: all/old.knet: cannot be read (ENOENT: no such file or directory)
`);
  });
});

describe("files that import each other", () => {
  const report = (args: readonly string[]): Report =>
    JSON.parse(knet(["check", ...args, "--format", "json"]).out) as Report;
  const codes = ({ files }: Report): readonly string[] =>
    files.flatMap(({ diagnostics }) => diagnostics.map(({ code }) => code));
  beforeEach(() => {
    write({
      "nets/a.knet": 'import "b.knet"\nimport "site/c.knet"\n',
      "nets/b.knet": 'import "a.knet"\nsegment lan { cidr 10.0.0.0/24 }\n',
      "nets/site/c.knet": 'import "../b.knet"\nhost h { attach lan 10.0.0.5 }\n',
    });
  });

  it.each([
    ["relative", (): string => "nets"],
    ["absolute", (): string => join(folder, "nets")],
    ["with `..`", (): string => `../${basename(folder)}/nets`],
  ])("are the same files by every path: %s", (_, path) => {
    const own = report([path()]);
    expect(codes(own)).toEqual([]);
    expect(own.files.map(({ path: name }) => name)).toEqual(
      ["a.knet", "b.knet", "site/c.knet"].map((name) => join(path(), name)),
    );
  });

  it("keep the first name that the command line gives them", () => {
    const own = report(["nets/b.knet", join(folder, "nets")]);
    expect(codes(own)).toEqual([]);
    expect(own.files.map(({ path }) => path)).toEqual([
      "nets/b.knet",
      join(folder, "nets/a.knet"),
      join(folder, "nets/site/c.knet"),
    ]);
  });

  it("are the same files for a command with one file", () => {
    const path = join(folder, "nets/b.knet");
    expect(knet(["routes", path, "h"])).toMatchObject({ code: 0, err: "" });
    expect(report([path]).files.map(({ path: name }) => name)).toEqual([path]);
    expect(codes(report([path]))).toEqual([]);
  });

  it("are the same files in worker threads", () => {
    const padding = `# ${"x".repeat(200_000)}\n`;
    for (let index = 0; index < 8; index++)
      write({
        [`many/r${index}.knet`]: `import "common/${index}.knet"\n${padding}`,
        [`many/common/${index}.knet`]: `import "../r${index}.knet"\nsegment lan { cidr 10.0.0.0/24 }\n`,
      });
    const own = report([join(folder, "many")]);
    expect(codes(own)).toEqual([]);
    expect(own.files).toHaveLength(16);
  });
});

describe("control characters", () => {
  const ESCAPE = "\u001b[31m";
  const HIDDEN = /(?!\n)[\p{Cc}\u202a-\u202e\u2066-\u2069\u200b\u2028]/u;
  const topology = `segment lan { cidr 10.0.0.0/24 }
cluster c {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni bridge { bridge "b${ESCAPE}"; hairpin-mode true }
  kube-proxy iptables { detect-local bridge-interface "b${ESCAPE}" }
  nodes n 1..2 { attach lan }
  deployment web replicas 2 { labels app=web; listen 80 }
  service web { select app=web; port 80 }
}
`;
  const wrong = `import "x${ESCAPE}\u202e\u009b"
\u001b]0;title\u0007 wrong
host "a\u001b[2J" { }   # ${ESCAPE}
expect c/n1 -> "http://${ESCAPE}" reachable
`;
  const NAME = `e${ESCAPE}\n\u202e.knet`;

  it.each([
    [["check", NAME]],
    [["check", NAME, "--format", "json"]],
    [["check", NAME, "--format", "sarif"]],
    [["check", NAME, "--format", "github"]],
    [["trace", NAME, "c/default/web-0", "c/default/web-1", "--port", "80"]],
    [["trace", NAME, "c/default/web-0", "c/default/web-1", "--port", "80", "--format", "json"]],
    [["trace", NAME, "c/default/web-0", "c/default/web-1", "--port", "80", "--format", "mermaid"]],
    [["trace", NAME, "c/default/web-0", "c/default/web-1", "--port", "80", "--format", "svg"]],
    [["trace", NAME, "c/default/web-0", "c/default/web-1", "--port", "80", "--format", "html"]],
    [["trace", NAME, `a${ESCAPE}`, "b"]],
    [["routes", NAME, "c/n1"]],
    [["routes", NAME, "c/n1", "--format", "json"]],
    [["routes", NAME, `n${ESCAPE}`]],
    [["rules", NAME, "c/n1"]],
    [["rules", NAME, "c/n1", "--format", "json"]],
    [["lab", NAME]],
    [["lab", NAME, "--name", ESCAPE]],
    [["matrix", NAME]],
    [["matrix", NAME, "--format", "csv"]],
    [["matrix", NAME, "--from", ESCAPE]],
    [["fmt", "--check", NAME]],
    [["explain", ESCAPE]],
    [[ESCAPE]],
    [["check", `--${ESCAPE}`]],
    [["check", `missing${NAME}`]],
    [["lab", NAME, "-o", `missing${ESCAPE}/x`]],
  ])("are escaped: %j", (args) => {
    write({ [NAME]: topology + wrong });
    const { out, err } = knet(args);
    expect(out + err).not.toBe("");
    // SVG and HTML can have tabs, and so can nftables rules.
    expect(out.replaceAll("\t", "")).not.toMatch(HIDDEN);
    expect(err).not.toMatch(HIDDEN);
  });

  it("are shown as escapes, with the marker below the text", () => {
    write({ "a.knet": 'import "\u001b[1m"\n' });
    expect(knet(["check", "a.knet"]).out).toBe(
      [
        "a.knet:1:8 error KN015  `\\u001b[1m` cannot be read (paths are relative to this file)",
        '    import "\\u001b[1m"',
        `           ${"^".repeat('"\\u001b[1m"'.length)}`,
        "",
        "1 file: 1 error, 0 warnings",
        "",
      ].join("\n"),
    );
  });

  it("colors are the only escape sequences", () => {
    write({ "a.knet": topology + wrong });
    for (const args of [
      ["check", "a.knet"],
      ["trace", "a.knet", "c/n1", "c/default/web-1", "--port", "80"],
    ]) {
      const { out } = knet(args, "", { NO_COLOR: "", FORCE_COLOR: "1" });
      expect(out).toContain("\u001b[");
      // biome-ignore lint/suspicious/noControlCharactersInRegex: the escape sequences of knet.
      expect(out.replace(/\u001b\[(?:0|1|2|31|32|33|36)m/g, "")).not.toMatch(HIDDEN);
    }
    expect(knet(["check", "a.knet"], "", { NO_COLOR: "", FORCE_COLOR: "1" }).out).toContain("\\u001b[31m");
  });
});

describe("workflow commands of GitHub Actions", () => {
  const NAME = "::error file=x::y.knet";
  const text = `::error file=a.knet,line=1::injected
   ::add-mask::x
  ##[error]injected
import "::warning::x"
${GOOD}`;
  const isCommand = (line: string): boolean => line.trimStart().startsWith("::") || line.includes("##[");

  it.each([
    [["check", NAME]],
    [["check", NAME, "missing.knet", "::error::x"]],
    [["fmt", "--check", NAME]],
    [["trace", NAME, "::error::x", "b"]],
    [["trace", "::error::x", "a", "b"]],
  ])("are not in text: %j", (args) => {
    write({ [NAME]: text });
    for (const env of [{}, { NO_COLOR: "", FORCE_COLOR: "1" }]) {
      const { out, err } = knet(args, "", { ...env, GITHUB_ACTIONS: "true" });
      expect(`${out}${err}`.split("\n").filter(isCommand)).toEqual([]);
    }
  });

  it("are only those of knet in the github format", () => {
    write({ [NAME]: text });
    const { out } = knet(["check", NAME, "--format", "github"], "", { GITHUB_ACTIONS: "true" });
    const lines = out.trimEnd().split("\n");
    expect(lines.length).toBeGreaterThan(3);
    for (const line of lines)
      expect(line).toMatch(/^::(?:error|warning|notice) file=%3A%3Aerror file=x%3A%3Ay\.knet,line=\d/);
  });

  it("do not change the text elsewhere", () => {
    write({ [NAME]: text });
    expect(knet(["check", NAME]).out).toContain("\n    ::error file=a.knet,line=1::injected\n");
  });
});

describe("a reader that closes the pipe", () => {
  it.each([
    [["check", "a.knet", "--format", "json"], 1],
    [["check", "a.knet"], 1],
    [["check", "b.knet", "--format", "json"], 0],
    [["trace", "a.knet", "x", "y"], 2],
  ])("does not change the exit code: %j", async (args, code) => {
    write({ "a.knet": WRONG, "b.knet": GOOD });
    const child = spawn(process.execPath, [KNET, ...args], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
    child.stdout.destroy();
    child.stderr.destroy();
    expect(await new Promise((resolve) => child.once("exit", resolve))).toBe(code);
  });
});

describe("a line ends with LF, CRLF, or CR", () => {
  it.each([["\n"], ["\r\n"], ["\r"]])("the report shows the line of the position: %j", (newline) => {
    write({ "a.knet": ["segment a {", "  cidr 10.0.0.0/24", "}", "segment b { cidr 10.0.0.0/33 }", ""].join(newline) });
    expect(knet(["check", "a.knet"]).out).toContain(
      "\n    segment b { cidr 10.0.0.0/33 }\n                     ^^^^^^^^^^^\n",
    );
  });
});

describe("output", () => {
  it.runIf(process.platform === "linux")("to a full disk is an error, with exit code 2", () => {
    write({ "a.knet": GOOD });
    const full = openSync("/dev/full", "w");
    try {
      const { status, stderr } = spawnSync(process.execPath, [KNET, "check", "a.knet"], {
        cwd: folder,
        encoding: "utf8",
        stdio: ["ignore", full, "pipe"],
      });
      expect([status, stderr]).toEqual([
        2,
        "knet: standard output: cannot be written (ENOSPC: no space left on device)\n",
      ]);
    } finally {
      closeSync(full);
    }
  });

  it("a file that is named twice is checked once", () => {
    write({ "a.knet": WRONG });
    const { out } = knet(["check", "a.knet", "./a.knet", join(folder, "a.knet"), "."]);
    expect(out).toMatch(/\n1 file: 1 error, 0 warnings\n$/);
  });
});
