import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { format } from "../../../server/src/frontends/knet/format.ts";
import { parse } from "../../../server/src/frontends/knet/parser.ts";
import { fixAll } from "../../../server/src/service/features/refactor/fix-all.ts";
import { refactoringsAt } from "../../../server/src/service/features/refactor/index.ts";
import { organiseImports } from "../../../server/src/service/features/refactor/organise.ts";
import { typedRange } from "../../../server/src/service/features/typing.ts";
import { check, shown, world } from "../checks/harness.ts";
import { at, CURSOR, edited, fixture, SHOP } from "./support.ts";

const never = (): boolean => false;

function offered(marked: string, others: Readonly<Record<string, string>> = {}) {
  const one = fixture(marked, others);
  return {
    one,
    all: refactoringsAt(one.analysis, one.file, { start: one.offset, end: one.offset }, never),
  };
}
const titles = (marked: string): readonly string[] => offered(marked).all.map(({ title }) => title);

/** The text after the refactoring whose title begins with `title`. */
function result(marked: string, title: string): string {
  const { one, all } = offered(marked);
  const chosen = all.find((refactoring) => refactoring.title.startsWith(title));
  if (!chosen) throw new Error(`not offered: ${title}; but ${all.map((each) => each.title).join("; ")}`);
  return edited(one.text, chosen.edits.get(one.file) ?? []);
}
/** The new lines of the result. */
function changed(marked: string, title: string): string {
  const before = new Set(marked.replace(CURSOR, "").split("\n"));
  return result(marked, title)
    .split("\n")
    .filter((line) => !before.has(line))
    .join("\n");
}

describe("writing out allocated addresses", () => {
  it("inserts the allocated values", () => {
    expect(changed(at("pod web", 1), "Write out the allocated addresses of `web`")).toMatchInlineSnapshot(
      `"      address 10.244.0.2"`,
    );
    expect(changed(at("node n1", 1), "Write out the allocated addresses of `n1`")).toMatchInlineSnapshot(
      `"  node n1 { attach rack-a 10.168.0.2; pod-cidr 10.244.0.0/24 }"`,
    );
    const pair = `segment lan { cidr 10.0.0.0/24 fd00::/64 }\nhost a { attach lan }\nhost b {\n  attach lan\n}\n${CURSOR}`;
    expect(changed(pair, "Write out all")).toMatchInlineSnapshot(`
      "host a { attach lan 10.0.0.1 fd00::1 }
        attach lan 10.0.0.2 fd00::2"
    `);
  });
  it("keeps the order of lines in an unclosed block", () => {
    const open = `segment lan { cidr 10.0.0.0/24 }\ncluster c {\n  pods 10.244.0.0/16\n  node n1 {\n    attach lan${CURSOR}`;
    expect(changed(open, "Write out all")).toBe("    attach lan 10.0.0.1\n    pod-cidr 10.244.0.0/24");
  });
  /** The node, the topology's findings, and the pods' addresses before and after. */
  function nodeAfter(cni: string, pods = "", cloud = ""): string {
    const text = `segment s { cidr 10.0.1.0/24; gateway vpc${cloud} }
router vpc { attach s 10.0.1.1 }
cluster k {
  ${pods}
  cni ${cni}
  node a1 { attach s }
  node a2 { attach s }
  pod x on a1
  pod y on a2
}
`;
    const after = result(`${text}${CURSOR}`, "Write out all");
    const state = (of: string) => ({
      findings: check(of).map(shown),
      pods: world(of).topology.clusters.flatMap(({ pods: index, nodes }) =>
        nodes.flatMap((node) => [...index.podsOn(node)].map(({ addresses }) => addresses)),
      ),
    });
    expect(state(after)).toEqual(state(text));
    return after.split("\n").find((line) => line.includes("node a1")) ?? "";
  }

  it("names the ranges of a node by the statement that the plugin reads, if any", () => {
    expect(nodeAfter("flannel { backend vxlan }", "pods 10.244.0.0/16")).toContain(
      "node a1 { attach s 10.0.1.2; pod-cidr 10.244.0.0/24 }",
    );
    const calico = "cni calico { block 10.100.0.0/26 } }";
    expect(nodeAfter("calico { pool p 10.100.0.0/24 { vxlan always } }")).toContain(calico);
    expect(nodeAfter("calico", "pods 10.100.0.0/24")).toContain(calico);
    expect(nodeAfter("calico { pool p 10.100.0.0/31 { block-size /31 } }")).toContain(
      "cni calico { block 10.100.0.0/31 } }",
    );
    expect(nodeAfter("weave")).toContain("node a1 { attach s 10.0.1.2 }");
    expect(nodeAfter("aws-vpc { instance t3.medium }", "max-pods 17", "; cloud aws")).toContain(
      "node a1 { attach s 10.0.1.4 }",
    );
    expect(nodeAfter("aws-vpc { instance t3.medium; prefix-delegation true }", "", "; cloud aws")).toContain(
      "node a1 { attach s 10.0.1.4 }",
    );
    expect(nodeAfter("azure { mode node-subnet }", "services 172.20.0.0/16", "; cloud azure")).toContain(
      "node a1 { attach s 10.0.1.4 }",
    );
  });

  it("is not offered if all addresses are explicit", () => {
    expect(titles(`segment lan { cidr 10.0.0.0/24 }\nhost a { at${CURSOR}tach lan 10.0.0.5 }\n`)).toEqual([]);
  });
});

describe("expanding a pool", () => {
  it("writes its nodes with their addresses", () => {
    const pool = `segment lan { cidr 10.0.0.0/24 }
cluster c {
  pods 10.244.0.0/16
  nod${CURSOR}es w- 09..11 {
    attach lan 10.0.0.9/24 # counts up
    labels rack=a
  }
  pod p on w-10
}
`;
    expect(changed(pool, "Expand the pool")).toMatchInlineSnapshot(`
      "  node w-09 {
        node w-10 {
          attach lan 10.0.0.10/24 # counts up
        node w-11 {
          attach lan 10.0.0.11/24 # counts up"
    `);
    expect(format(result(pool, "Expand the pool"))).toContain(
      "  node w-10 {\n    attach lan 10.0.0.10/24  # counts up\n",
    );
  });
  it("is offered only at the head of a pool", () => {
    expect(titles(at("nodes w 1..50", 2))).toContain("Expand the pool into 50 nodes");
    expect(titles(at("node n1", 2)).filter((title) => title.startsWith("Expand"))).toEqual([]);
  });
});

describe("every refactoring", () => {
  const two = SHOP.replace("cidr 10.168.0.0/24", "cidr 10.168.0.0/24\n  cidr 10.169.0.0/24").replace(
    "nodes w 1..50 { attach rack-a }",
    "nodes w 1..5 {\n    attach rack-a\n  }",
  );
  const missing = `${two}host z {\n  attach nowhere\n}\n`;
  it("uses the line endings of the text", () => {
    const titlesSeen = new Set<string>();
    for (let offset = 0; offset < missing.length; offset += 11) {
      const before = missing.slice(0, offset) + CURSOR + missing.slice(offset);
      for (const title of titles(before)) {
        if (titlesSeen.size < titlesSeen.add(title).size)
          expect(result(before.replaceAll("\n", "\r\n"), title)).toBe(result(before, title).replaceAll("\n", "\r\n"));
      }
    }
    expect(new Set([...titlesSeen].map((title) => title.split(" ")[0]))).toEqual(
      new Set(["Extract", "Declare", "Sort", "Expand", "Write"]),
    );
  });
  it("that extracts a segment causes no new failure", () => {
    const text = readFileSync(new URL("../../../samples/kindnet.knet", import.meta.url), "utf8");
    const marked = text.replace("cidr 172.18", `cidr 172${CURSOR}.18`);
    const extracts = (one: string): readonly string[] => titles(one).filter((title) => title.startsWith("Extract"));
    expect(extracts(marked)).toEqual([]);
    // With an expectation that already fails.
    expect(extracts(`${marked}expect web -> cache:6379 blocked\n`)).toEqual([]);
  });
});

describe("extracting a segment", () => {
  const two = `segment lan {
  cidr 10.0.0.0/24 10.0.1.0/24
  mtu 9000
}
router r { attach lan 10.0.0.1 10.0.1.1 }
host a { attach lan 10.0.0.5 }
host b { attach lan 10.0.1.5 }
`;
  it("moves one of several prefixes, with the interfaces in it", () => {
    expect(result(at("10.0.1.0/24", 3, two), "Extract 10.0.1.0/24")).toMatchInlineSnapshot(`
      "segment lan {
        cidr 10.0.0.0/24
        mtu 9000
      }
      segment lan-2 {
        cidr 10.0.1.0/24
        mtu 9000
        gateway 10.0.1.1
      }
      router r { attach lan 10.0.0.1; attach lan-2 10.0.1.1 }
      host a { attach lan 10.0.0.5 }
      host b { attach lan-2 10.0.1.5 }
      "
    `);
  });
  it("declares a missing segment", () => {
    const missing = `segment a { cidr 10.0.0.0/24 }\nhost h { attach mis${CURSOR}sing }\n`;
    expect(result(missing, "Declare segment `missing`")).toMatchInlineSnapshot(`
      "segment a { cidr 10.0.0.0/24 }
      segment missing {
        cidr 10.0.1.0/24
      }
      host h { attach missing }
      "
    `);
  });
  it("requires several prefixes", () => {
    expect(titles(at("10.168.0.0/24", 3)).filter((title) => title.startsWith("Extract"))).toEqual([]);
  });
});

describe("sorting", () => {
  it("sorts adjacent statements by name, with their comments", () => {
    const text = `# the switches
segment b10 { cidr 10.0.10.0/24 } # ten

# the second
segment b2 {
  cidr 10.0.2.0/24
}
seg${CURSOR}ment a { cidr 10.0.0.0/24 }
host h { attach a }
`;
    expect(result(text, "Sort 3 `segment` statements")).toMatchInlineSnapshot(`
      "segment a { cidr 10.0.0.0/24 }

      # the second
      segment b2 {
        cidr 10.0.2.0/24
      }
      # the switches
      segment b10 { cidr 10.0.10.0/24 } # ten
      host h { attach a }
      "
    `);
  });
  it("sorts lists", () => {
    expect(
      changed(
        `segment s { cidr 10.0.0.0/24 }\nhost h { attach s; listen 9090/tcp ${CURSOR}80/tcp 443/tcp }\n`,
        "Sort the ports",
      ),
    ).toBe("host h { attach s; listen 80/tcp 443/tcp 9090/tcp }");
  });
  it("is not offered if the order matters", () => {
    const nodes = `segment lan { cidr 10.0.0.0/24 }
cluster c {
  pods 10.244.0.0/16
  node b { attach lan }
  nod${CURSOR}e a { attach lan }
}
`;
    expect(titles(nodes).filter((title) => title.startsWith("Sort"))).toEqual([]);
    expect(
      titles(`segment s { cidr ${CURSOR}10.0.1.0/24 10.0.0.0/24 }\nhost h { attach s }\n`).filter((title) =>
        title.startsWith("Sort"),
      ),
    ).toEqual([]);
  });
});

describe("source actions", () => {
  it("organize imports: sorted, without duplicates", () => {
    const text = 'import "z.knet"\n# fabric\nimport "a.knet"\nimport "z.knet"\nhost h {}\n';
    const one = fixture(text + CURSOR, { "z.knet": "", "a.knet": "" });
    expect(edited(text, organiseImports(one.analysis, one.file))).toBe(
      'import "a.knet"\n# fabric\nimport "z.knet"\nhost h {}\n',
    );
    const sorted = fixture(`import "a.knet"\nimport "b.knet"\n${CURSOR}`);
    expect(organiseImports(sorted.analysis, sorted.file)).toEqual([]);
  });
  it("fix all problems that have a single fix", () => {
    const text = "segment lan {\n  cidr 10.0.0.1/24\n}\nhots a { attach lan }\n";
    const one = fixture(text + CURSOR);
    expect(edited(text, fixAll(one.analysis, one.file, never))).toMatchInlineSnapshot(`
      "segment lan {
        cidr 10.0.0.0/24
      }
      host a { attach lan }
      "
    `);
  });
});

describe("formatting while typing", () => {
  const typed = (marked: string, char: string): string | undefined => {
    const offset = marked.indexOf(CURSOR);
    const text = marked.replace(CURSOR, "");
    const span = typedRange(parse(text), offset, char);
    return span && text.slice(span.start, span.end);
  };
  it("covers the line or block that was just completed", () => {
    expect(typed(`segment  a {\n${CURSOR}`, "\n")).toBe("segment  a {");
    expect(typed(`segment  a {\r\n${CURSOR}`, "\n")).toBe("segment  a {");
    expect(typed(`host a { attach  lan;${CURSOR} }`, ";")).toBe("host a { attach  lan;");
    expect(typed(`x {\nhost a {\nattach lan\n}${CURSOR}\n}`, "}")).toBe("host a {\nattach lan\n}");
    expect(typed(`"}${CURSOR}`, "}")).toBeUndefined();
    expect(typed(`${CURSOR}`, "\n")).toBeUndefined();
  });
});

describe("refactorings of broken files", () => {
  it("never throw", () => {
    for (let cut = 1; cut < SHOP.length; cut += 41)
      expect(Array.isArray(titles(SHOP.slice(0, cut) + CURSOR))).toBe(true);
  });
});
