/** A build with the results of earlier builds returns the same topology as a build without them. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { modeAddressing } from "../../../server/src/cni/modes.ts";
import { type DecodeCache, decodeCache, decodeFile } from "../../../server/src/frontends/knet/decode.ts";
import { type KnetDocument, knetDocument } from "../../../server/src/frontends/knet/document.ts";
import { reparse } from "../../../server/src/frontends/knet/incremental.ts";
import { parse } from "../../../server/src/frontends/knet/parser.ts";
import type { SyntaxTree } from "../../../server/src/frontends/knet/tree.ts";
import type { TextEdit } from "../../../server/src/text/edit.ts";
import { buildTopology, type TopologyMemo } from "../../../server/src/topology/build.ts";
import { claiming, edits, settled } from "./edits.ts";
import { plain } from "./plain.ts";

function built(tree: SyntaxTree, decls: DecodeCache, memo: TopologyMemo): unknown {
  const document: KnetDocument = knetDocument("a", tree, decls);
  return plain(buildTopology([document], modeAddressing, memo), [document]);
}

/** Types edits one after the other and compares each result with a new build. */
function typist(text: string): (edit: (text: string) => TextEdit | undefined) => void {
  const decls = decodeCache();
  const memo: TopologyMemo = new Map();
  let tree = parse(text);
  built(tree, decls, memo);
  return (edit) => {
    const made = edit(tree.text);
    if (made === undefined) return;
    tree = reparse(tree, made);
    const [cached, fresh] = [built(tree, decls, memo), built(parse(tree.text), decodeCache(), new Map())];
    // Comparing texts is faster; comparing the objects shows the difference.
    if (JSON.stringify(cached) !== JSON.stringify(fresh)) expect(cached, tree.text).toEqual(fresh);
  };
}

const text = `segment lan { cidr 10.0.0.0/24 }
router r { attach lan }
cluster c {
  cni bridge
  pods 10.244.0.0/16
  node n1 { attach lan; labels a=b }
  nodes w 1..3 { attach lan }
  pod p on n1 { listen 80 }
  deployment d replicas 5
}
`;

describe("a build with a memo", () => {
  it.each([
    ["attach lan; labels", "attach lan 10.0.0.9; labels"],
    ["a=b", "a=c"],
    ["1..3", "1..4"],
    ["p on n1", "p on w2"],
    ["10.0.0.0/24", "10.0.0.0/29"],
    ["listen 80", "listen 81"],
    ["replicas 5", "replicas x"],
  ])("is the same as a build without a memo: %s → %s", (from, to) => {
    typist(text)((now) => ({ start: now.indexOf(from), end: now.indexOf(from) + from.length, text: to }));
  });

  it("joins several files in order", () => {
    const files = [
      "cluster c { pods 10.244.0.0/16; node n { attach lan } }\nexpect c/n -> r reachable\n",
      "segment lan { cidr 10.0.0.0/24 }\nsegment lan { cidr 10.9.0.0/24 }\nrouter r { attach lan }\n",
    ].map((content, index) => ({ file: `file${index}`, decls: decodeFile(parse(content)) }));
    const topology = buildTopology(files, modeAddressing);
    expect(topology.problems.map(({ code, source }) => [code, source.file])).toEqual([["KN013", "file1"]]);
    expect(topology.attachedTo("lan").map(({ station, source }) => [station.path, source.file])).toEqual([
      ["c/n", "file0"],
      ["r", "file1"],
    ]);
  });
});

describe("builds after random edits", () => {
  it.each([
    ["allocated", settled, 150],
    ["claimed", claiming, 40],
  ])(
    "of labels, selectors, sysctls, and settings equal new builds if ranges are %s",
    { timeout: 120_000 },
    (_, start, numRuns) => {
      fc.assert(
        fc.property(edits, (made) => {
          const type = typist(start);
          for (const edit of made) type(edit);
        }),
        { numRuns },
      );
    },
  );

  const folder = fileURLToPath(new URL("../../../samples/", import.meta.url));
  it.each(readdirSync(folder).filter((name) => name.endsWith(".knet")))("of %s equal new builds", (name) => {
    const sample = readFileSync(`${folder}${name}`, "utf8");
    fc.assert(
      fc.property(edits, (made) => {
        const type = typist(sample);
        for (const edit of made) type(edit);
      }),
      { numRuns: 4 },
    );
  });
});
