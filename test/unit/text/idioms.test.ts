/** The English of every text that a person reads: no phrase of the banned list (CONTRIBUTING.md, "Writing style"). */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parse } from "@babel/parser";
import { describe, expect, it } from "vitest";
import { texts } from "../../../scripts/generate.ts";
import { catalog } from "../../../server/src/checks/catalog.ts";
import idioms from "./idioms.json" with { type: "json" };

const root = fileURLToPath(new URL("../../../", import.meta.url));
const read = (path: string): string => readFileSync(`${root}${path}`, "utf8");

interface Idiom {
  readonly pattern: RegExp;
  readonly use: string;
}
const BANNED: readonly Idiom[] = idioms
  .filter(({ level }) => level === "E")
  .map(({ regex, use }) => ({ pattern: new RegExp(regex, "i"), use }));

/** Places that are allowed to contain a banned phrase, each with its reason. The text is a part of the line. */
const ALLOWED: readonly { readonly file: RegExp; readonly text: RegExp; readonly why: string }[] = [
  { file: /^CONTRIBUTING\.md$/, text: /`server\/src\/questions`/, why: "the folder's name" },
  { file: /./, text: /connection refused/i, why: "strerror(ECONNREFUSED)" },
  {
    file: /KN505|node-port-twice|^text$/,
    text: /"provided port is already/,
    why: "an error of kube-apiserver, verbatim",
  },
  { file: /lab\/script\.ts$/, text: /\bdie\b/, why: "a function of the bash script" },
  { file: /lab\/agent(?:-probes)?\.ts$/, text: /is None|\.discard\(/, why: "Python" },
  { file: /trace\/render\/svg\.ts$/, text: /<circle|aria-labelledby/, why: "SVG elements and attributes" },
  { file: /problems\.ts$/, text: /data: /, why: "lists the keys of problem data" },
  { file: /dataplane\/switch\.ts$/, text: /discards/, why: "Discard is an action of the Network Graph's tables" },
];

/** Stable names of checks, which settings and scripts refer to. */
const NAMES = catalog.map(({ name }) => name).sort((a, b) => b.length - a.length);

function allowed(file: string, line: string): boolean {
  return ALLOWED.some((one) => one.file.test(file) && one.text.test(line));
}

function withoutNames(line: string): string {
  return NAMES.reduce((text, name) => (text.includes(name) ? text.replaceAll(name, "") : text), line);
}

/** `place: [phrase] line → replacement` for each banned phrase. */
function found(file: string, text: string, first = 1): string[] {
  return text.split("\n").flatMap((line, i) => {
    const shown = withoutNames(line);
    return BANNED.flatMap(({ pattern, use }) => {
      const match = pattern.exec(shown);
      return match && !allowed(file, line) ? [`${file}:${first + i}: [${match[0]}] ${line.trim()} → ${use}`] : [];
    });
  });
}

function filesIn(folder: string, ending: RegExp): string[] {
  return readdirSync(`${root}${folder}`, { recursive: true, encoding: "utf8" })
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`)
    .filter((name) => ending.test(name))
    .sort();
}

describe("banned idioms", () => {
  it("are in no text that can be translated", () => {
    expect([...texts().keys()].flatMap((text) => found("text", text))).toEqual([]);
  });

  it.each(["README.md", "CHANGELOG.md", "CONTRIBUTING.md", ...filesIn("docs/walkthrough", /\.md$/)])(
    "are not in %s",
    (file) => {
      expect(found(file, read(file))).toEqual([]);
    },
  );

  it("are not in the generated documentation", () => {
    const files = ["docs/language.md", "docs/diagnostics.md", ...filesIn("docs/diagnostics", /\.md$/)];
    expect(files.flatMap((file) => found(file, read(file)))).toEqual([]);
  });

  it("are not in the manifest", () => {
    expect(found("package.json", stringsOf(JSON.parse(read("package.json"))).join("\n"))).toEqual([]);
  });

  it("are not in the comments of the samples", () => {
    const comments = filesIn("samples", /\.knet$/).flatMap((file) =>
      read(file)
        .split("\n")
        .flatMap((line, i) => {
          const at = line.search(/(?:^|\s)(?:#|\/\/)/);
          return at < 0 ? [] : found(file, line.slice(at), i + 1);
        }),
    );
    expect(comments).toEqual([]);
  });

  it.each(["server/src", "client", "scripts", "bench"])("are in no comment and no sentence of %s", (folder) => {
    const hits = filesIn(folder, /\.ts$/).flatMap((file) =>
      textsOf(read(file)).flatMap(({ line, text }) => found(file, text, line)),
    );
    expect(hits).toEqual([]);
  });
});

/** Titles, descriptions, and Markdown of the manifest: every string with a space in it. */
function stringsOf(value: unknown): string[] {
  if (typeof value === "string") return value.includes(" ") ? [value] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, one]) => (key === "scripts" ? [] : stringsOf(one)));
}

interface Text {
  readonly line: number;
  readonly text: string;
}

/** Comments, and literals with a space in them; a single word is a keyword or a key. */
function textsOf(source: string): Text[] {
  const { comments, program } = parse(source, { sourceType: "module", plugins: ["typescript"] });
  const all: Text[] = (comments ?? []).map(({ value, loc }) => ({ line: loc?.start.line ?? 0, text: value }));
  const visit = (node: unknown): void => {
    if (Array.isArray(node)) for (const one of node) visit(one);
    if (typeof node !== "object" || node === null || !("type" in node)) return;
    const text = literalOf(node);
    if (text?.text.includes(" ")) all.push(text);
    for (const [key, child] of Object.entries(node)) if (key !== "loc" && typeof child === "object") visit(child);
  };
  visit(program.body);
  return all;
}

function literalOf(node: object): Text | undefined {
  const { type, value, loc } = node as {
    readonly type: unknown;
    readonly value?: unknown;
    readonly loc?: { readonly start: { readonly line: number } };
  };
  const line = loc?.start.line ?? 0;
  if (type === "StringLiteral") return { line, text: String(value) };
  if (type !== "TemplateElement") return undefined;
  return { line, text: String((value as { readonly cooked?: string | null }).cooked ?? "") };
}
