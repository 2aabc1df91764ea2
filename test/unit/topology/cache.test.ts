import { describe, expect, it } from "vitest";
import { modeAddressing } from "../../../server/src/cni/modes.ts";
import { decodeCache, decodeFile } from "../../../server/src/frontends/knet/decode.ts";
import { reparse } from "../../../server/src/frontends/knet/incremental.ts";
import { parse } from "../../../server/src/frontends/knet/parser.ts";
import { buildTopology } from "../../../server/src/topology/build.ts";
import type { Topology } from "../../../server/src/topology/model.ts";
import { topologyCache } from "../../../server/src/topology/stages.ts";

/** Objects kept between builds, or used as keys of kept objects. */
const KEPT: ReadonlySet<string> = new Set(["machines", "identity"]);

/** The contents of a topology without source positions. */
function plain(topology: Topology): string {
  const pods = topology.clusters.map((cluster) => cluster.nodes.map((node) => [...cluster.pods.podsOn(node)]));
  return JSON.stringify([topology, [...topology.segments.values()], pods], (key, value: unknown) =>
    KEPT.has(key) || key === "source" || key === "decl" || key === "related" || key.endsWith("Sources")
      ? undefined
      : typeof value === "bigint"
        ? `${value}n`
        : value,
  );
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

describe("a build with a cache", () => {
  it.each([
    ["attach lan; labels", "attach lan 10.0.0.9; labels"],
    ["1..3", "1..4"],
    ["p on n1", "p on w2"],
    ["10.0.0.0/24", "10.0.0.0/29"],
    ["listen 80", "listen 81"],
    ["replicas 5", "replicas x"],
  ])("is the same as a build without a cache: %s → %s", (from, to) => {
    const decls = decodeCache();
    const cache = topologyCache();
    const tree = parse(text);
    buildTopology([{ file: "a", decls: decodeFile(tree, decls) }], modeAddressing, cache);
    const start = text.indexOf(from);
    const edited = reparse(tree, { start, end: start + from.length, text: to });
    const cached = buildTopology([{ file: "a", decls: decodeFile(edited, decls) }], modeAddressing, cache);
    const fresh = buildTopology([{ file: "a", decls: decodeFile(parse(text.replace(from, to))) }], modeAddressing);
    expect(plain(cached)).toBe(plain(fresh));
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
