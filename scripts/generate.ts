// Writes the files that are generated from the sources: the language reference, the diagnostics pages, the JSON Schemas of
// the output formats, the settings in package.json, the TextMate grammar, and the bundle of translatable texts.
//   npm run generate             writes the files
//   npm run generate -- --check  lists the files that differ and exits with 1
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { Bench } from "../bench/schema.ts";
import { catalog } from "../server/src/checks/catalog.ts";
import { Report } from "../server/src/cli/report-schema.ts";
import { RoutesReport } from "../server/src/dataplane/routes-schema.ts";
import { RulesReport } from "../server/src/dataplane/rules-schema.ts";
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
} from "../server/src/declared/schema/index.ts";
import { sysctls } from "../server/src/declared/schema/sysctls.ts";
import type { CheckInfo, Family } from "../server/src/findings/check.ts";
import { LEVELS } from "../server/src/findings/levels.ts";
import { type GrammarWords, grammar } from "../server/src/frontends/knet/textmate.ts";
import { Matrix } from "../server/src/kubernetes/matrix/schema.ts";
import { Plan } from "../server/src/questions/capacity/schema.ts";
import { Diff } from "../server/src/service/diff/schema.ts";
import { Trace } from "../server/src/trace/schema.ts";
import { extract } from "./l10n.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const PAGES = "docs/diagnostics";
/** Title of the settings group that is generated from the catalog. */
const CHECKS = "knet: Checks";

/** Text of each generated file, keyed by its path from the root of the repository. */
export function generated(): ReadonlyMap<string, string> {
  const files = new Map<string, string>();
  files.set("docs/language.md", languagePage());
  files.set("docs/diagnostics.md", indexPage("diagnostics/"));
  files.set(`${PAGES}/README.md`, indexPage(""));
  for (const check of catalog) files.set(`${PAGES}/${check.code}.md`, checkPage(check));
  for (const [name, type] of Object.entries({
    "knet-trace-1": Trace,
    "knet-check-1": Report,
    "knet-routes-1": RoutesReport,
    "knet-bench-1": Bench,
    "knet-matrix-1": Matrix,
    "knet-rules-1": RulesReport,
    "knet-plan-1": Plan,
    "knet-diff-1": Diff,
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

/** Pages of codes that are no longer in the catalog. */
export function leftOver(): readonly string[] {
  const folder = join(root, PAGES);
  const wanted = generated();
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .map((name) => `${PAGES}/${name}`)
    .filter((path) => !wanted.has(path));
}

/* ------------------------------------------------------------------ the language */

const SYNTAX = `Every statement has the same form:

\`\`\`text
keyword argument* [ { statement* } ]
\`\`\`

A statement ends at the end of its line, at \`;\`, or at \`}\`. Lists are enclosed in brackets and can span lines: \`[10.0.0.0/24
10.0.1.0/24]\`. Comments are \`# …\`, \`// …\`, and \`/* … */\`. Names consist of letters, digits, \`-\`, \`_\`, and \`.\`.
Declarations can be used before they appear, and from files that import them.

Objects are referenced by path: \`n1\`, \`prod/n1\`, \`shop/web\`, \`prod/shop/web\`, \`prod/shop/web/nginx\`. A path must be long
enough to be unambiguous.

In the syntax below, UPPERCASE names are values, \`[ ]\` is optional, \`…\` can be repeated, and \`( | )\` is a choice.`;

function languagePage(): string {
  const places = contexts.map((context) => {
    const summary = [...keywordsIn(context).values()]
      .map((spec) => `[\`${spec.keyword}\`](#${anchorOf(spec)})`)
      .join(" · ");
    return `| [${place(context)}](#${placeAnchor(context)}) | ${summary} |`;
  });
  return page([
    "<!-- Generated from server/src/declared/schema by `npm run generate`. -->",
    "# The knet language",
    SYNTAX,
    "## Statement reference by block",
    ["| block | statements |", "|---|---|", ...places].join("\n"),
    ...contexts.flatMap(contextSection),
    "## Kernel parameters",
    "Supported sysctls:",
    [
      "| name | description | default |",
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
    ...(also === "" ? [] : [`${here.length === 0 ? "Allowed here" : "Also allowed here"}: ${also}.`]),
    ...here.flatMap(statement),
  ];
}

function statement(spec: KeywordSpec): string[] {
  const facts = [
    `- Allowed in: ${spec.in.map(describeContext).join("; ")}`,
    `- Repeatable: ${spec.repeat === "once" ? "no" : "yes"}`,
    ...(spec.required === true ? ["- Required: yes"] : []),
    ...blockFact(spec),
    ...(spec.default === undefined ? [] : [`- Default: ${spec.default}`]),
  ];
  const args = spec.args.map(
    (arg) =>
      `| ${argName(arg)} | ${isFlag(arg) ? "the literal keyword" : typeText(arg.type)} | ${cell(arg.summary)} | ${cell(isFlag(arg) ? "" : (arg.default ?? ""))} |`,
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
  return [`- Block: ${spec.blockRequired === true ? "required" : "optional"} (${links})`];
}

function enumList(arg: ArgSpec, values: readonly { readonly value: string; readonly summary: string }[]): string {
  return [
    `\`${capitals(arg.name)}\` is one of:`,
    "",
    ...values.map((one) => `- \`${one.value}\`: ${one.summary}`),
  ].join("\n");
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
  return `\`${arg.after === undefined ? "" : `${arg.after} `}${capitals(arg.name)}\`${arg.many ? ", repeatable" : ""}`;
}

const EITHER = new Intl.ListFormat("en", { type: "disjunction" });

function typeText(type: ArgType): string {
  const orAddress = "orAddress" in type && type.orAddress === true ? " or an address" : "";
  switch (type.kind) {
    case "name":
      return "a name";
    case "device":
      return `a device name, 1 to 15 characters${orAddress}`;
    case "ref":
      return `the name of a ${EITHER.format(type.to)}${orAddress && `,${orAddress}`}`;
    case "address":
      return "an address: `10.0.0.1`, `fd00::1`";
    case "prefix":
      return `a prefix: \`10.0.0.0/16\`${type.orDefault === true ? ", `default`," : ""}${orAddress}`;
    case "interface-address":
      return type.lengthRequired === true
        ? "an address with a prefix length: `10.0.0.1/24`"
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
        return "a port, a range, a name, or a protocol: `8080`, `53/udp`, `30000-32767/tcp`, `http`, `dns/udp`, `udp`";
      return `a port${type.range ? " or a range" : ""}: \`8080\`${type.protocol ? ", `8080/tcp`" : ""}${type.range ? ", `30000-32767`" : ""}`;
    case "index-range":
      return `numbers: \`1..50\`, \`01..50\`; at most ${figure(type.max)}`;
    case "label":
      return "a label: `app=web`";
    case "selector":
      return "label selector terms: `app=web`, `app!=web`, `tier in [a b]`, `tier notin [a b]`, `tier`, `!tier`, `*`";
    case "port-name":
      return "a port name: `http`";
    case "endpoint":
      return `a path or an address${type.port ? ", with a port: `shop/api:80`, `n1:53/udp`" : ""}`;
    case "string":
      return 'a quoted string: `"…"`';
    case "icmp-type":
      return "an ICMP type, or type and code: `8`, `3/4`";
    case "routing-table":
      return "a table: 1 to 4,294,967,295, `main`, `default`, `local`";
    case "mss":
      return "a number of bytes, or `to-pmtu`";
    case "mark":
      return "a mark, optionally with a mask: `0x100`, `0x100/0xff00`";
    case "mac":
      return "a MAC address: `02:42:0a:00:00:05`";
    case "sysctl":
      return "a [kernel parameter](#kernel-parameters)";
  }
}

const figure = (value: number): string => value.toLocaleString("en-US");
const capitals = (name: string): string => name.toUpperCase();
/** The context whose section describes the row: the first one that allows it. */
const homeOf = (spec: KeywordSpec): Context => spec.in[0] ?? "file";
const place = (context: Context): string => describeContext(context).replace(/^an? /, "");
const placeAnchor = (context: Context): string => `in-${context.replaceAll(" ", "-")}`;
const anchorOf = (spec: KeywordSpec): string => `${homeOf(spec).replaceAll(" ", "-")}.${spec.keyword}`;

/* ------------------------------------------------------------------ diagnostics */

const families: Readonly<Record<Family, string>> = {
  syntax: "Syntax and names",
  addresses: "Addresses",
  reachability: "Reachability",
  mtu: "MTU and encapsulation",
  capacity: "Capacity and scale",
  services: "Services",
  policies: "Policies",
  expectations: "Expectations",
  import: "Imported files",
};

const SEVERITY = `Set the severity of a check in a \`knet.json\` next to the files or in a folder above them; it applies in the editor and on the
command line. The editor settings (\`knet.checks.KN105\`) do the same; \`knet.json\` takes precedence over them.

\`\`\`json
{ "checks": { "KN407": "off", "pod-service-overlap": "warning" } }
\`\`\`

Suppress a single diagnostic with a \`knet-ignore\` comment that states the reason: at the end of a line for that line, after the
\`}\` of a block for the whole statement, on its own line for the statement that follows (including its block), or as \`knet-ignore-file\` for
the whole file. A comment that suppresses nothing is reported.

\`\`\`knet
segment office {
  cidr 172.17.0.0/16   # knet-ignore KN105 renumbered in May
}
\`\`\``;

function inOrder(): CheckInfo[] {
  return [...catalog].sort((a, b) => (a.code < b.code ? -1 : 1));
}

function indexPage(folder: string): string {
  const sections = Object.entries(families).flatMap(([family, title]) => {
    const checks = inOrder().filter((check) => check.family === family);
    if (checks.length === 0) return [];
    const rows = checks.map(
      ({ code, name, severity, summary }) =>
        `| <a id="${code.toLowerCase()}"></a>[${code}](${folder}${code}.md) | \`${name}\` | ${severity} | ${cell(summary)} |`,
    );
    return [`## ${title}`, ["| code | name | severity | summary |", "|---|---|---|---|", ...rows].join("\n")];
  });
  return page([
    "<!-- Generated from server/src/checks/catalog.ts by `npm run generate`. -->",
    "# Diagnostics",
    "The diagnostics that knet reports in the editor and in `knet check`. `knet explain CODE` prints a page in the terminal.",
    SEVERITY,
    ...sections,
  ]);
}

function checkPage({ code, name, severity, family, summary, documentation, example }: CheckInfo): string {
  const [text = "", references] = documentation.trim().split(/^(?=## References$)/m);
  return page([
    "<!-- Generated from server/src/checks by `npm run generate`. -->",
    `# ${code} ${name}`,
    `**${summary}**`,
    `${severity[0]?.toUpperCase()}${severity.slice(1)} · ${families[family]} · [all diagnostics](README.md)`,
    text.trim(),
    "## Example",
    "Incorrect:",
    fenced(example.language ?? "knet", example.bad),
    "Correct:",
    fenced(example.language ?? "knet", example.good),
    ...(references === undefined ? [] : [references.trim()]),
  ]);
}

/** The JSON Schema with which VS Code validates and completes `knet.json`. */
function configSchema(): object {
  const level = (check: CheckInfo): object => ({ enum: LEVELS, default: check.severity, description: check.summary });
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    $id: "knet-config-1.schema.json",
    title: "knet.json",
    type: "object",
    properties: {
      $schema: { type: "string" },
      checks: {
        type: "object",
        description: "Severity of each check, by code or by name.",
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

/** package.json with one setting per check; everything else is unchanged. */
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
        markdownDescription: `\`${name}\`: ${summary} A \`knet.json\` next to the files takes precedence over this setting.`,
      },
    ]),
  );
  return { ...now, contributes: { ...contributes, configuration: [...groups, { title: CHECKS, properties }] } };
}

/* ------------------------------------------------------------------ translations */

/** Every translatable English text as a bundle key. Its value is the same text, like in the bundles of VS Code. */
export function texts(): ReadonlyMap<string, string> {
  const keys = new Set(extract(root, ["client/src", "client/webview", "server/src"]).texts.keys());
  for (const spec of schema) for (const text of textsOf(spec)) keys.add(text);
  for (const { summary, default: otherwise } of sysctls) keys.add(summary).add(otherwise);
  for (const { summary, documentation } of catalog) keys.add(summary).add(documentation);
  return new Map([...keys].sort().map((key) => [key, key]));
}

function textsOf(spec: KeywordSpec): string[] {
  const args = spec.args.flatMap((arg) => [
    arg.summary,
    ...(isFlag(arg) || arg.default === undefined ? [] : [arg.default]),
    ...(isFlag(arg) || arg.type.kind !== "enum" ? [] : arg.type.values.map(({ summary }) => summary)),
  ]);
  // A default such as "1500" is a value; a translator needs those in prose only.
  return [spec.summary, spec.documentation, ...(spec.default === undefined ? [] : [spec.default]), ...args].filter(
    (text) => /[a-z]/i.test(text),
  );
}

/* ------------------------------------------------------------------ the grammar */

/** The keywords of the schema by their role in the grammar. */
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

/** JSON in Biome's format: an array of plain values is on one line if it fits. */
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
