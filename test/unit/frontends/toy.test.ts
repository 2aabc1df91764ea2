/** Everything above the front ends works with a second notation: diagnostics, hovers, fixes, renames at their places in JSON. */
import { describe, expect, it } from "vitest";
import { printNetns } from "../../../server/src/dataplane/print.ts";
import type { Document } from "../../../server/src/declared/document.ts";
import type { Analysis } from "../../../server/src/service/analysis.ts";
import { completionsAt } from "../../../server/src/service/features/completion/index.ts";
import { hoverAt } from "../../../server/src/service/features/hover/index.ts";
import { inlayHintsIn } from "../../../server/src/service/features/inlay.ts";
import { definitionAt, referencesAt, renameAt } from "../../../server/src/service/features/navigation.ts";
import { quickFixes } from "../../../server/src/service/features/quickfix.ts";
import { refactoringsAt } from "../../../server/src/service/features/refactor/index.ts";
import { frontEnds } from "../../../server/src/service/front-ends.ts";
import { pulling } from "../../../server/src/service/pull.ts";
import { createService, type Service } from "../../../server/src/service/service.ts";
import type { TextEdit } from "../../../server/src/text/edit.ts";
import { stationsOf } from "../../../server/src/topology/stations.ts";
import { edited } from "../service/support.ts";
import { textsIn } from "../texts.ts";
import { toyFrontEnd, toyText } from "./toy.ts";

/** Opens the first file; the others are on disk. */
function opened(files: Readonly<Record<string, string>>): Service {
  const [file = ""] = Object.keys(files);
  const service = pulling(
    createService({ resolveImport: (_from, path) => path, frontEnds: [toyFrontEnd, ...frontEnds()] }),
    (name) => files[name],
  );
  service.setText(file, files[file] ?? "");
  return service;
}

function analysisOf(service: Service, file: string): Analysis {
  const analysis = service.analysisOf(file);
  if (!analysis) throw new Error("an open file has an analysis");
  return analysis;
}

/** The state of each machine, as text. */
function state({ topology, network }: Analysis): readonly string[] {
  return stationsOf(topology).map(({ path }) => {
    const netns = network.netns(path);
    return `${path}\n${netns ? printNetns(netns, network) : ""}`;
  });
}

const never = (): boolean => false;

/** The findings, each with the text at its place: `KN101 "10.0.0.0/24": …`. */
function findings(analysis: Analysis): readonly string[] {
  return (analysis.findings(never) ?? []).map((one) => {
    const { start = 0, end = 0 } = analysis.placeOf(one) ?? {};
    return `${one.code} ${analysis.fileOf(one.source.file)?.text.slice(start, end)}: ${one.message}`;
  });
}

const NET = `[
  { "segment": { "name": "lan" }, "block": [{ "cidr": { "prefixes": ["10.0.0.0/24"] } }, { "gateway": { "routers": "tor" } }] },
  { "router": { "name": "tor" }, "block": [{ "attach": { "segment": "lan", "addresses": "10.0.0.1" } }] },
  { "host": { "name": "h1" }, "block": [{ "attach": { "segment": "lan", "addresses": ["10.0.0.1"] } }] }
]
`;

describe("a file in a second notation", () => {
  it("has diagnostics at its own places", () => {
    expect(findings(analysisOf(opened({ "net.json": NET }), "net.json"))).toMatchInlineSnapshot(`
      [
        "KN110 "10.0.0.1": duplicate address 10.0.0.1: host \`h1\` and router \`tor\` both use it",
      ]
    `);
  });

  it("has diagnostics of repeated and missing statements", () => {
    const text = NET.replace(
      '{ "cidr": { "prefixes": ["10.0.0.0/24"] } }',
      '{ "mtu": { "value": "1400" } }, { "mtu": { "value": "1500" } }',
    );
    const analysis = analysisOf(opened({ "net.json": text }), "net.json");
    expect(findings(analysis).filter((one) => /^KN0/.test(one))).toMatchInlineSnapshot(`
      [
        "KN011 "segment": a \`segment\` block requires a \`cidr\` statement",
        "KN008 "mtu": \`mtu\` is set twice in a \`segment\` block; the first value is used",
      ]
    `);
  });

  it("has faults of its own syntax", () => {
    expect(findings(analysisOf(opened({ "net.json": `[{ "segment": ]` }), "net.json"))).toMatchInlineSnapshot(`
      [
        "KN001 ]: unexpected \`]\`; remove it, or enclose the text in double quotes",
      ]
    `);
  });

  it("has hovers", () => {
    const analysis = analysisOf(opened({ "net.json": NET }), "net.json");
    const hoverOn = (text: string, inside = 1): string => {
      const found = hoverAt(analysis, "net.json", NET.indexOf(text) + inside);
      return found ? `${NET.slice(found.span.start, found.span.end)}\n${found.markdown}` : "";
    };
    expect(hoverOn("gateway")).toContain("**gateway**");
    expect(hoverOn("10.0.0.0/24")).toMatchInlineSnapshot(`
      ""10.0.0.0/24"
      **10.0.0.0/24** · 256 addresses, 10.0.0.0 – 10.0.0.255, hosts 10.0.0.1 – 10.0.0.254

      - segment \`lan\`: 1 of 254 used
      - next free: 10.0.0.2

      Prefixes of the segment, of either address family (\`cidr\`)"
    `);
    expect(hoverOn("tor")).toMatchInlineSnapshot(`
      "tor
      **router** \`tor\`

      - \`eth0\` on segment \`lan\` 10.0.0.1/24, MTU 1500

      \`\`\`text
      # ip route
      10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1
      \`\`\`"
    `);
    expect(hoverOn(`"attach"`, 2)).toMatchInlineSnapshot(`
      ""attach"
      **attach** · An interface on a segment

      Interfaces are named eth0, eth1, … in the order of the \`attach\` statements. An address without a prefix length has the length of the segment prefix that contains it. Without an address, the machine is assigned the next free host address of the segment, in declaration order; if the segment's only router is attached without an address, it is assigned the \`gateway\` address. In a node pool (\`nodes w 1..50\`), the address belongs to the first node, the next address to the second node, and so on.

      In the kernel of \`tor\`:

      - device \`eth0\` with 10.0.0.1/24, MTU 1500
      - 1 route: 10.0.0.1/24 is an address of eth0

      \`\`\`text
      10.0.0.0/24 dev eth0 proto kernel scope link src 10.0.0.1
      \`\`\`"
    `);
    expect(hoverOn("]")).toBe("");
  });

  it("has definitions, references, and renames, also across notations", () => {
    const files = { "main.knet": 'import "net.json"\nhost h2 { attach lan }\n', "net.json": NET };
    const analysis = analysisOf(opened(files), "main.knet");
    const texts: Record<string, string> = files;
    const shown = ({ file, span }: { file: string; span: { start: number; end: number } }): string =>
      `${file} ${texts[file]?.slice(span.start - 1, span.end + 1).trim()}`;
    const from = files["main.knet"].indexOf("lan") + 1;
    expect(definitionAt(analysis, "main.knet", from).map(({ file, name }) => shown({ file, span: name }))).toEqual([
      'net.json "lan"',
    ]);
    expect(referencesAt(analysis, "net.json", NET.indexOf("lan") + 1, true).map(shown)).toEqual([
      'net.json "lan"',
      "main.knet lan",
      'net.json "lan"',
      'net.json "lan"',
    ]);
    const renaming = renameAt(analysis, "main.knet", from, "rack");
    const edits: ReadonlyMap<string, readonly TextEdit[]> = "edits" in renaming ? renaming.edits : new Map();
    expect([...edits].map(([file, own]) => edited(texts[file] ?? "", own))).toMatchInlineSnapshot(`
      [
        "[
        { "segment": { "name": "rack" }, "block": [{ "cidr": { "prefixes": ["10.0.0.0/24"] } }, { "gateway": { "routers": "tor" } }] },
        { "router": { "name": "tor" }, "block": [{ "attach": { "segment": "rack", "addresses": "10.0.0.1" } }] },
        { "host": { "name": "h1" }, "block": [{ "attach": { "segment": "rack", "addresses": ["10.0.0.1"] } }] }
      ]
      ",
        "import "net.json"
      host h2 { attach rack }
      ",
      ]
    `);
  });

  it("has the fixes that it can express, as edits of its own text", () => {
    const text = NET.replace("10.0.0.0/24", "10.0.0.5/24");
    const analysis = analysisOf(opened({ "net.json": text }), "net.json");
    const fixes = quickFixes(analysis, "net.json", { start: 0, end: text.length }, never);
    const shown = fixes.map(({ title, edits }) => {
      const own = edits.get("net.json") ?? [];
      return `${title}: ${own.map((edit) => `${text.slice(edit.start, edit.end)} → ${edit.text}`).join()}`;
    });
    expect(shown).toMatchInlineSnapshot(`
      [
        "Change to 10.0.0.0/24: "10.0.0.5/24" → "10.0.0.0/24"",
      ]
    `);
  });

  it("is not offered a fix that it cannot express", () => {
    const segment = "segment lan { cidr 10.0.0.0/24; gateway tor }\nsegment wan { cidr 10.0.1.0/24 }\n";
    const knet = `${segment}router tor { attach wan 10.0.1.1 }\nhost h1 { attach lan 10.0.0.5 }\n`;
    const before = analysisOf(opened({ "net.knet": knet }), "net.knet");
    const titles = (analysis: Analysis, file: string): readonly string[] =>
      quickFixes(analysis, file, { start: 0, end: 10_000 }, never).map(({ title }) => title);
    expect(titles(before, "net.knet")).toEqual(["Attach router `tor` to segment `lan`", "Suppress KN124 here"]);
    const text = toyText(before.files[0]?.decls ?? []);
    const analysis = analysisOf(opened({ "net.json": text }), "net.json");
    expect(findings(analysis).map((one) => one.split(" ")[0])).toEqual(["KN124"]);
    expect(titles(analysis, "net.json")).toEqual([]);
  });

  it("changes with edits", () => {
    const service = opened({ "net.json": NET });
    const at = NET.lastIndexOf("10.0.0.1");
    service.edit("net.json", [
      { start: 0, end: 0, text: "\n" },
      { start: at + 1, end: at + 9, text: "10.0.0.7" },
    ]);
    expect(service.textOf("net.json")).toBe(`\n${NET.slice(0, at)}10.0.0.7${NET.slice(at + 8)}`);
    expect(findings(analysisOf(service, "net.json"))).toEqual([]);
  });

  it("imports and is imported", () => {
    const files = {
      "main.json": `[{ "import": { "path": "more.knet" } }, { "host": { "name": "h2" }, "block": [{ "attach": { "segment": "lan" } }] }]`,
      "more.knet": 'import "net.json"\nimport "missing.json"\n',
      "net.json": NET,
    };
    const analysis = analysisOf(opened(files), "main.json");
    expect(analysis.files.map(({ file, language }) => `${file} ${language}`)).toEqual([
      "main.json toy",
      "more.knet knet",
      "net.json toy",
    ]);
    expect(findings(analysis).map((one) => one.slice(0, 40))).toMatchInlineSnapshot(`
      [
        "KN015 "missing.json": \`missing.json\` can",
        "KN110 "10.0.0.1": duplicate address 10.0",
      ]
    `);
  });

  it("has no features that present or edit `.knet` text", () => {
    const analysis = analysisOf(opened({ "net.json": NET }), "net.json");
    const all = { start: 0, end: NET.length };
    for (let offset = 0; offset < NET.length; offset++) {
      expect(completionsAt(analysis, "net.json", offset, { importable: () => [] }).items).toEqual([]);
      expect(refactoringsAt(analysis, "net.json", { start: offset, end: offset }, never)).toEqual([]);
    }
    expect(inlayHintsIn(analysis, "net.json", all, { addresses: true, mtu: true, defaults: true })).toEqual([]);
  });
});

describe("samples", () => {
  it.each(textsIn("samples"))("$name as JSON has the same state on every node", ({ text }) => {
    const before = analysisOf(opened({ "main.knet": text }), "main.knet");
    const [document] = before.files as readonly [Document];
    const after = analysisOf(opened({ "main.json": toyText(document.decls) }), "main.json");
    // The comments that suppress findings are lost.
    const suppressed = new Set(document.silences().flatMap(({ codes }) => codes));
    const messages = (analysis: Analysis): readonly string[] =>
      (analysis.findings(never) ?? [])
        .filter(({ code }) => !suppressed.has(code))
        .map(({ code, message }) => `${code} ${message}`)
        .sort();
    expect(messages(after)).toEqual(messages(before));
    expect(state(after)).toEqual(state(before));
  });
});
