/** The formatter on text with problems, one rule for line endings, and the machines of `via`. */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { format } from "../../../server/src/frontends/knet/format.ts";
import { parse } from "../../../server/src/frontends/knet/parser.ts";
import type { Arg, Block } from "../../../server/src/frontends/knet/tree.ts";
import { renameAt } from "../../../server/src/service/features/navigation.ts";
import { createService } from "../../../server/src/service/service.ts";

/** The tree without positions. */
function shape(text: string): unknown {
  const arg = ({ kind, text: value, items }: Arg): unknown => [kind, items ? items.map(arg) : value];
  const block = ({ statements, problems, closed }: Block): unknown => [
    closed,
    problems.map(({ kind }) => kind),
    statements.map(({ keyword, args, problems: own, block: inner }) => [
      [keyword, ...args].map(arg),
      own.map(({ kind }) => kind),
      inner && block(inner),
    ]),
  ];
  return block(parse(text).root);
}

describe("the formatter keeps the tree of text with problems", () => {
  it.each([
    ["host a ]\n;\n{\n}\n"],
    ['host "a\n;\n{\n}\n'],
    ["host a ]\n; # comment\n# another\n{ b }\n"],
    ["x {\n  host a ]\n  ;\n  {\n  }\n}\n"],
    ["b [\n;\n{\n}\n"],
    ["\ufeffa,#c\n\t;\r{\r"],
  ])("%j", (text) => {
    expect(shape(format(text))).toEqual(shape(text));
  });

  it("whatever the text", () => {
    const parts = [
      "a",
      "b ",
      " ",
      "\n",
      "\n",
      "\r",
      ";",
      ";",
      "{",
      "}",
      "]",
      "[",
      "/* c */",
      "# c\n",
      '"',
      "/*",
      ",",
      "\u0001",
    ];
    const text = fc.array(fc.constantFrom(...parts), { maxLength: 24 }).map((some) => some.join(""));
    fc.assert(
      fc.property(text, (one) => {
        expect(shape(format(one))).toEqual(shape(one));
        expect(format(format(one))).toBe(format(one));
      }),
      { numRuns: 5000 },
    );
  });

  it("in about the time of the parser", () => {
    const text = Array.from({ length: 100_000 }, (_, i) => `host h${i} { attach lan }\n`).join("");
    const timed = (work: () => void): number => {
      const start = performance.now();
      work();
      return performance.now() - start;
    };
    const parsing = timed(() => parse(text));
    // 3 times as long; quadratic time is 70 times as long.
    expect(timed(() => expect(format(text)).toBe(text))).toBeLessThan(25 * parsing + 2000);
  });
});

function findings(text: string): string[] {
  const service = createService({ resolveImport: () => undefined });
  service.setText("a.knet", text);
  const analysis = service.analysisOf("a.knet");
  return (analysis?.findings(() => false) ?? []).map((one) => {
    const span = analysis?.placeOf(one);
    return `${one.code} ${text.slice(span?.start, span?.end)}`;
  });
}

describe("a line ends with LF, CRLF, or CR", () => {
  const suppressed = ["segment b { cidr 10.0.0.0/24 }  # knet-ignore KN012 a test", "host h { attach bad }", ""];
  it.each([["\n"], ["\r\n"], ["\r"]])("for the comment that suppresses the findings of a line: %j", (newline) => {
    // The comment applies to its own line, so the finding of the next line remains.
    expect(findings(suppressed.join(newline))).toEqual(["KN018 # knet-ignore KN012 a test", "KN012 bad"]);
    const same = [
      "segment b { cidr 10.0.0.0/24 }",
      "host h { attach bad }  # knet-ignore KN012 a test",
      "host g { attach b }",
      "",
    ];
    expect(findings(same.join(newline))).toEqual([]);
  });

  it.each([["\n"], ["\r\n"], ["\r"]])("for the end of a block or a string that a fix adds: %j", (newline) => {
    const text = ["segment lan {", "  cidr 10.0.0.0/24", 'import "x', "host h {", "  attach lan", "}", ""].join(
      newline,
    );
    const service = createService({ resolveImport: () => undefined });
    service.setText("a.knet", text);
    const found = service.analysisOf("a.knet")?.findings(() => false) ?? [];
    const inserted = found.flatMap(({ fixes }) =>
      fixes.flatMap(({ edits }) => edits.filter(({ kind }) => kind === "insert")),
    );
    expect(inserted.map((edit) => (edit.kind === "insert" ? text.slice(0, edit.at) : "")).sort()).toEqual(
      [
        ["segment lan {", "  cidr 10.0.0.0/24", ""].join(newline),
        ["segment lan {", "  cidr 10.0.0.0/24", 'import "x'].join(newline),
      ].sort(),
    );
  });
});

describe("`via` names a router, a node, or a host", () => {
  const topology = `segment lan { cidr 10.0.0.0/24; gateway tor }
segment web { cidr 10.0.1.0/24 }
router tor { attach lan 10.0.0.1; attach web 10.0.1.1 }
host far { attach web 10.0.1.2; route default via 10.0.1.1 }
cluster c {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach lan 10.0.0.11 }
  node n2 { attach lan 10.0.0.12 }
  pod db on n1 { labels app=db; listen 80 }
  pod app on n2 { listen 80 }
  service tor { select app=db; port 80 }
}
`;
  const via = (from: string, to: string, station: string): string[] =>
    findings(`${topology}expect ${from} -> ${to} via ${station}\n`).filter((one) => /^KN(?:012|016|70)/.test(one));

  it.each([
    ["app", "db:80", "n1"],
    ["app", "db:80", "c/n1"],
    // Not the service with the name of the router.
    ["n1", "far", "tor"],
    ["n1", "far", "far"],
    ["app", "db:80", "node/n1"],
    ["app", "db:80", "node/c/n1"],
    ["n1", "far", "router/tor"],
    ["n1", "far", "host/far"],
  ])("%s -> %s via %s passes", (from, to, station) => {
    expect(via(from, to, station)).toEqual([]);
  });

  it.each([
    ["db"],
    ["c/default/db"],
    ["web"],
    ["default/tor"],
    ["c"],
    ["pod/db"],
    ["service/tor"],
    ["router/n1"],
    ["node/tor"],
  ])("%s is an error", (name) => {
    expect(via("app", "db:80", name)).toEqual([`KN012 ${name}`]);
  });

  it.each(["tor", "router/tor"])("is renamed with the machine: %s", (station) => {
    const text = `${topology}expect n1 -> far via ${station}\n`;
    const service = createService({ resolveImport: () => undefined });
    service.setText("a.knet", text);
    const analysis = service.analysisOf("a.knet");
    const renamed = analysis && renameAt(analysis, "a.knet", text.indexOf("router tor") + "router ".length, "leaf");
    const edits = renamed && "edits" in renamed ? (renamed.edits.get("a.knet") ?? []) : [];
    expect(edits.map(({ start }) => text.slice(text.lastIndexOf("\n", start) + 1, start)).sort()).toEqual(
      [
        `expect n1 -> far via ${station.slice(0, -"tor".length)}`,
        "router ",
        "segment lan { cidr 10.0.0.0/24; gateway ",
      ].sort(),
    );
  });
});
