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

/* ------------------------------------------------------------ random edits */

/** Nodes with every kind of setting, and all that refers to nodes and workloads. */
const settled = `segment a { cidr 10.0.0.0/24; gateway 10.0.0.1; mtu 1500 }
segment b { cidr 10.0.1.0/24 }
segment e { cidr 10.0.2.0/24 }
router r { attach a 10.0.0.1; attach b 10.0.1.1; attach e; sysctl net.ipv4.ip_forward 1 }
host h { attach a 10.0.0.99; sysctl net.ipv4.ip_forward 0 }
cluster c {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/24
  cni flannel { backend vxlan { vni 1; port 8472 } }
  kube-proxy iptables { masquerade-all false }
  node n1 { attach a 10.0.0.11; pod-cidr 10.244.1.0/24; labels rack=a; sysctl net.ipv4.ip_forward 1 }
  node n2 { attach b 10.0.1.12; pod-cidr 10.244.2.0/24; labels rack=b disk=ssd; sysctl net.ipv4.conf.all.rp_filter 1 }
  node n3 { attach a 10.0.0.13 { mtu 1400 }; pod-cidr 10.244.3.0/24; labels rack=a; deny from 10.0.1.0/24 }
  node n4 { attach b 10.0.1.14; attach a 10.0.0.14; route 10.66.0.0/16 via 10.0.1.1; daemon d { listen 9 } }
  node n5 { attach e; labels rack=c }
  nodes w 1..3 { attach b 10.0.1.20; labels rack=b }
  namespace shop {
    labels team=one
    deployment web replicas 4 { listen 80 as http; labels app=web }
    deployment api replicas 3 { listen 90; labels app=api tier=back }
    pod one on n2 { address 10.244.2.40; labels app=web }
    daemonset agent { labels app=agent; host-network; listen 91 }
    service web { select app=web; port 80 -> http }
    service api { type node-port; select app=api; port 90; node-port 31000 }
    service none { select app=none; port 90; cluster-ip 10.96.0.77 }
    policy p { select app=web; ingress from app=api to 80 }
  }
}
`;

/** Nodes that get addresses or blocks only after the pods have been placed. */
const claiming = `segment a { cidr 10.0.0.0/24 }
router r { attach a 10.0.0.1 }
cluster d {
  cni calico { pool racks 10.200.0.0/16 { block-size /26; node-selector rack=a } }
  node m1 { attach a 10.0.0.31; labels rack=a }
  node m2 { attach a 10.0.0.32; labels rack=b }
  nodes w 1..2 { attach a; labels rack=a }
  deployment z replicas 200
  pod one on m1 { address 10.200.0.5 }
}
`;

/** The words that can replace each other. */
const WORDS: readonly (readonly string[])[] = [
  ["rack=a", "rack=b", "rack=c", "disk=ssd", "app=web", "app=api", "app=none", "tier=back", "team=one", "team=two"],
  ["net.ipv4.ip_forward", "net.ipv4.conf.all.rp_filter", "net.ipv4.conf.eth0.rp_filter"],
  ["labels", "select"],
  ["vxlan", "host-gw", "ipip"],
  ["flannel", "bridge", "calico", "none"],
  ["iptables", "nftables", "ipvs"],
  ["node-port", "load-balancer", "cluster-ip"],
  ["true", "false"],
  ["n1", "n2", "n3", "n5", "w2", "nowhere"],
  ["allow", "deny"],
  ["attach a", "attach b", "attach nowhere"],
  ["10.0.0.11", "10.0.0.12", "10.0.0.1", "10.0.0.99", "10.0.1.12", "10.9.9.9", ""],
  ["10.244.1.0/24", "10.244.2.0/24", "10.244.9.0/24", "10.250.1.0/24"],
  ["10.0.0.0/24", "10.0.0.0/28", "10.0.4.0/24"],
  ["1400", "1500", "9000"],
];

const ALL_WORDS = WORDS.flat().filter((word) => word !== "");

/** Replaces a word by one of its alternatives. */
const replacement = fc
  .record({ word: fc.constantFrom(...ALL_WORDS), at: fc.nat(), by: fc.nat() })
  .map(({ word, at, by }) => (now: string): TextEdit | undefined => {
    const places = [...now.matchAll(new RegExp(`(?<![\\w.-])${word.replaceAll(".", "\\.")}(?![\\w.-])`, "g"))];
    const start = places[at % Math.max(1, places.length)]?.index;
    const others = WORDS.find((words) => words.includes(word)) ?? [];
    const made = others[by % others.length];
    return start === undefined || made === undefined ? undefined : { start, end: start + word.length, text: made };
  });

/** Changes a digit. */
const digit = fc.record({ at: fc.nat(), by: fc.nat(9) }).map(({ at, by }) => (now: string): TextEdit | undefined => {
  const places = [...now.matchAll(/(?<![a-z])\d/g)];
  const start = places[at % Math.max(1, places.length)]?.index;
  return start === undefined ? undefined : { start, end: start + 1, text: String(by) };
});

/** Removes, duplicates, or moves down a statement of one line, or adds one. */
const LINES = [
  "node x { attach a 10.0.0.77 }",
  "sysctl net.ipv4.ip_forward 0",
  "labels rack=z",
  "attach b",
  "mtu 1300",
];
const line = fc
  .record({ at: fc.nat(), kind: fc.constantFrom("less", "twice", "down", "new", "blank"), by: fc.nat() })
  .map(({ at, kind, by }) => (now: string): TextEdit => {
    const lines = now.split("\n");
    const index = at % lines.length;
    const start = lines.slice(0, index).join("\n").length + (index > 0 ? 1 : 0);
    const own = `${lines[index]}\n`;
    const end = Math.min(now.length, start + own.length);
    if (kind === "less") return { start, end, text: "" };
    if (kind === "blank") return { start, end: start, text: "\n" };
    if (kind === "twice") return { start, end: start, text: own };
    if (kind === "new") return { start, end: start, text: `${LINES[by % LINES.length]}\n` };
    const next = `${lines[index + 1] ?? ""}\n`;
    return { start, end: Math.min(now.length, end + next.length), text: next + own };
  });

const edits = fc.array(
  fc.oneof({ weight: 4, arbitrary: replacement }, { weight: 2, arbitrary: digit }, { weight: 2, arbitrary: line }),
  { minLength: 1, maxLength: 8 },
);

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
