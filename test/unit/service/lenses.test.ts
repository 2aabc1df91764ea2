import { describe, expect, it } from "vitest";
import { commandsAt, lensAt, lensesOf } from "../../../server/src/service/features/lenses.ts";
import { linksOf } from "../../../server/src/service/features/links.ts";
import { at, CURSOR, fixture, marked, SHOP } from "./support.ts";

/** Each lens in the form "first line of its statement: title → command". */
function lenses(text: string): string {
  const { analysis, file } = fixture(text);
  return lensesOf(analysis, file)
    .map(({ kind, span }) => {
      const lens = lensAt(analysis, file, span.start, kind);
      const line = text.slice(span.start).split("\n")[0] ?? "";
      return `${line}: ${lens?.title}${lens?.command ? ` → ${JSON.stringify(lens.command)}` : ""}`;
    })
    .join("\n");
}

describe("code lenses", () => {
  it("of machines and pods open traces and routes, lenses of ranges show free addresses", () => {
    expect(lenses(SHOP)).toMatchInlineSnapshot(`
      "segment rack-a {: 202 of 254 free
      segment rack-b {: 251 of 254 free
      router tor {: Trace from here → {"name":"trace","from":"tor"}
      router tor {: Routes → {"name":"routes","where":"tor"}
      pods 10.244.0.0/16 per-node /24: 204 of 256 node pod CIDRs (/24) free
      node n1 { attach rack-a 10.168.0.2 }: Trace from here → {"name":"trace","from":"prod/n1"}
      node n1 { attach rack-a 10.168.0.2 }: Routes → {"name":"routes","where":"prod/n1"}
      node n2 { attach rack-b 10.168.1.3 }: Trace from here → {"name":"trace","from":"prod/n2"}
      node n2 { attach rack-b 10.168.1.3 }: Routes → {"name":"routes","where":"prod/n2"}
      nodes w 1..50 { attach rack-a }: Trace from here → {"name":"trace","from":"prod/w1"}
      nodes w 1..50 { attach rack-a }: Routes → {"name":"routes","where":"prod/w1"}
      pod web on n1 {: Trace from here → {"name":"trace","from":"prod/shop/web"}
      pod web on n1 {: Routes → {"name":"routes","where":"prod/shop/web"}
      deployment api replicas 3 {: Trace from here → {"name":"trace","from":"prod/shop/api-0"}
      deployment api replicas 3 {: Routes → {"name":"routes","where":"prod/shop/api-0"}
      host laptop { attach rack-b 10.168.1.50 }: Trace from here → {"name":"trace","from":"laptop"}
      host laptop { attach rack-b 10.168.1.50 }: Routes → {"name":"routes","where":"laptop"}
      expect shop/web -> shop/api-0:9090 reachable: ✓ passed · Trace → {"name":"trace","from":"shop/web","to":"shop/api-0","proto":"tcp","port":9090}"
    `);
  });
  it("of expectations show the result and the cause of a failure", () => {
    const expectations = `expect shop/web -> shop/api-0:9091 reachable
expect shop/web -> shop/api-0:9090 blocked
expect shop/web -> laptop via tor
expect shop/web -> missing reachable
`;
    expect(
      lenses(SHOP + expectations)
        .split("\n")
        .filter((line) => line.startsWith("expect")),
    ).toMatchInlineSnapshot(`
      [
        "expect shop/web -> shop/api-0:9090 reachable: ✓ passed · Trace → {"name":"trace","from":"shop/web","to":"shop/api-0","proto":"tcp","port":9090}",
        "expect shop/web -> shop/api-0:9091 reachable: ✗ failed: pod prod/shop/api-0 does not listen on 9091/tcp · Trace → {"name":"trace","from":"shop/web","to":"shop/api-0","proto":"tcp","port":9091}",
        "expect shop/web -> shop/api-0:9090 blocked: ✗ failed: the packet is delivered to api · Trace → {"name":"trace","from":"shop/web","to":"shop/api-0","proto":"tcp","port":9090}",
        "expect shop/web -> laptop via tor: ✓ passed · Trace → {"name":"trace","from":"shop/web","to":"laptop","proto":"icmp"}",
        "expect shop/web -> missing reachable: ? cannot be evaluated: \`missing\` does not exist · Trace → {"name":"trace","from":"shop/web","to":"missing","proto":"icmp"}",
      ]
    `);
  });
  it("show the free addresses of a segment", () => {
    const text = `segment small { cidr 10.0.0.0/29 10.0.1.0/30 }
host a { attach small 10.0.0.1 }
host b { attach small }
`;
    expect(lenses(text).split("\n")[0]).toMatchInlineSnapshot(
      `"segment small { cidr 10.0.0.0/29 10.0.1.0/30 }: 10.0.0.0/29: 4 of 6 free · 10.0.1.0/30: 2 of 2 free"`,
    );
  });
  it("are absent if there is nothing to show", () => {
    const text = `segment six { cidr fd00::/64 }
segment none {
}
cluster c {
  node n { attach six }
  service alias { external-name db.example.com }
  deployment idle replicas 0
  deployment twice
  deployment twice
  node
}
`;
    expect(lenses(text)).toMatchInlineSnapshot(`
      "node n { attach six }: Trace from here → {"name":"trace","from":"c/n"}
      node n { attach six }: Routes → {"name":"routes","where":"c/n"}"
    `);
  });
  it("of a large file omit the trace and route commands, which are in the menu", () => {
    const many = Array.from({ length: 300 }, (_, index) => `host h${index} { attach rack-a }`).join("\n");
    const { analysis, file } = fixture(SHOP + many);
    expect(new Set(lensesOf(analysis, file).map(({ kind }) => kind))).toEqual(new Set(["usage", "expectation"]));
  });
});

describe("commands of a hover", () => {
  const commands = (marked: string) => {
    const { analysis, file, offset } = fixture(marked);
    return commandsAt(analysis, file, offset);
  };
  it("start at the object under the cursor", () => {
    expect(commands(at("pod web on n1", 5))).toEqual([
      { name: "trace", from: "prod/shop/web" },
      { name: "routes", where: "prod/shop/web" },
    ]);
    expect(commands(at("on n1", 4))[1]).toEqual({ name: "routes", where: "prod/n1" });
    expect(commands(`${SHOP}expect w${CURSOR}17 -> shop/api-2 reachable`)[1]).toEqual({
      name: "routes",
      where: "prod/w17",
    });
    expect(commands(`${SHOP}expect w17 -> shop/ap${CURSOR}i-2 reachable`)[0]).toEqual({
      name: "trace",
      from: "prod/shop/api-2",
    });
    expect(commands(at("expect shop", 1))).toEqual([
      { name: "trace", from: "shop/web", to: "shop/api-0", port: 9090, proto: "tcp" },
    ]);
    expect(commands(at("segment rack-a", 10))).toEqual([]);
  });
});

describe("links", () => {
  it("point to imports and to the documentation of codes in comments", () => {
    const text = `import "fabric.knet"
# KN101 is intended
segment KN102 { cidr 10.0.0.0/24 } // see KN103
import fabric
`;
    const { analysis, file } = fixture(text + CURSOR, { "fabric.knet": "" });
    const links = linksOf(analysis, file);
    expect(
      marked(
        text,
        links.map(({ span }) => span),
      ),
    ).toMatchInlineSnapshot(`
      "import "[fabric.knet]"
      # [KN101] is intended
      segment KN102 { cidr 10.0.0.0/24 } // see [KN103]
      import fabric
      "
    `);
    expect(links.map(({ kind }) => kind)).toEqual(["import", "code", "code"]);
  });
});
