// Writes what is made from the sources, so that it is said once: the language reference, the pages of the diagnostics, the
// JSON Schemas of the program's output and the TextMate grammar.
//   npm run generate             writes the files
//   npm run generate -- --check  lists those that differ and exits with 1
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Bench } from "../bench/schema.ts";
import { catalogue } from "../server/src/checks/catalogue.ts";
import type { Check, Family } from "../server/src/checks/check.ts";
import { LEVELS } from "../server/src/checks/levels.ts";
import { Report } from "../server/src/cli/report.ts";
import { RoutesReport } from "../server/src/dataplane/routes-schema.ts";
import { RulesReport } from "../server/src/dataplane/rules-schema.ts";
import { Matrix } from "../server/src/kubernetes/matrix/schema.ts";
import {
  type ArgSpec,
  type ArgType,
  blockContexts,
  type Context,
  contexts,
  describeContext,
  type FlagSpec,
  isFlag,
  type KeywordSpec,
  keywordsIn,
  schema,
} from "../server/src/language/schema/index.ts";
import { sysctls } from "../server/src/language/schema/sysctls.ts";
import { type GrammarWords, grammar } from "../server/src/language/textmate.ts";
import { Trace } from "../server/src/trace/schema.ts";
import { extract } from "./l10n.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const PAGES = "docs/diagnostics";
/** Title of the group of settings that are made from the catalogue. */
const CHECKS = "knet: Checks";

/** Text by path from the root of the repository. */
export function generated(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  files.set("docs/language.md", languagePage());
  files.set("docs/diagnostics.md", indexPage("diagnostics/"));
  files.set(`${PAGES}/README.md`, indexPage(""));
  for (const check of catalogue) files.set(`${PAGES}/${check.code}.md`, checkPage(check));
  for (const [name, type] of Object.entries({
    "knet-trace-1": Trace,
    "knet-check-1": Report,
    "knet-routes-1": RoutesReport,
    "knet-bench-1": Bench,
    "knet-matrix-1": Matrix,
    "knet-rules-1": RulesReport,
  })) {
    const plain: unknown = JSON.parse(JSON.stringify(type));
    const $schema = "https://json-schema.org/draft/2020-12/schema";
    files.set(`schemas/${name}.schema.json`, json({ $schema, ...(isObject(plain) ? plain : {}) }));
  }
  files.set("schemas/knet-config-1.schema.json", json(configSchema()));
  files.set("package.json", `${JSON.stringify(manifest(), null, 2)}\n`);
  files.set("l10n/bundle.l10n.json", `${JSON.stringify(Object.fromEntries(texts()), null, 2)}\n`);
  files.set("syntaxes/knet.tmLanguage.json", `${JSON.stringify(grammar(words()), null, 2)}\n`);
  return files;
}

/** Pages of codes that the catalogue no longer has. */
export function leftOver(): readonly string[] {
  const folder = join(root, PAGES);
  const wanted = generated();
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => `${PAGES}/${name}`)
    .filter((path) => !wanted.has(path));
}

/* ------------------------------------------------------------------ the language */

const SYNTAX = `Every statement has one shape:

\`\`\`text
keyword argument* [ { statement* } ]
\`\`\`

A statement ends at the end of its line, at \`;\` or at \`}\`. Lists stand in brackets and may span lines: \`[10.0.0.0/24
10.0.1.0/24]\`. Comments are \`# …\`, \`// …\` and \`/* … */\`. Names hold letters, digits, \`-\`, \`_\` and \`.\`. What is
declared may be used before its declaration and from other files that are imported.

A thing is named by its path: \`n1\`, \`prod/n1\`, \`shop/web\`, \`prod/shop/web\`, \`prod/shop/web/nginx\`. As much of the
path is needed as makes it unambiguous.

In the forms below words in capitals stand for values, \`[ ]\` encloses what may be left out, \`…\` follows what may be
repeated, and \`( | )\` encloses what is chosen from.`;

function languagePage(): string {
  const places = contexts.map((context) => {
    const summary = [...keywordsIn(context).values()]
      .map((spec) => `[\`${spec.keyword}\`](#${anchorOf(spec)})`)
      .join(" · ");
    return `| [${place(context)}](#${placeAnchor(context)}) | ${summary} |`;
  });
  return page([
    "<!-- Made by `npm run generate` from server/src/language/schema. -->",
    "# The knet language",
    SYNTAX,
    "## Where what may stand",
    ["| place | statements |", "|---|---|", ...places].join("\n"),
    ...contexts.flatMap(contextSection),
    "## Kernel parameters",
    "What `sysctl` knows:",
    [
      "| name | does | default |",
      "|---|---|---|",
      ...sysctls.map(
        ({ name, summary, default: otherwise }) => `| \`${name}\` | ${cell(summary)} | ${cell(otherwise)} |`,
      ),
    ].join("\n"),
  ]);
}

function contextSection(context: Context): string[] {
  const all = [...keywordsIn(context).values()];
  const here = all.filter((spec) => homeOf(spec) === context);
  const elsewhere = all.filter((spec) => homeOf(spec) !== context);
  const also = elsewhere.map((spec) => `[\`${spec.keyword}\`](#${anchorOf(spec)})`).join(", ");
  return [
    `<a id="${placeAnchor(context)}"></a>\n\n## ${context === "file" ? "At" : "In"} ${describeContext(context)}`,
    ...(also === "" ? [] : [`${here.length === 0 ? "Here stand" : "Here also stand"} ${also}.`]),
    ...here.flatMap(statement),
  ];
}

function statement(spec: KeywordSpec): string[] {
  const facts = [
    `- Stands in: ${spec.in.map(describeContext).join("; ")}`,
    `- ${spec.repeat === "once" ? "At most once" : "Any number of times"}${spec.required === true ? "; needed" : ""}`,
    ...blockFact(spec),
    ...(spec.default === undefined ? [] : [`- Default: ${spec.default}`]),
  ];
  const args = spec.args.map(
    (arg) =>
      `| ${argName(arg)} | ${isFlag(arg) ? "the word itself" : typeText(arg.type)} | ${cell(arg.summary)} | ${cell(isFlag(arg) ? "" : (arg.default ?? ""))} |`,
  );
  const values = spec.args.flatMap((arg) =>
    isFlag(arg) || arg.type.kind !== "enum" ? [] : [enumList(arg, arg.type.values)],
  );
  return [
    `<a id="${anchorOf(spec)}"></a>\n\n### ${spec.keyword}`,
    `${spec.summary}.`,
    fenced("text", form(spec)),
    spec.documentation,
    facts.join("\n"),
    ...(args.length === 0
      ? []
      : [["| argument | type | meaning | default |", "|---|---|---|---|", ...args].join("\n")]),
    ...values,
    fenced("knet", spec.example),
  ];
}

function blockFact(spec: KeywordSpec): string[] {
  const inside = blockContexts(spec);
  if (inside.length === 0) return [];
  const links = inside.map((context) => `[${place(context)}](#${placeAnchor(context)})`).join(", ");
  return [`- ${spec.blockRequired === true ? "Needs a block" : "May have a block"}: ${links}`];
}

function enumList(arg: ArgSpec, values: readonly { readonly value: string; readonly summary: string }[]): string {
  return [`\`${capitals(arg.name)}\` is one of`, "", ...values.map((one) => `- \`${one.value}\`: ${one.summary}`)].join(
    "\n",
  );
}

/** `pods PREFIX [per-node LENGTH]` */
function form(spec: KeywordSpec): string {
  const either = new Set(spec.atLeastOneOf?.filter((name) => spec.atMostOneOf?.includes(name)) ?? []);
  const parts: string[] = [spec.keyword];
  let open: string[] = [];
  const close = (): void => {
    if (open.length > 0) parts.push(`(${open.join(" | ")})`);
    open = [];
  };
  for (const arg of spec.args) {
    const text = isFlag(arg)
      ? arg.name
      : `${arg.after === undefined ? "" : `${arg.after} `}${capitals(arg.name)}${arg.many ? "…" : ""}`;
    if (either.has(arg.name)) {
      open.push(text);
      continue;
    }
    close();
    parts.push(isFlag(arg) || arg.optional === true ? `[${text}]` : text);
  }
  close();
  if (spec.block !== undefined) parts.push(spec.blockRequired === true ? "{ … }" : "[{ … }]");
  return parts.join(" ");
}

function argName(arg: ArgSpec | FlagSpec): string {
  if (isFlag(arg)) return `\`${arg.name}\``;
  return `\`${arg.after === undefined ? "" : `${arg.after} `}${capitals(arg.name)}\`${arg.many ? ", several" : ""}`;
}

function typeText(type: ArgType): string {
  const orAddress = "orAddress" in type && type.orAddress === true ? " or an address" : "";
  switch (type.kind) {
    case "name":
      return "a new name";
    case "device":
      return `a device's name, 1 to 15 characters${orAddress}`;
    case "ref":
      return `the name of a ${type.to.join(", ")}${orAddress}`;
    case "address":
      return "an address: `10.0.0.1`, `fd00::1`";
    case "prefix":
      return `a prefix: \`10.0.0.0/16\`${type.orDefault === true ? ", or `default`" : ""}${orAddress}`;
    case "interface-address":
      return type.lengthRequired === true
        ? "an address with its length: `10.0.0.1/24`"
        : "an address: `10.0.0.1`, `10.0.0.1/24`";
    case "prefix-length":
      return "a prefix length: `/24`";
    case "number":
      return `a number from ${figure(type.min)} to ${figure(type.max)}${type.unit === undefined ? "" : ` (${type.unit})`}`;
    case "boolean":
      return "`true` or `false`";
    case "enum":
      return type.values.map(({ value }) => `\`${value}\``).join(", ");
    case "ports":
      if (type.named === true)
        return "a port, a range, a name or a protocol: `8080`, `53/udp`, `30000-32767/tcp`, `http`, `dns/udp`, `udp`";
      return `a port${type.range ? " or a range" : ""}: \`8080\`${type.protocol ? ", `8080/tcp`" : ""}${type.range ? ", `30000-32767`" : ""}`;
    case "index-range":
      return `numbers: \`1..50\`, \`01..50\`; at most ${figure(type.max)}`;
    case "label":
      return "a label: `app=web`";
    case "selector":
      return "conditions on labels: `app=web`, `app!=web`, `tier in [a b]`, `tier notin [a b]`, `tier`, `!tier`, `*`";
    case "port-name":
      return "a port's name: `http`";
    case "endpoint":
      return `a path or an address${type.port ? ", with a port: `shop/api:80`, `n1:53/udp`" : ""}`;
    case "string":
      return 'text in quotes: `"fabric.knet"`';
    case "sysctl":
      return "a [kernel parameter](#kernel-parameters)";
  }
}

const figure = (value: number): string => value.toLocaleString("en-US");
const capitals = (name: string): string => name.toUpperCase();
/** The row is written out where it stands first. */
const homeOf = (spec: KeywordSpec): Context => spec.in[0] ?? "file";
const place = (context: Context): string => describeContext(context).replace(/^an? /, "");
const placeAnchor = (context: Context): string => `in-${context.replaceAll(" ", "-")}`;
const anchorOf = (spec: KeywordSpec): string => `${homeOf(spec).replaceAll(" ", "-")}.${spec.keyword}`;

/* ------------------------------------------------------------------ diagnostics */

const families: Readonly<Record<Family, string>> = {
  syntax: "Syntax and names",
  addresses: "Addresses",
  reachability: "Reachability",
  mtu: "Packet sizes and tunnels",
  capacity: "Capacity and scale",
  services: "Services",
  policies: "Policies",
  expectations: "Expectations",
  import: "Imported files",
};

const DECIDING = `How grave a check is, you decide: in a \`knet.json\` beside the files or in a folder above them, which holds in the editor and on
the command line alike, or in the editor's settings (\`knet.checks.KN105\`), over which \`knet.json\` wins.

\`\`\`json
{ "checks": { "KN407": "off", "pod-service-overlap": "warning" } }
\`\`\`

One finding is silenced by a comment that says why: behind a statement for its line, alone on a line for the statement that
follows, with its block, and \`knet-ignore-file\` for the file. A comment that silences nothing is reported.

\`\`\`knet
segment office {
  cidr 172.17.0.0/16   # knet-ignore KN105 renumbered in May
}
\`\`\``;

function inOrder(): Check[] {
  return [...catalogue].sort((a, b) => (a.code < b.code ? -1 : 1));
}

function indexPage(folder: string): string {
  const sections = Object.entries(families).flatMap(([family, title]) => {
    const checks = inOrder().filter((check) => check.family === family);
    if (checks.length === 0) return [];
    const rows = checks.map(
      ({ code, name, severity, summary }) =>
        `| <a id="${code.toLowerCase()}"></a>[${code}](${folder}${code}.md) | \`${name}\` | ${severity} | ${cell(summary)} |`,
    );
    return [`## ${title}`, ["| code | name | severity | |", "|---|---|---|---|", ...rows].join("\n")];
  });
  return page([
    "<!-- Made by `npm run generate` from server/src/checks/catalogue.ts. -->",
    "# Diagnostics",
    "What knet reports, in the editor and by `knet check`. `knet explain CODE` prints a page in the terminal.",
    DECIDING,
    ...sections,
  ]);
}

function checkPage({ code, name, severity, family, summary, documentation, example }: Check): string {
  return page([
    "<!-- Made by `npm run generate` from server/src/checks. -->",
    `# ${code} ${name}`,
    `**${summary}**`,
    `${severity[0]?.toUpperCase()}${severity.slice(1)} · ${families[family]} · [all diagnostics](README.md)`,
    documentation.trim(),
    "## Wrong",
    fenced(example.language ?? "knet", example.bad),
    "## Right",
    fenced(example.language ?? "knet", example.good),
  ]);
}

/** What VS Code validates and completes `knet.json` with. */
function configSchema(): object {
  const level = (check: Check): object => ({ enum: LEVELS, default: check.severity, description: check.summary });
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "knet-config-1.schema.json",
    title: "knet.json",
    type: "object",
    properties: {
      $schema: { type: "string" },
      checks: {
        type: "object",
        description: "How grave each check is, by code or by name.",
        properties: Object.fromEntries(
          inOrder().flatMap((check) => [
            [check.code, level(check)],
            [check.name, level(check)],
          ]),
        ),
        additionalProperties: false,
      },
    },
    additionalProperties: false,
  };
}

/** package.json with a setting for each check; everything else as it is. */
function manifest(): object {
  const now: unknown = JSON.parse(read("package.json") ?? "{}");
  if (!isObject(now) || !isObject(now["contributes"])) throw new Error("package.json has no contributes");
  const { contributes } = now;
  const groups = [contributes["configuration"]].flat().filter((group) => isObject(group) && group["title"] !== CHECKS);
  const properties = Object.fromEntries(
    inOrder().map(({ code, name, severity, summary }) => [
      `knet.checks.${code}`,
      {
        type: "string",
        enum: LEVELS,
        default: severity,
        scope: "resource",
        markdownDescription: `\`${name}\`: ${summary} A \`knet.json\` beside the files wins over this setting.`,
      },
    ]),
  );
  return { ...now, contributes: { ...contributes, configuration: [...groups, { title: CHECKS, properties }] } };
}

/* ------------------------------------------------------------------ translations */

/** Every English text that can be translated, as keys of a bundle; the value of each is the text itself, as VS Code has it. */
export function texts(): ReadonlyMap<string, string> {
  const keys = new Set(extract(root, ["client/src", "client/webview", "server/src"]).texts.keys());
  for (const spec of schema) for (const text of textsOf(spec)) keys.add(text);
  for (const { summary } of sysctls) keys.add(summary);
  for (const { summary, documentation } of catalogue) keys.add(summary).add(documentation);
  return new Map([...keys].sort().map((key) => [key, key]));
}

function textsOf(spec: KeywordSpec): string[] {
  const args = spec.args.flatMap((arg) => [
    arg.summary,
    ...(isFlag(arg) || arg.type.kind !== "enum" ? [] : arg.type.values.map(({ summary }) => summary)),
  ]);
  return [spec.summary, spec.documentation, ...args];
}

/* ------------------------------------------------------------------ the grammar */

/** The schema's words by what they are. */
export function words(): GrammarWords {
  const defines = (spec: KeywordSpec): boolean => spec.defines !== undefined && spec.args[0]?.name === "name";
  const literals: string[] = ["default"];
  const values: string[] = ["tcp", "udp", "sctp", "icmp"];
  for (const arg of schema.flatMap(({ args }) => args)) {
    if (isFlag(arg)) {
      values.push(arg.name);
      continue;
    }
    literals.push(...(arg.after?.split(" ") ?? []).filter((word) => /^[a-z]/.test(word)));
    if (arg.type.kind === "enum") values.push(...arg.type.values.map(({ value }) => value));
  }
  const defining = new Set(schema.filter(defines).map(({ keyword }) => keyword));
  const others = new Set(schema.map(({ keyword }) => keyword).filter((keyword) => !defining.has(keyword)));
  const isBoolean = (word: string): boolean => word === "true" || word === "false";
  return {
    defining: [...defining],
    keywords: [...others],
    literals: [...new Set(literals)],
    values: [...new Set(values)].filter((word) => !isBoolean(word)),
  };
}

/* ------------------------------------------------------------------ writing */

const page = (blocks: readonly string[]): string => `${blocks.join("\n\n")}\n`;
const fenced = (language: string, text: string): string => `\`\`\`${language}\n${text.trimEnd()}\n\`\`\``;
const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll("\n", " ");

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** As Biome prints JSON: a list of plain values in one line where it fits. */
function json(value: unknown): string {
  const print = (item: unknown, indent: string, used: number): string => {
    const inner = `${indent}  `;
    if (Array.isArray(item)) {
      const short = `[${item.map((one) => JSON.stringify(one)).join(", ")}]`;
      const plain = item.every((one) => typeof one !== "object");
      if (plain && used + short.length < 120) return short;
      return `[\n${item.map((one) => `${inner}${print(one, inner, inner.length)}`).join(",\n")}\n${indent}]`;
    }
    if (!isObject(item)) return JSON.stringify(item);
    const entries = Object.entries(item);
    const members = entries.map(([key, one], i) => {
      const head = `${inner}${JSON.stringify(key)}: `;
      // A comma follows all but the last.
      return `${head}${print(one, inner, head.length - (i === entries.length - 1 ? 1 : 0))}`;
    });
    return members.length === 0 ? "{}" : `{\n${members.join(",\n")}\n${indent}}`;
  };
  return `${print(value, "", 0)}\n`;
}

function read(path: string): string | undefined {
  const file = join(root, path);
  return existsSync(file) ? readFileSync(file, "utf8") : undefined;
}

function main(): void {
  const changed = [...generated()].filter(([path, text]) => read(path) !== text);
  const stale = leftOver();
  if (process.argv.includes("--check")) {
    for (const path of [...changed.map(([one]) => one), ...stale])
      console.log(`${path} is not what would be generated`);
    process.exitCode = changed.length + stale.length > 0 ? 1 : 0;
    return;
  }
  for (const path of stale) rmSync(join(root, path));
  for (const [path, text] of changed) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
    console.log(`wrote ${path}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) main();
