/** Enforces the layers of the architecture by reading the imports. CONTRIBUTING.md explains the reasons. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { parse } from "@babel/parser";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Import {
  readonly from: string;
  /** A path relative to the root of the repository, or a package name. */
  readonly to: string;
}

const IMPORT =
  /^(?:import|export)\b[^;"'`]*?\bfrom\s+["']([^"']+)["']|^import\s+["']([^"']+)["']|\bimport\(\s*["']([^"']+)["']\s*\)/gm;

function sourcesIn(folder: string): string[] {
  return readdirSync(`${root}${folder}`, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `${folder}/${name.replaceAll("\\", "/")}`);
}

const read = (path: string): string => readFileSync(`${root}${path}`, "utf8");

function importsOf(path: string): Import[] {
  return [...read(path).matchAll(IMPORT)].map((match) => {
    const to = match[1] ?? match[2] ?? match[3] ?? "";
    return { from: path, to: to.startsWith(".") ? posix.join(dirname(path), to) : to };
  });
}

const server = sourcesIn("server/src");
const serverImports = server.flatMap(importsOf);
const clientImports = sourcesIn("client").flatMap(importsOf);

/** "topology" for server/src/topology/build.ts; the path itself for a file outside the layers. */
function layerOf(path: string): string {
  const inside = path.replace(/^server\/src\//, "");
  return inside.includes("/") && inside !== path ? (inside.split("/")[0] ?? "") : path;
}
const shown = ({ from, to }: Import): string => `${from} → ${to}`;

const VERSION = "server/src/version.ts";
const BUNDLES = "server/src/bundles.ts";
/** From the lowest one up. */
const LAYERS = [
  "text",
  "memo",
  "addressing",
  "declared",
  "topology",
  "dataplane",
  "cni",
  "kubernetes",
  "trace",
  "questions",
  "fixes",
  "findings",
  "checks",
  "service",
];
const below = (layer: string): readonly string[] => LAYERS.slice(0, LAYERS.indexOf(layer));
/** The layers and single files that each layer may import in addition to itself. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  text: [],
  memo: [],
  addressing: ["text"],
  declared: ["text", "memo", "addressing"],
  // Only `hoststate`, whose result is the state of machines, uses the data plane.
  frontends: ["text", "memo", "addressing", "declared", "dataplane"],
  topology: below("topology"),
  dataplane: ["text", "memo", "addressing", "declared"],
  cni: below("cni"),
  kubernetes: below("kubernetes"),
  trace: below("trace").filter((layer) => layer !== "memo"),
  lab: ["text", "addressing", "dataplane", "server/src/trace/schema.ts"],
  questions: below("questions"),
  fixes: below("fixes"),
  findings: below("findings"),
  checks: below("checks"),
  service: [...below("service"), "frontends"],
  export: [...LAYERS, "lab"],
  lsp: [...LAYERS, "frontends", VERSION, BUNDLES],
  cli: [...LAYERS, "export", "frontends", "lab", VERSION, BUNDLES],
};
/** `knet lsp` starts the language server. */
const SHELL_TO_SHELL = ["server/src/cli/main.ts → server/src/lsp/main.ts"];
const SHELLS = ["lsp", "cli"];

describe("imports", () => {
  it("are all found", () => {
    expect(server.length).toBeGreaterThan(100);
    expect(serverImports.length).toBeGreaterThan(500);
    const lost = [...serverImports, ...clientImports].filter(({ to }) => !/^[@\w./:-]+$/.test(to));
    expect(lost.map(shown)).toEqual([]);
  });

  it("have a rule for every layer", () => {
    const layers = new Set(server.map(layerOf).filter((layer) => layer !== VERSION && layer !== BUNDLES));
    expect([...layers].sort()).toEqual(Object.keys(MAY_IMPORT).sort());
  });

  it.each(Object.entries(MAY_IMPORT))("of %s are from lower layers", (layer, allowed) => {
    const wrong = serverImports
      .filter(({ from, to }) => layerOf(from) === layer && to.startsWith("server/"))
      .filter(({ to }) => layerOf(to) !== layer && !allowed.includes(layerOf(to)) && !allowed.includes(to))
      .map(shown);
    expect(wrong.filter((one) => !SHELL_TO_SHELL.includes(one))).toEqual([]);
  });

  it("of front ends from the data plane are limited to the state of machines", () => {
    const wrong = serverImports.filter(
      ({ from, to }) =>
        layerOf(from) === "frontends" &&
        layerOf(to) === "dataplane" &&
        !from.startsWith("server/src/frontends/hoststate/"),
    );
    expect(wrong.map(shown)).toEqual([]);
  });

  it("leave the server only for package.json", () => {
    const outside = serverImports.filter(({ to }) => /^(client|test|scripts|package)\b.*[/.]/.test(to));
    expect(outside.map(shown)).toEqual([`${VERSION} → package.json`]);
  });

  it("of the client from the server are limited to the protocol, the trace schema, layout, and names, and texts", () => {
    const allowed = [
      "server/src/lsp/protocol.ts",
      "server/src/trace/schema.ts",
      "server/src/trace/layout.ts",
      "server/src/trace/names.ts",
      "server/src/text/l10n.ts",
      "server/src/text/format.ts",
    ];
    const reached = clientImports.filter(({ to }) => to.startsWith("server/") && !allowed.includes(to));
    expect(reached.map(shown)).toEqual([]);
  });

  it("of the panels include neither Node nor the editor", () => {
    const wrong = clientImports.filter(
      ({ from, to }) => from.startsWith("client/webview/") && /^(node:|vscode|client\/src\/)/.test(to),
    );
    expect(wrong.map(shown)).toEqual([]);
  });

  it("contain no cycles between files; types count", () => {
    const graph = new Map<string, readonly string[]>();
    for (const path of server)
      graph.set(
        path,
        importsOf(path)
          .map(({ to }) => to)
          .filter((to) => server.includes(to)),
      );
    const finished = new Set<string>();
    const cycles: string[] = [];
    const walk = (path: string, above: readonly string[]): void => {
      if (above.includes(path)) cycles.push([...above.slice(above.indexOf(path)), path].join(" → "));
      if (finished.has(path) || above.includes(path)) return;
      for (const next of graph.get(path) ?? []) walk(next, [...above, path]);
      finished.add(path);
    };
    for (const path of graph.keys()) walk(path, []);
    expect(cycles).toEqual([]);
  });

  it("of records of conditions are outside the data plane, which reads the lists of matches", () => {
    const readers = serverImports
      .filter(({ to }) => to === "server/src/dataplane/rule.ts")
      .map(({ from }) => layerOf(from));
    expect([...new Set(readers)].sort()).toEqual(["cni", "kubernetes"]);
  });

  it("contain no cycles between folders", () => {
    const imported = new Map<string, Set<string>>();
    for (const { from, to } of serverImports) {
      if (!to.startsWith("server/") || layerOf(from) === layerOf(to)) continue;
      imported.set(layerOf(from), (imported.get(layerOf(from)) ?? new Set()).add(layerOf(to)));
    }
    const cycles: string[] = [];
    const walk = (layer: string, path: readonly string[]): void => {
      if (path.includes(layer)) {
        cycles.push([...path.slice(path.indexOf(layer)), layer].join(" → "));
        return;
      }
      for (const next of imported.get(layer) ?? []) walk(next, [...path, layer]);
    };
    for (const layer of imported.keys()) walk(layer, []);
    expect([...new Set(cycles)]).toEqual([]);
  });
});

describe("the core", () => {
  const core = server.filter((path) => !SHELLS.includes(layerOf(path)) && path !== BUNDLES);

  it("imports neither Node nor the editor", () => {
    const wrong = serverImports.filter(({ from, to }) => core.includes(from) && /^(node:|vscode)/.test(to));
    expect(wrong.map(shown)).toEqual([]);
  });

  it("uses no clock, randomness, process, or network, and no global of Node", () => {
    const edge =
      /\b(?:Date\.now|new Date|performance\.now|Math\.random|process\.(?:env|argv|cwd|exit|std\w+|hrtime|memoryUsage)\b|console\.|fetch\(|setTimeout|setInterval|setImmediate|\bBuffer\b|__dirname|\brequire\()/;
    const wrong = core.flatMap((path) =>
      code(read(path))
        .split("\n")
        .filter((line) => edge.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
    expect(wrong).toEqual([]);
  });

  it("has no classes except where a library or `throw` requires them", () => {
    // The lab agent is a Python program in a string.
    const looked = server.filter((path) => path !== "server/src/lab/agent-probes.ts");
    const classes = looked.filter((path) => /^(?:export )?(?:abstract )?class \w/m.test(code(read(path))));
    expect(classes).toEqual(["server/src/cli/errors.ts", "server/src/frontends/knet/parser.ts"]);
  });
});

describe("results of earlier builds", () => {
  /** `Cluster` and `Topology` are plain data: only `memo/` knows which one takes the place of which. */
  const MEMOIZED = ["memo", "topology", "dataplane", "cni", "kubernetes", "questions", "checks"];

  it("are kept only by the memo engine", () => {
    const keeping = server
      .filter((path) => MEMOIZED.includes(layerOf(path)))
      .filter((path) => /new Weak(?:Map|Ref)\b/.test(code(read(path))));
    expect(keeping).toEqual([]);
  });

  /** V8 keeps an object literal with a getter, and all that the getter refers to, until the next full collection: `withLazy`. */
  it("are kept by no getter of an object literal", () => {
    const getters = server
      .filter((path) => [...MEMOIZED, "addressing", "frontends"].includes(layerOf(path)))
      .filter((path) => /^\s+get \w+\(\)/m.test(code(read(path))));
    expect(getters).toEqual([]);
  });
});

describe("functions", () => {
  const MOST_PARAMETERS = 5;
  const MOST_LINES = 80;
  /** Files with functions that exceed the limits. */
  const MAY_EXCEED: readonly string[] = [
    "server/src/frontends/knet/decode.ts",
    "server/src/frontends/knet/format-plan.ts",
  ];

  const exceeding = (path: string): readonly string[] =>
    functionsOf(path, read(path))
      .filter(({ parameters, lines }) => parameters > MOST_PARAMETERS || lines > MOST_LINES)
      .map(({ at, parameters, lines }) => `${at}: ${parameters} parameters, ${lines} lines`);

  it("have at most five parameters and 80 lines", () => {
    const paths = [...server, ...sourcesIn("client")];
    expect(paths.length).toBeGreaterThan(300);
    expect(paths.filter((path) => !MAY_EXCEED.includes(path)).flatMap(exceeding)).toEqual([]);
  });

  it("exceed the limits in every listed file", () => {
    expect(MAY_EXCEED.filter((path) => exceeding(path).length === 0)).toEqual([]);
  });

  it("are measured in every form", () => {
    const text = `function a(x, y) {}
const b = (x) => {
  return x;
};
interface C { (x: 1): void; d(x: 1, y: 2, z: 3): void; readonly e: (x: 1) => void }
const f = { g(x) {}, h: function (x, y, z, u) {} };
class K { k(x) {} #l(x, y) {} }
function many(...all: [1, 2, 3]) {}
`;
    const measured = functionsOf("t.ts", text).map(({ at, parameters, lines }) => `${at} ${parameters} ${lines}`);
    expect(measured).toEqual([
      "t.ts:1 2 1",
      "t.ts:2 1 3",
      "t.ts:5 1 1",
      "t.ts:5 3 1",
      "t.ts:5 1 1",
      "t.ts:6 1 1",
      "t.ts:6 4 1",
      "t.ts:7 1 1",
      "t.ts:7 2 1",
      "t.ts:8 3 1",
    ]);
  });
});

describe("syntax", () => {
  /** The list of front ends, imported files, and features that present or edit `.knet` text. */
  const KNOWING = [
    /^service\/(?:closure|front-ends|importing|knet|sources)\.ts$/,
    /^service\/compact\//,
    /^service\/features\/(?:completion|refactor|suggestions)\//,
    /^service\/features\/(?:folding|inlay|lenses|links|outline|pieces|place|signature|tokens|typing)\.ts$/,
    /^lsp\/(?:access|disk|handlers\/editing|import)\.ts$/,
    /^cli\/(?:collect|fmt|git|import|input|manifests|open|state)\.ts$/,
  ];

  it("is known only to the front ends, and to features that present or edit text", () => {
    const knowing = serverImports
      .filter(({ from, to }) => to.startsWith("server/src/frontends/") && !from.startsWith("server/src/frontends/"))
      .filter(({ from }) => !KNOWING.some((one) => one.test(from.slice("server/src/".length))));
    expect(knowing.map(shown)).toEqual([]);
    const reading = server
      .filter((path) => !path.startsWith("server/src/frontends/") && !path.startsWith("server/src/service/features/"))
      .filter((path) => /(?<!\.)\.statement\b|statementOf\(/.test(code(read(path))));
    expect(reading).toEqual([]);
  });
});

describe("checks", () => {
  const CATALOG = "server/src/checks/catalog.ts";
  const checks = server.filter((path) => /^server\/src\/checks\/[^/]+\/[^/]+$/.test(path));

  it("are the only files in their folder, except the catalog and its runner", () => {
    const others = server.filter((path) => layerOf(path) === "checks" && !checks.includes(path));
    expect(others.sort()).toEqual([CATALOG, "server/src/checks/run.ts"]);
  });

  it("are one per file, in the folder of their family", () => {
    const wrong = checks.filter((path) => {
      const text = read(path);
      const [, own] = /^export const \w+: Check<"(KN\d{3})"> = \{$/m.exec(text) ?? [];
      const family = dirname(path).split("/").at(-1);
      return (
        text.match(/^export /gm)?.length !== 1 ||
        own === undefined ||
        !text.includes(`\n  code: "${own}",\n`) ||
        !text.includes(`\n  family: "${family}",\n`)
      );
    });
    expect(wrong).toEqual([]);
  });

  it("are all in the catalog, and independent of each other", () => {
    const importing = serverImports.filter(({ to }) => checks.includes(to));
    expect(importing.filter(({ from }) => from !== CATALOG).map(shown)).toEqual([]);
    expect(importing.map(({ to }) => to).sort()).toEqual([...checks].sort());
  });
});

describe("the behavior of modes", () => {
  /** Strings that name a mode. "bridge" and "none" are omitted because they are also kernel terms. */
  const NAMES = ["flannel", "docker", "host-gw"];
  /** Other files that name a mode, with the reason. */
  const MAY_NAME: ReadonlyMap<string, string> = new Map([
    [
      "server/src/questions/plan.ts",
      "distinguishes docker0, which has its own range, from mode docker, whose range is the pods'",
    ],
    ["server/src/fixes/ranges.ts", "docker0 is declared with the bridge's address"],
    ["server/src/questions/node-ranges.ts", "in mode docker all nodes have the same range, which KN140 reports"],
    ["server/src/checks/reachability/peers-off-link.ts", "suggests a backend in a fix"],
    ["server/src/checks/reachability/flannel-no-ipv6.ts", "example file"],
    ["server/src/frontends/kubernetes/plugins/flannel.ts", "recognizes the plugin in dumps"],
    ["server/src/frontends/kubernetes/plugins/index.ts", "recognizes the plugins in dumps"],
    ["server/src/frontends/config/kops.ts", "recognizes the plugins in files of the installer"],
    ["server/src/frontends/config/k3s.ts", "recognizes the plugins in files of installers"],
    ["server/src/frontends/config/kubespray.ts", "recognizes the plugins in files of installers"],
    ["server/src/frontends/config/talos.ts", "recognizes the plugin in files of the installer"],
    ["server/src/export/plugins/flannel.ts", "writes flannel's configuration"],
    ["server/src/export/plugins/index.ts", "the configuration of each plugin"],
    ["server/src/export/plugins/cilium.ts", "Cilium's routing for each plugin"],
    ["server/src/service/features/ranges.ts", "docker0 is a kind of range"],
  ]);

  it("is defined only in cni/ and the schema, and recognized in dumps", () => {
    const naming = server
      .filter((path) => !path.startsWith("server/src/cni/") && !path.startsWith("server/src/declared/schema/"))
      .filter((path) => NAMES.some((name) => new RegExp(`(["'\`])${name}\\1`).test(code(read(path)))));
    expect(naming.filter((path) => !MAY_NAME.has(path))).toEqual([]);
    expect([...MAY_NAME.keys()].filter((path) => !naming.includes(path))).toEqual([]);
  });
});

/** Removes comments, which are not checked. `//` after a colon, as in a URL, is not a comment. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`])\/\/.*$/gm, "$1");
}

interface Measured {
  readonly at: string;
  readonly parameters: number;
  readonly lines: number;
}

interface SyntaxNode {
  readonly type: string;
  readonly loc: { readonly start: { readonly line: number }; readonly end: { readonly line: number } };
  readonly [key: string]: unknown;
}

/** Declarations, expressions, methods, and the types of functions: a type with six parameters requires a function with six. */
const FUNCTIONS: ReadonlySet<string> = new Set([
  "FunctionDeclaration",
  "FunctionExpression",
  "ArrowFunctionExpression",
  "ObjectMethod",
  "ClassMethod",
  "ClassPrivateMethod",
  "TSDeclareFunction",
  "TSMethodSignature",
  "TSCallSignatureDeclaration",
  "TSFunctionType",
]);

function functionsOf(path: string, text: string): readonly Measured[] {
  const found: Measured[] = [];
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(walk);
    if (!isNode(value)) return;
    if (FUNCTIONS.has(value.type)) {
      const { start, end } = value.loc;
      const parameters = countOf(value["params"] ?? value["parameters"]);
      found.push({ at: `${path}:${start.line}`, parameters, lines: end.line - start.line + 1 });
    }
    for (const child of Object.values(value)) walk(child);
  };
  walk(parse(text, { sourceType: "module", plugins: ["typescript"] }).program);
  return found;
}

/** The elements of a tuple in a rest parameter are parameters. */
function countOf(parameters: unknown): number {
  if (!Array.isArray(parameters)) return 0;
  return parameters.reduce((count: number, parameter) => count + tupleLength(parameter), 0);
}

function tupleLength(parameter: unknown): number {
  if (!isNode(parameter) || parameter.type !== "RestElement") return 1;
  const { typeAnnotation } = parameter;
  const type = isNode(typeAnnotation) ? typeAnnotation["typeAnnotation"] : undefined;
  return isNode(type) && Array.isArray(type["elementTypes"]) ? type["elementTypes"].length : 1;
}

function isNode(value: unknown): value is SyntaxNode {
  return typeof value === "object" && value !== null && "type" in value && "loc" in value;
}
