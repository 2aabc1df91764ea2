/** The house: which floor may know which, held by reading the imports. CONTRIBUTING.md says why. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, posix } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));

interface Import {
  readonly from: string;
  /** A path from the root of the repository, or the name of a package. */
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

/** "topology" of server/src/topology/build.ts; the file itself where it lies on no floor. */
function floorOf(path: string): string {
  const inside = path.replace(/^server\/src\//, "");
  return inside.includes("/") && inside !== path ? (inside.split("/")[0] ?? "") : path;
}
const shown = ({ from, to }: Import): string => `${from} → ${to}`;

const VERSION = "server/src/version.ts";
const BUNDLES = "server/src/bundles.ts";
/** What each floor may know besides itself; a path ends what is allowed to that file. */
const MAY_KNOW: Readonly<Record<string, readonly string[]>> = {
  text: [],
  addressing: ["text"],
  language: ["text", "addressing"],
  topology: ["text", "addressing", "language"],
  dataplane: ["text", "addressing", "server/src/language/tree.ts"],
  cni: ["text", "addressing", "language", "topology", "dataplane"],
  kubernetes: ["text", "addressing", "language", "topology", "dataplane", "cni"],
  trace: ["text", "addressing", "language", "topology", "dataplane", "cni", "kubernetes"],
  lab: ["text", "addressing", "dataplane", "server/src/trace/schema.ts"],
  checks: ["text", "addressing", "language", "topology", "dataplane", "cni", "kubernetes", "trace"],
  service: ["text", "addressing", "language", "topology", "dataplane", "cni", "kubernetes", "trace", "checks"],
  lsp: [
    "text",
    "addressing",
    "language",
    "topology",
    "dataplane",
    "cni",
    "kubernetes",
    "trace",
    "checks",
    "service",
    VERSION,
    BUNDLES,
  ],
  cli: [
    "text",
    "addressing",
    "language",
    "topology",
    "dataplane",
    "cni",
    "kubernetes",
    "trace",
    "lab",
    "checks",
    "service",
    VERSION,
    BUNDLES,
  ],
};
/** `knet lsp` starts the other shell. */
const SHELL_TO_SHELL = ["server/src/cli/main.ts → server/src/lsp/start.ts"];
const SHELLS = ["lsp", "cli"];

describe("imports", () => {
  it("are all found", () => {
    expect(server.length).toBeGreaterThan(100);
    expect(serverImports.length).toBeGreaterThan(500);
    const lost = [...serverImports, ...clientImports].filter(({ to }) => !/^[@\w./:-]+$/.test(to));
    expect(lost.map(shown)).toEqual([]);
  });

  it("of every floor are known here", () => {
    const floors = new Set(server.map(floorOf).filter((floor) => floor !== VERSION && floor !== BUNDLES));
    expect([...floors].sort()).toEqual(Object.keys(MAY_KNOW).sort());
  });

  it.each(Object.entries(MAY_KNOW))("of %s point down", (floor, known) => {
    const wrong = serverImports
      .filter(({ from, to }) => floorOf(from) === floor && to.startsWith("server/"))
      .filter(({ to }) => floorOf(to) !== floor && !known.includes(floorOf(to)) && !known.includes(to))
      .map(shown);
    expect(wrong.filter((one) => !SHELL_TO_SHELL.includes(one))).toEqual([]);
  });

  it("leave the server only for the package's own manifest", () => {
    const outside = serverImports.filter(({ to }) => /^(client|test|scripts|package)\b.*[/.]/.test(to));
    expect(outside.map(shown)).toEqual([`${VERSION} → package.json`]);
  });

  it("of the client reach the protocol, the trace's schema and its layout", () => {
    const allowed = [
      "server/src/lsp/protocol.ts",
      "server/src/trace/schema.ts",
      "server/src/trace/layout.ts",
      "server/src/text/l10n.ts",
      "server/src/text/words.ts",
    ];
    const reached = clientImports.filter(({ to }) => to.startsWith("server/") && !allowed.includes(to));
    expect(reached.map(shown)).toEqual([]);
  });

  it("of the panel know no editor and no machine", () => {
    const wrong = clientImports.filter(
      ({ from, to }) => from.startsWith("client/webview/") && /^(node:|vscode|client\/src\/)/.test(to),
    );
    expect(wrong.map(shown)).toEqual([]);
  });

  it("go round in no circle of folders", () => {
    const known = new Map<string, Set<string>>();
    for (const { from, to } of serverImports) {
      if (!to.startsWith("server/") || floorOf(from) === floorOf(to)) continue;
      known.set(floorOf(from), (known.get(floorOf(from)) ?? new Set()).add(floorOf(to)));
    }
    const circles: string[] = [];
    const walk = (floor: string, way: readonly string[]): void => {
      if (way.includes(floor)) {
        circles.push([...way.slice(way.indexOf(floor)), floor].join(" → "));
        return;
      }
      for (const next of known.get(floor) ?? []) walk(next, [...way, floor]);
    };
    for (const floor of known.keys()) walk(floor, []);
    expect([...new Set(circles)]).toEqual([]);
  });
});

describe("the core", () => {
  const core = server.filter((path) => !SHELLS.includes(floorOf(path)) && path !== BUNDLES);

  it("imports neither Node nor an editor", () => {
    const wrong = serverImports.filter(({ from, to }) => core.includes(from) && /^(node:|vscode)/.test(to));
    expect(wrong.map(shown)).toEqual([]);
  });

  it("uses no clock, no chance, no process and no network", () => {
    const edge =
      /\b(?:Date\.now|new Date|performance\.now|Math\.random|process\.(?:env|argv|cwd|exit|std\w+|hrtime|memoryUsage)\b|console\.|fetch\(|setTimeout|setInterval)/;
    const wrong = core.flatMap((path) =>
      code(read(path))
        .split("\n")
        .filter((line) => edge.test(line))
        .map((line) => `${path}: ${line.trim()}`),
    );
    expect(wrong).toEqual([]);
  });

  it("has no classes but those that a library or `throw` needs", () => {
    // The agent of labs is the text of a Python program.
    const looked = server.filter((path) => path !== "server/src/lab/agent-probes.ts");
    const classes = looked.filter((path) => /^(?:export )?(?:abstract )?class \w/m.test(code(read(path))));
    expect(classes).toEqual(["server/src/cli/errors.ts", "server/src/language/parser.ts"]);
  });
});

describe("what a mode does", () => {
  /** The words by which a file names a mode. "bridge" and "none" are also words of the kernel and are left out. */
  const NAMES = ["flannel", "docker", "host-gw"];
  /** Files elsewhere that name one, each with its reason. */
  const MAY_NAME: ReadonlyMap<string, string> = new Map([
    [
      "server/src/checks/addresses/plan.ts",
      "docker0 is a range beside the pods' ranges, and docker's is the pods' own",
    ],
    ["server/src/checks/addresses/free.ts", "docker0 is written as the bridge's address"],
    ["server/src/checks/addresses/node-ranges.ts", "with docker every node has the same range; KN140 says so"],
    ["server/src/checks/reachability/peers-off-link.ts", "offers the backend that mends it"],
    ["server/src/checks/reachability/flannel-no-ipv6.ts", "its example"],
    ["server/src/service/features/ranges.ts", "docker0 as a kind of range"],
  ]);

  it("is known to cni/ and to the schema alone", () => {
    const naming = server
      .filter((path) => !path.startsWith("server/src/cni/") && !path.startsWith("server/src/language/schema/"))
      .filter((path) => NAMES.some((name) => new RegExp(`(["'\`])${name}\\1`).test(code(read(path)))));
    expect(naming.filter((path) => !MAY_NAME.has(path))).toEqual([]);
    expect([...MAY_NAME.keys()].filter((path) => !naming.includes(path))).toEqual([]);
  });
});

/** Without comments, which may say anything. A line whose string holds two slashes keeps them where a colon stands before. */
function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, "").replace(/(^|[^:"'`])\/\/.*$/gm, "$1");
}
