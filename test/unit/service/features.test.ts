import { describe, expect, it } from "vitest";
import type { Decl } from "../../../server/src/declared/decl.ts";
import type { Finding } from "../../../server/src/findings/finding.ts";
import type { Fix } from "../../../server/src/fixes/fix.ts";
import { endpointAt, endpointsOf } from "../../../server/src/service/features/endpoints.ts";
import { fixEdits, provenFixes } from "../../../server/src/service/features/fixes.ts";
import { foldsOf, selectionsAt } from "../../../server/src/service/features/folding.ts";
import {
  definitionAt,
  highlightsAt,
  referencesAt,
  renamableAt,
  renameAt,
} from "../../../server/src/service/features/navigation.ts";
import { findSymbols, type OutlineItem, outlineOf } from "../../../server/src/service/features/outline.ts";
import { semanticTokens } from "../../../server/src/service/features/tokens.ts";
import { knetFile } from "../../../server/src/service/knet.ts";
import { at, CURSOR, fixture, marked, SHOP } from "./support.ts";

const DNS = `segment lan { cidr 10.0.0.0/24 }
cluster prod {
  pods 10.244.0.0/16
  cni flannel { backend vxlan }
  node n1 { attach lan }
  node n2 { attach lan }
  namespace shop {
    pod web on n1 { listen 80/tcp }
    daemonset agent { listen 80/tcp }
    statefulset db replicas 2 {
      labels app=db
      listen 5432/tcp
    }
    service db {
      type headless
      select app=db
      port 5432
    }
  }
}
`;

/** The lines with a mark. */
function markedLines(text: string, spans: readonly { start: number; end: number }[]): readonly string[] {
  return marked(text, spans)
    .split("\n")
    .filter((line) => line.includes("["))
    .map((line) => line.trim());
}

describe("definition", () => {
  const define = (text: string): readonly string[] => {
    const one = fixture(text);
    return definitionAt(one.analysis, one.file, one.offset).map(
      ({ name, full }) => one.text.slice(full.start, full.end).split("\n")[0] ?? one.text.slice(name.start, name.end),
    );
  };
  it("of names, parts of paths, members of pools, pods of deployments", () => {
    expect(define(at("attach rack-b 10.168.1.3", 8))).toEqual(["segment rack-b {"]);
    expect(define(at("shop/web ->", 1))).toEqual(["namespace shop {"]);
    expect(define(at("shop/web ->", 6))).toEqual(["pod web on n1 {"]);
    expect(define(at("api-0:9090", 1))).toEqual(["deployment api replicas 3 {"]);
    expect(define(`${SHOP}expect w${CURSOR}17 -> laptop reachable`)).toEqual(["nodes w 1..50 { attach rack-a }"]);
    expect(define(`${SHOP}expect w1${CURSOR}7 -> laptop reachable`)).toEqual(["nodes w 1..50 { attach rack-a }"]);
    expect(define(`${SHOP}expect laptop -> api-${CURSOR}2 reachable`)).toEqual(["deployment api replicas 3 {"]);
    expect(define(`${SHOP}expect w${CURSOR}51 -> laptop reachable`)).toEqual([]);
    expect(define(`${SHOP}expect prod/shop/web/ngi${CURSOR}nx -> laptop reachable`)).toEqual([
      "container nginx { listen 8080/tcp }",
    ]);
  });
  it("of each label of a cluster DNS name", () => {
    expect(define(`${DNS}expect web -> d${CURSOR}b-1.db.shop:5432 reachable`)).toEqual(["statefulset db replicas 2 {"]);
    expect(define(`${DNS}expect web -> db-1.d${CURSOR}b.shop:5432 reachable`)).toEqual(["service db {"]);
    expect(define(`${DNS}expect web -> db-1.db.sh${CURSOR}op:5432 reachable`)).toEqual(["namespace shop {"]);
    expect(define(`${DNS}expect web -> d${CURSOR}b.shop.svc.cluster.local:5432 reachable`)).toEqual(["service db {"]);
    expect(define(`${DNS}expect web -> db.shop.s${CURSOR}vc:5432 reachable`)).toEqual([]);
    expect(define(`${DNS}expect web -> 10-244-0-2.sh${CURSOR}op.pod:5432 reachable`)).toEqual(["namespace shop {"]);
    expect(define(`${DNS}expect web -> db-1.x${CURSOR}x.shop:5432 reachable`)).toEqual([]);
    expect(define(`${DNS}expect web -> d${CURSOR}b-1.xx.shop:5432 reachable`)).toEqual([]);
  });
  it("of a DaemonSet pod and its node", () => {
    expect(define(`${DNS}expect web -> age${CURSOR}nt-n1:80 reachable`)).toEqual(["daemonset agent { listen 80/tcp }"]);
    expect(define(`${DNS}expect web -> agent-n${CURSOR}1:80 reachable`)).toEqual(["node n1 { attach lan }"]);
    expect(define(`${DNS}expect web -> age${CURSOR}nt-n7:80 reachable`)).toEqual([]);
    expect(define(`${DNS}expect web -> d${CURSOR}b-x:80 reachable`)).toEqual([]);
  });
  it("prefers the nearest declaration", () => {
    const two = `cluster a { node n1 {}\n pod x on n1 }\ncluster b { node n1 {}\n pod y on n${CURSOR}1 }`;
    const one = fixture(two);
    const [found] = definitionAt(one.analysis, one.file, one.offset);
    expect(found?.name.start).toBe(one.text.lastIndexOf("node n1") + 5);
  });
  it("finds declarations in other files", () => {
    const one = fixture(`import "fabric.knet"\nhost a { attach l${CURSOR}an }`, {
      "fabric.knet": "segment lan { cidr 10.0.0.0/24 }\n",
    });
    expect(definitionAt(one.analysis, one.file, one.offset).map(({ file, name }) => [file, name.start])).toEqual([
      ["fabric.knet", 8],
    ]);
  });
});

describe("references and highlights", () => {
  it("are all occurrences of the name", () => {
    const one = fixture(at("segment rack-a", 9));
    expect(
      markedLines(
        one.text,
        referencesAt(one.analysis, one.file, one.offset, true).map(({ span }) => span),
      ),
    ).toMatchInlineSnapshot(`
      [
        "segment [rack-a] {",
        "attach [rack-a] 10.168.0.1",
        "node n1 { attach [rack-a] 10.168.0.2 }",
        "nodes w 1..50 { attach [rack-a] }",
      ]
    `);
    expect(highlightsAt(one.analysis, one.file, one.offset).filter(({ declaration }) => declaration)).toHaveLength(1);
  });
  it("include all blocks of a namespace", () => {
    const text = "cluster c {\n namespace s { pod a }\n namespace s { pod b }\n}\nexpect s/a -> s/b reachable\n";
    const one = fixture(at("namespace s", 10, text));
    expect(
      markedLines(
        one.text,
        referencesAt(one.analysis, one.file, one.offset, true).map(({ span }) => span),
      ),
    ).toEqual(["namespace [s] { pod a }", "namespace [s] { pod b }", "expect [s]/a -> [s]/b reachable"]);
  });
});

describe("rename", () => {
  const rename = (text: string, to: string): string => {
    const one = fixture(text);
    const renaming = renameAt(one.analysis, one.file, one.offset, to);
    if ("error" in renaming) return renaming.error;
    const edits = renaming.edits.get(one.file) ?? [];
    const renamed = [...edits]
      .reverse()
      .reduce((so, { start, end, text: by }) => so.slice(0, start) + by + so.slice(end), one.text);
    const before = one.text.split("\n");
    return renamed
      .split("\n")
      .filter((line, index) => line !== before[index])
      .map((line) => line.trim())
      .join("\n");
  };
  it("changes only the part that is the name", () => {
    expect(rename(at("deployment api", 12), "backend-api")).toMatchInlineSnapshot(`
      "deployment backend-api replicas 3 {
      expect shop/web -> shop/backend-api-0:9090 reachable"
    `);
    expect(rename(`${SHOP}expect w${CURSOR}17 -> laptop reachable`, "worker-")).toMatchInlineSnapshot(`
      "nodes worker- 1..50 { attach rack-a }
      expect worker-17 -> laptop reachable"
    `);
    expect(rename(at("namespace shop", 11), "store")).toMatchInlineSnapshot(`
      "namespace store {
      expect store/web -> store/api-0:9090 reachable"
    `);
  });
  it("changes cluster DNS names and names of DaemonSet pods", () => {
    const alias = DNS.replace(
      "service db {",
      "service old { external-name db.shop.svc.cluster.local }\n    service db {",
    );
    const uses = `${alias}expect web -> db-1.db.shop:5432 reachable\nexpect agent-n1 -> db.shop.svc:5432 reachable\n`;
    expect(rename(at("service db", 9, uses), "store")).toMatchInlineSnapshot(`
      "service old { external-name store.shop.svc.cluster.local }
      service store {
      expect web -> db-1.store.shop:5432 reachable
      expect agent-n1 -> store.shop.svc:5432 reachable"
    `);
    expect(rename(at("statefulset db", 13, uses), "store")).toMatchInlineSnapshot(`
      "statefulset store replicas 2 {
      expect web -> store-1.db.shop:5432 reachable"
    `);
    expect(rename(at("namespace shop", 11, uses), "store")).toMatchInlineSnapshot(`
      "namespace store {
      service old { external-name db.store.svc.cluster.local }
      expect web -> db-1.db.store:5432 reachable
      expect agent-n1 -> db.store.svc:5432 reachable"
    `);
    expect(rename(at("node n1", 6, uses), "m1")).toMatchInlineSnapshot(`
      "node m1 { attach lan }
      pod web on m1 { listen 80/tcp }
      expect agent-m1 -> db.shop.svc:5432 reachable"
    `);
    const host = "host db.example.com {}\ncluster c { service db { external-name db.example.com } }\n";
    expect(rename(at("host db", 7, host), "db.example.org")).toMatchInlineSnapshot(`
      "host db.example.org {}
      cluster c { service db { external-name db.example.org } }"
    `);
  });
  it("rejects invalid and existing names", () => {
    expect(rename(at("segment rack-a", 9), "rack-b")).toMatchInlineSnapshot(`"segment \`rack-b\` already exists."`);
    expect(rename(at("segment rack-a", 9), "a b")).toMatchInlineSnapshot(
      `"\`a b\` is not a valid name: a name can contain only letters, digits, \`-\`, \`_\`, and \`.\`."`,
    );
    expect(rename(at("segment rack-a", 9), "10.0.0.1")).toMatchInlineSnapshot(
      `"\`10.0.0.1\` is not a valid name: a name cannot be an address."`,
    );
    expect(rename(at("cidr 10", 1), "x")).toMatchInlineSnapshot(`"This symbol cannot be renamed."`);
  });
  it("is not offered on the index after a name", () => {
    expect(rename(`${SHOP}expect w1${CURSOR}7 -> laptop reachable`, "x")).toBe("This symbol cannot be renamed.");
    const one = fixture(`${SHOP}expect w1${CURSOR}7 -> laptop reachable`);
    expect(renamableAt(one.analysis, one.file, one.offset)).toBe("This symbol cannot be renamed.");
  });
  it("shows the name to change", () => {
    const one = fixture(at("api-0:9090", 1));
    const found = renamableAt(one.analysis, one.file, one.offset);
    expect(typeof found === "string" ? found : [one.text.slice(found.span.start, found.span.end), found.name]).toEqual([
      "api",
      "api",
    ]);
  });
});

describe("outline", () => {
  const print = (items: readonly OutlineItem[], indent = ""): readonly string[] =>
    items.flatMap((item) => [
      `${indent}${item.name} · ${item.kind} · ${item.detail}`,
      ...print(item.children, `${indent}  `),
    ]);
  it("is nested like the file", () => {
    const one = fixture(SHOP);
    expect(print(outlineOf(one.analysis, one.file)).join("\n")).toMatchInlineSnapshot(`
      "rack-a · segment · segment
      rack-b · segment · segment
      tor · router · router
      prod · cluster · cluster
        cni flannel · settings · 
        n1 · node · node
        n2 · node · node
        w · node · nodes 1..50
        shop · namespace · namespace
          web · pod · pod on n1
            nginx · container · container
          api · workload · deployment replicas 3
            api · container · container
      laptop · host · host
      shop/web -> shop/api-0:9090 reachable · expectation · expect"
    `);
  });
  it("has a name for every item, even in incomplete statements", () => {
    const names = (items: readonly OutlineItem[]): readonly string[] =>
      items.flatMap(({ name, children }) => [name, ...names(children)]);
    for (const text of ["expect", 'expect ""', "import", "cluster c { cni {} }", "host\nhost {}", 'segment "" {}']) {
      const one = fixture(text);
      expect(names(outlineOf(one.analysis, one.file)).filter((name) => name.trim() === "")).toEqual([]);
    }
    expect(print(outlineOf(fixture("expect").analysis, "main.knet"))).toEqual(["expect · expectation · expect"]);
  });
  it("is searched for letters in order", () => {
    const one = fixture(SHOP);
    expect(findSymbols(one.analysis, "shap", 10).map(({ container, name }) => `${container}/${name}`)).toEqual([
      "prod/shop/api",
      "prod/shop/api/api",
    ]);
  });
});

describe("folding and selection", () => {
  it("folds multi-line blocks, lists, and comments", () => {
    const text = `# one\n# two\n\n# alone\nsegment a {\n  cidr [10.0.0.0/24\n    10.0.1.0/24]\n}\n/* a\n b */\nsegment b { cidr 10.0.2.0/24 }\nsegment c {\n  mtu 9000\n`;
    const one = fixture(text);
    const tree = knetFile(one.analysis, one.file)?.tree;
    if (!tree) throw new Error("no tree");
    const line = (offset: number): number => text.slice(0, offset).split("\n").length;
    expect(foldsOf(tree).map(({ start, end, kind }) => `${kind} ${line(start)}-${line(end)}`)).toMatchInlineSnapshot(`
      [
        "comment 1-2",
        "block 5-7",
        "block 6-7",
        "comment 9-10",
        "block 12-13",
      ]
    `);
  });
  it("folds regions", () => {
    const text = `# region racks\nsegment a { cidr 10.0.0.0/24 }\n  // region inner\n\n  // endregion\r\n# endregion\n# endregion\n# regional\n`;
    const tree = knetFile(fixture(text).analysis, "main.knet")?.tree;
    const line = (offset: number): number => text.slice(0, offset).split("\n").length;
    const folds = (tree ? foldsOf(tree) : []).filter(({ kind }) => kind === "region");
    expect(folds.map(({ start, end }) => `${line(start)}-${line(end)}`)).toEqual(["1-6", "3-5"]);
  });
  it("expands the selection", () => {
    const one = fixture(at("listen 8080", 8));
    const tree = knetFile(one.analysis, one.file)?.tree;
    if (!tree) throw new Error("no tree");
    expect(
      selectionsAt(tree, one.offset).map(({ start, end }) => one.text.slice(start, end).split("\n")[0]),
    ).toMatchInlineSnapshot(`
      [
        "8080/tcp",
        "listen 8080/tcp",
        " listen 8080/tcp ",
        "container nginx { listen 8080/tcp }",
        "",
        "pod web on n1 {",
        "",
        "namespace shop {",
        "",
        "cluster prod {",
        "segment rack-a {",
      ]
    `);
  });
});

describe("semantic tokens", () => {
  const print = (text: string): string => {
    const one = fixture(text);
    const file = knetFile(one.analysis, one.file);
    if (!file) throw new Error("no file");
    return semanticTokens(file, undefined)
      .map(
        ({ start, length, type, modifier }) =>
          `${one.text.slice(start, start + length)} · ${type}${modifier ? ` ${modifier}` : ""}`,
      )
      .join("\n");
  };
  it("classify tokens", () => {
    expect(
      print(`# a comment
segment lan { cidr 10.0.0.0/24 }
router tor { attach lan 10.0.0.1; route default via 10.0.0.9 metric 5; deny udp in port [53 80] }
cluster c {
  cni flannel { backend vxlan; ip-masq true; nonsense 3 }
  pod web on n1 { labels app=web }
}
expect web -> tor:80 mtu >= 1500
import "x.knet" /* two
lines */
`),
    ).toMatchInlineSnapshot(`
      "# a comment · comment
      segment · keyword
      lan · type declaration
      cidr · keyword
      10.0.0.0/24 · number
      router · keyword
      tor · class declaration
      attach · keyword
      lan · type
      10.0.0.1 · number
      route · keyword
      default · keyword
      via · keyword
      10.0.0.9 · number
      metric · keyword
      5 · number
      deny · keyword
      udp · enumMember
      in · enumMember
      port · keyword
      53 · number
      80 · number
      cluster · keyword
      c · namespace declaration
      cni · keyword
      flannel · enumMember
      backend · keyword
      vxlan · enumMember
      ip-masq · keyword
      true · enumMember
      pod · keyword
      web · struct declaration
      on · keyword
      n1 · class
      labels · keyword
      app · property
      web · string
      expect · keyword
      web · variable
      -> · operator
      tor · variable
      80 · number
      mtu · keyword
      >= · operator
      1500 · number
      import · keyword
      "x.knet" · string
      /* two · comment
      lines */ · comment"
    `);
  });
  it("never overlap, for any text", () => {
    for (let cut = 0; cut < SHOP.length; cut += 7) {
      const one = fixture(SHOP.slice(0, cut));
      const file = knetFile(one.analysis, one.file);
      let end = 0;
      for (const token of file ? semanticTokens(file, undefined) : []) {
        expect(token.start).toBeGreaterThanOrEqual(end);
        end = token.start + token.length;
      }
    }
  });
});

describe("fixes", () => {
  /** The text after an edit of the first statement with this keyword. */
  const apply = (text: string, keyword: string, edit: (source: Finding["source"]) => Fix["edits"][number]): string => {
    const one = fixture(text);
    const find = (decls: readonly Decl[]): Decl | undefined => {
      for (const one of decls) {
        const found = one.spec?.keyword === keyword ? one : find(one.children);
        if (found) return found;
      }
      return undefined;
    };
    const decl = find(one.analysis.fileOf(one.file)?.decls ?? []);
    if (!decl) throw new Error(`no ${keyword}`);
    const edits =
      fixEdits(one.analysis, { title: "", edits: [edit({ file: one.file, decl, part: "whole" })] })?.get(one.file) ??
      [];
    return [...edits]
      .reverse()
      .reduce((so, { start, end, text: by }) => so.slice(0, start) + by + so.slice(end), one.text);
  };
  const append = (text: string, keyword: string): string =>
    apply(text, keyword, (source) => ({ kind: "append", source, text: "mtu 9000" }));
  const remove = (text: string, keyword: string): string =>
    apply(text, keyword, (source) => ({ kind: "remove", source }));

  it("append to blocks in every form", () => {
    expect(append("segment a", "segment")).toBe("segment a {\n  mtu 9000\n}");
    expect(append("segment a {}", "segment")).toBe("segment a { mtu 9000 }");
    expect(append("segment a { vlan 3 }", "segment")).toBe("segment a { vlan 3; mtu 9000 }");
    expect(append("segment a { vlan 3; }", "segment")).toBe("segment a { vlan 3; mtu 9000 }");
    expect(append("segment a {\n\tvlan 3 # c\n}\n", "segment")).toBe("segment a {\n\tvlan 3 # c\n\tmtu 9000\n}\n");
    expect(append("segment a {\r\n}\r\n", "segment")).toBe("segment a {\r\n  mtu 9000\r\n}\r\n");
    expect(append("segment a {\n  vlan 3", "segment")).toBe("segment a {\n  vlan 3\n  mtu 9000");
  });
  it("append several lines, or stay on the line of a single-line block", () => {
    const two = (text: string, keyword: string): string =>
      apply(text, keyword, (source) => ({ kind: "append", source, text: "mtu 9000\nvlan 3" }));
    expect(two("segment a", "segment")).toBe("segment a {\n  mtu 9000\n  vlan 3\n}");
    expect(two("segment a {\n}\n", "segment")).toBe("segment a {\n  mtu 9000\n  vlan 3\n}\n");
    expect(two("segment a {}", "segment")).toBe("segment a { mtu 9000; vlan 3 }");
    expect(append("host h { attach a }", "attach")).toBe("host h { attach a { mtu 9000 } }");
  });
  it("merge adjacent edits", () => {
    const one = fixture("segment a { vlan 3 }\n");
    const decl = one.analysis.fileOf(one.file)?.decls[0];
    if (!decl) throw new Error("no segment");
    const source = { file: one.file, decl, part: "whole" } as const;
    const edits = fixEdits(one.analysis, {
      title: "",
      edits: [
        { kind: "replace", source, text: "segment b" },
        { kind: "before", source, text: "# new" },
      ],
    });
    expect(edits?.get(one.file)).toEqual([{ start: 0, end: 20, text: "# new\nsegment b" }]);
  });
  it("remove statements with their line, or between other statements", () => {
    expect(remove("segment a {\n  vlan 3 # c\n  mtu 5\n}", "vlan")).toBe("segment a {\n  mtu 5\n}");
    expect(remove("segment a { vlan 3; mtu 5 }", "vlan")).toBe("segment a { mtu 5 }");
    expect(remove("segment a { mtu 5; vlan 3 }", "vlan")).toBe("segment a { mtu 5 }");
    expect(remove("segment a { vlan 3 }", "vlan")).toBe("segment a { }");
  });
  it("are proven before they are offered", () => {
    const one = fixture(SHOP.replace("10.244.0.0/16 per-node", "10.96.0.0/16 per-node"));
    const findings = one.analysis.findings(() => false) ?? [];
    const overlap = findings.find(({ fixes, message }) => fixes.length > 0 && message.includes("10.96.0.0/12"));
    if (!overlap) throw new Error("the ranges overlap");
    const proven = provenFixes(one.analysis, overlap, () => false) ?? [];
    expect(proven.length).toBeGreaterThan(0);
    // A fix that changes nothing, and fixes that cause a new problem.
    const { source } = overlap;
    const useless: Finding = {
      ...overlap,
      fixes: [
        { title: "the same again", edits: [{ kind: "replace", source, text: "10.96.0.0/16" }] },
        { title: "into a segment", edits: [{ kind: "replace", source, text: "10.168.0.0/16" }] },
        { title: "nonsense", edits: [{ kind: "replace", source, text: "{{{" }] },
      ],
    };
    expect(provenFixes(one.analysis, useless, () => false)).toEqual([]);
    expect(provenFixes(one.analysis, { ...useless, fixes: overlap.fixes }, () => true)).toSatisfy(
      (all) => all === undefined || Array.isArray(all),
    );
  });
});

describe("endpoints", () => {
  it("are listed with short names, addresses, and ports", () => {
    const one = fixture(SHOP);
    const list = endpointsOf(one.analysis.topology, "", Number.POSITIVE_INFINITY).filter(
      ({ path }) => !/w\d/.test(path),
    );
    expect(
      list.map(
        ({ label, path, detail, ports }) =>
          `${label} · ${path} · ${detail} · ${ports.map(({ port, proto }) => `${port}/${proto}`).join(" ")}`,
      ),
    ).toMatchInlineSnapshot(`
      [
        "tor · tor · router 10.168.0.1, 10.168.1.1 · ",
        "laptop · laptop · host 10.168.1.50 · ",
        "n1 · prod/n1 · node 10.168.0.2 · ",
        "n2 · prod/n2 · node 10.168.1.3 · ",
        "web · prod/shop/web · pod 10.244.0.2 on n1 · 8080/tcp",
        "api-0 · prod/shop/api-0 · pod of deployment api, 10.244.0.3 on n1 · 9090/tcp 53/udp",
        "api-1 · prod/shop/api-1 · pod of deployment api, 10.244.1.2 on n2 · 9090/tcp 53/udp",
        "api-2 · prod/shop/api-2 · pod of deployment api, 10.244.2.2 on w1 · 9090/tcp 53/udp",
      ]
    `);
    expect(endpointsOf(one.analysis.topology, "W1 prod", 3).map(({ path }) => path)).toEqual([
      "prod/w1",
      "prod/w10",
      "prod/w11",
    ]);
  });
  it("are found at a position", () => {
    const path = (text: string): string | undefined => {
      const one = fixture(text);
      return endpointAt(one.analysis, one.file, one.offset);
    };
    expect(path(at("labels app", 2))).toBe("prod/shop/web");
    expect(path(at("listen 9090", 2))).toBe("prod/shop/api-0/api");
    expect(path(at("nodes w", 2))).toBe("prod/w1");
    expect(path(at("-> shop/api-0", 9))).toBe("prod/shop/api-0");
    expect(path(`${SHOP}expect laptop -> shop/api-${CURSOR}2 reachable`)).toBe("prod/shop/api-2");
    expect(path(`${SHOP}expect laptop -> shop/ap${CURSOR}i-2 reachable`)).toBe("prod/shop/api-2");
    expect(path(`${SHOP}expect w${CURSOR}17 -> laptop reachable`)).toBe("prod/w17");
    expect(path(`${DNS}expect web -> db${CURSOR}-1.db.shop:5432 reachable`)).toBe("prod/shop/db-1");
    expect(path(at("attach rack-b 10.168.1.50", 2))).toBe("laptop");
    expect(path(at("services", 2))).toBeUndefined();
  });
});
