import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { beforeAll, describe, expect, it } from "vitest";
import oniguruma from "vscode-oniguruma";
import textmate, { type IGrammar } from "vscode-textmate";
import { type GrammarWords, grammar } from "../../../server/src/frontends/knet/textmate.ts";

const words: GrammarWords = {
  defining: ["segment", "router", "cluster", "node", "namespace", "pod", "container", "service"],
  keywords: ["attach", "cidr", "route", "labels", "port", "expect", "from", "cni", "sysctl", "listen"],
  literals: ["via", "on", "to", "replicas", "default"],
  values: ["flannel", "reachable", "vxlan"],
};

const file = (path: string): string => readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

async function load(source: string): Promise<IGrammar> {
  const registry = new textmate.Registry({
    onigLib: Promise.resolve({
      createOnigScanner: (patterns) => new oniguruma.OnigScanner(patterns),
      createOnigString: (text) => new oniguruma.OnigString(text),
    }),
    loadGrammar: async () => textmate.parseRawGrammar(source, "knet.tmLanguage.json"),
  });
  return (await registry.loadGrammar("source.knet"))!;
}

/** Each highlighted part of each line as `text → scope`; adjacent parts with the same scope are merged. */
function scopes(highlighter: IGrammar, text: string): string[] {
  const parts: string[] = [];
  let stack = textmate.INITIAL;
  for (const line of text.split("\n")) {
    const { tokens, ruleStack } = highlighter.tokenizeLine(line, stack);
    stack = ruleStack;
    const merged: { scope: string; text: string }[] = [];
    for (const { startIndex, endIndex, scopes: all } of tokens) {
      const scope = all
        .filter((name) => name !== "source.knet")
        .map((name) => name.replace(/\.knet$/, ""))
        .join(" ");
      const last = merged.at(-1);
      if (last?.scope === scope) last.text += line.slice(startIndex, endIndex);
      else merged.push({ scope, text: line.slice(startIndex, endIndex) });
    }
    for (const { scope, text: part } of merged)
      if (part.trim() !== "" && scope !== "" && !scope.startsWith("punctuation"))
        parts.push(`${part.trim()} → ${scope}`);
  }
  return parts;
}

describe("the TextMate grammar", () => {
  let highlighter: IGrammar;
  beforeAll(async () => {
    const wasm = createRequire(import.meta.url).resolve("vscode-oniguruma/release/onig.wasm");
    await oniguruma.loadWASM(readFileSync(wasm));
    highlighter = await load(JSON.stringify(grammar(words)));
  });

  it.each([
    [
      "segment rack-a { # a note",
      ["segment → keyword.control", "rack-a → entity.name.type", "# a note → comment.line.number-sign"],
    ],
    [
      "  route 10.244.9.0/24 via 10.168.1.3",
      [
        "route → keyword.control",
        "10.244.9.0/24 → constant.numeric.address.ipv4",
        "via → keyword.other",
        "10.168.1.3 → constant.numeric.address.ipv4",
      ],
    ],
    [
      "route fd00::/64 via fe80::1",
      [
        "route → keyword.control",
        "fd00::/64 → constant.numeric.address.ipv6",
        "via → keyword.other",
        "fe80::1 → constant.numeric.address.ipv6",
      ],
    ],
    [
      "pod web on n1 { listen 8080/tcp; port 80 -> 9090/tcp }",
      [
        "pod → keyword.control",
        "web → entity.name.type",
        "on → keyword.other",
        "listen → keyword.control",
        "8080/tcp → constant.numeric.port",
        "port → keyword.control",
        "80 → constant.numeric",
        "-> → keyword.operator.arrow",
        "9090/tcp → constant.numeric.port",
      ],
    ],
    [
      "labels app=web tier!=db",
      [
        "labels → keyword.control",
        "app → entity.other.attribute-name",
        "= → keyword.operator.label",
        "web → string.unquoted",
        "tier → entity.other.attribute-name",
        "!= → keyword.operator.label",
        "db → string.unquoted",
      ],
    ],
    [
      "expect a->b:80 reachable # x",
      [
        "expect → keyword.control",
        "-> → keyword.operator.arrow",
        "reachable → support.constant",
        "# x → comment.line.number-sign",
      ],
    ],
    ["port port", ["port → keyword.control"]],
    ["node-port 1 rerouted", ["1 → constant.numeric"]],
    ["see http://x//y // z", ["// z → comment.line.double-slash"]],
    ["node // z", ["node → keyword.control", "// z → comment.line.double-slash"]],
    ["attach /* a\nnode */ x", ["attach → keyword.control", "/* a → comment.block", "node */ → comment.block"]],
    [
      'say "a \\" # b" true\nsay "open\nnode n',
      [
        '"a → string.quoted.double',
        '\\" → string.quoted.double constant.character.escape',
        '# b" → string.quoted.double',
        "true → constant.language.boolean",
        '"open → string.quoted.double',
        "node → keyword.control",
        "n → entity.name.type",
      ],
    ],
    [
      "from [app=web,\n  port 10.0.0.1 # x\n] to 1..50",
      [
        "from → keyword.control",
        "app → entity.other.attribute-name",
        "= → keyword.operator.label",
        "web → string.unquoted",
        "10.0.0.1 → constant.numeric.address.ipv4",
        "# x → comment.line.number-sign",
        "to → keyword.other",
        "1..50 → constant.numeric",
      ],
    ],
    ["from [a\n}\nnode n", ["from → keyword.control", "node → keyword.control", "n → entity.name.type"]],
    [
      "sysctl net.ipv4.ip_forward 1",
      ["sysctl → keyword.control", "net.ipv4.ip_forward → support.variable", "1 → constant.numeric"],
    ],
    ["cni flannel", ["cni → keyword.control", "flannel → support.constant"]],
    [
      "expect a mtu >= 1400",
      ["expect → keyword.control", ">= → keyword.operator.comparison", "1400 → constant.numeric"],
    ],
  ])("%s", (text, expected) => {
    expect(scopes(highlighter, text)).toEqual(expected);
  });

  it("of the extension highlights a sample", async () => {
    const shipped = await load(file("syntaxes/knet.tmLanguage.json"));
    const found = scopes(shipped, file("test/unit/language/fixtures/sample.knet"));
    for (const part of [
      "segment → keyword.control",
      "rack-a → entity.name.type",
      "attach → keyword.control",
      "10.168.0.1 → constant.numeric.address.ipv4",
      '"./deploy" → string.quoted.double',
    ])
      expect(found).toContain(part);
  });
});

describe("the language configuration", () => {
  const configuration = JSON.parse(file("language-configuration.json"));

  it("selects the same tokens as the lexer", () => {
    const word = new RegExp(configuration.wordPattern, "g");
    expect('a->b fd00::1/64 [app=web,prod/shop/web:80] "x y" http://x/#'.match(word)).toEqual([
      "a",
      "b",
      "fd00::1/64",
      "app=web",
      "prod/shop/web:80",
      "x",
      "y",
      "http://x/",
    ]);
  });

  it("indents after an opener at the end of a line", () => {
    const increase = new RegExp(configuration.indentationRules.increaseIndentPattern);
    const decrease = new RegExp(configuration.indentationRules.decreaseIndentPattern);
    for (const line of ["node n {", "node n { # note", "  from [ // x", "a { /* x */", 'a "#" {'])
      expect(line).toMatch(increase);
    for (const line of ["node n", "node n { }", "# node {", "  // node {", 'a "{"', "a # {"])
      expect(line).not.toMatch(increase);
    for (const line of ["}", "  ] to 80"]) expect(line).toMatch(decrease);
  });
});
