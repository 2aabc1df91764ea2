/** Large statements are split for semantic tokens and folds: the result is the same as for the whole text. */

import { expect, it } from "vitest";
import { tokenize } from "../../../server/src/frontends/knet/tokens.ts";
import { foldsOf } from "../../../server/src/service/features/folding.ts";
import { semanticTokens } from "../../../server/src/service/features/tokens.ts";
import { knetFile } from "../../../server/src/service/knet.ts";
import { fixture } from "./support.ts";

const nodes = Array.from(
  { length: 100 },
  (_, n) => `  # node ${n}
  # is here
  node n${n} { attach lan 10.0.0.${n + 2} } // and ends
  pod p${n} on n${n} {  /* of one
    or two lines */
    labels [
      app=p${n} # a list
    ]
  }
`,
).join("");
const LARGE = `# first\n# second\nsegment lan { cidr 10.0.0.0/24 }\ncluster prod { # many\n${nodes}  # last\n  # of all\n}\n# end\n`;

it("every comment line has exactly one token, in order", () => {
  const { analysis, file } = fixture(LARGE);
  const checked = knetFile(analysis, file);
  const tokens = checked ? semanticTokens(checked, undefined) : [];
  const shown = (start: number, length: number): string => `${start} ${LARGE.slice(start, start + length)}`;
  const expected = tokenize(LARGE)
    .filter(({ kind }) => kind === "comment")
    .flatMap(({ start, text }) => {
      let at = start;
      return text.split("\n").map((line) => {
        const here = shown(at, line.length);
        at += line.length + 1;
        return here;
      });
    });
  const comments = tokens.filter(({ type }) => type === "comment");
  expect(comments.map(({ start, length }) => shown(start, length))).toEqual(expected);
  for (const [index, { start }] of tokens.entries()) {
    const before = tokens[index - 1];
    if (before) expect(start).toBeGreaterThanOrEqual(before.start + before.length);
  }
  expect(tokens.filter(({ type, modifier }) => type === "class" && modifier === "declaration").length).toBe(100);
});

it("every block, list, and run of comments folds at any position", () => {
  const { analysis, file } = fixture(LARGE);
  const tree = knetFile(analysis, file)?.tree;
  const line = (offset: number): string => LARGE.slice(LARGE.lastIndexOf("\n", offset - 1) + 1).split("\n", 1)[0] ?? "";
  const folds = (tree ? foldsOf(tree) : []).map(({ start, kind }) => `${kind}: ${line(start).trim()}`);
  expect(folds.slice(0, 6)).toEqual([
    "comment: # first",
    "block: cluster prod { # many",
    "comment: # node 0",
    "block: pod p0 on n0 {  /* of one",
    "comment: pod p0 on n0 {  /* of one",
    "block: labels [",
  ]);
  expect(folds.length).toBe(2 + 4 * 100 + 1);
  expect(folds.at(-1)).toBe("comment: # last");
});

it("statements far from an edit are not recomputed", () => {
  const { service, analysis, file } = fixture(LARGE);
  const before = analysis.fileOf(file)?.decls[1]?.children;
  service.edit(file, [{ start: LARGE.indexOf("10.0.0.50"), end: LARGE.indexOf("10.0.0.50"), text: " " }]);
  const edited = service.analysisOf(file);
  const after = edited && knetFile(edited, file);
  // Tokens and folds are cached by these keys.
  const children = after?.decls[1]?.children ?? [];
  expect(children.filter((child, index) => child !== before?.[index]).length).toBe(1);
  const fresh = fixture(after?.tree.text ?? "");
  const checked = knetFile(fresh.analysis, fresh.file);
  if (!after || !checked) throw new Error("both texts must be analyzed");
  expect(semanticTokens(after, undefined)).toEqual(semanticTokens(checked, undefined));
  expect(foldsOf(after.tree)).toEqual(foldsOf(checked.tree));
});
