/**
 * The TextMate grammar, which provides syntax highlighting until the server responds. `npm run generate` writes it to
 * `syntaxes/knet.tmLanguage.json` with the keywords of the schema.
 */

/** The keywords, literals, and values of the language; a text can be in several lists. */
export interface GrammarWords {
  /** Keywords that are followed by the name that they define. */
  readonly defining: readonly string[];
  /** All other keywords. */
  readonly keywords: readonly string[];
  /** Literals between arguments: `via`, `on`, `replicas`. */
  readonly literals: readonly string[];
  /** Enum values: `vxlan`, `reachable`. */
  readonly values: readonly string[];
}

export interface Rule {
  readonly name?: string;
  readonly match?: string;
  readonly begin?: string;
  readonly end?: string;
  readonly include?: string;
  readonly captures?: Readonly<Record<string, { readonly name: string }>>;
  readonly beginCaptures?: Readonly<Record<string, { readonly name: string }>>;
  readonly endCaptures?: Readonly<Record<string, { readonly name: string }>>;
  readonly patterns?: readonly Rule[];
}

export interface Grammar extends Rule {
  readonly name: string;
  readonly scopeName: string;
  readonly patterns: readonly Rule[];
  readonly repository: Readonly<Record<string, Rule>>;
}

const outside = String.raw`\s{}\[\],;"#<>`;
/** The boundaries of a token. */
const starts = `(?<![^${outside}])`;
const ends = `(?=$|[${outside}]|->)`;
const token = `(?:[^${outside}\\-]|-(?!>))+`;
/** The position of a keyword: the start of a statement. */
const statementStart = String.raw`(?:^|(?<=[{};]))\s*`;

const oneOf = (words: readonly string[]): string =>
  [...new Set(words)]
    .sort((a, b) => b.length - a.length || (a < b ? -1 : 1))
    .map((text) => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"))
    .join("|") || "(?!)";

const whole = (pattern: string, name: string): Rule => ({
  match: `${starts}(?:${pattern})${ends}`,
  name: `${name}.knet`,
});

const named = (...names: readonly string[]): Record<string, { name: string }> =>
  Object.fromEntries(names.map((name, index) => [String(index + 1), { name: `${name}.knet` }]));

export function grammar({ defining, keywords, literals, values }: GrammarWords): Grammar {
  return {
    name: "knet",
    scopeName: "source.knet",
    patterns: [{ include: "#comment" }, { include: "#statement" }, { include: "#argument" }],
    repository: {
      comment: {
        patterns: [
          {
            name: "comment.block.knet",
            begin: String.raw`${starts}/\*`,
            end: String.raw`\*/`,
          },
          { name: "comment.line.number-sign.knet", match: "#.*$" },
          { name: "comment.line.double-slash.knet", match: `${starts}//.*$` },
        ],
      },
      statement: {
        patterns: [
          {
            match: `${statementStart}(${oneOf(defining)})${ends}(?:[ \\t]+(?!//|/\\*)(${token}))?`,
            captures: named("keyword.control", "entity.name.type"),
          },
          { match: `${statementStart}(${oneOf(keywords)})${ends}`, captures: named("keyword.control") },
        ],
      },
      argument: {
        patterns: [
          { include: "#string" },
          { include: "#list" },
          { name: "keyword.operator.arrow.knet", match: "->" },
          { name: "keyword.operator.comparison.knet", match: "[<>]=?" },
          { name: "punctuation.section.block.knet", match: "[{}]" },
          { name: "punctuation.separator.knet", match: "[,;]" },
          { include: "#number" },
          { include: "#label" },
          whole("true|false", "constant.language.boolean"),
          whole(oneOf(literals), "keyword.other"),
          whole(oneOf(values), "support.constant"),
          whole(String.raw`net(?:\.[\w*-]+)+`, "support.variable"),
        ],
      },
      string: {
        name: "string.quoted.double.knet",
        begin: '"',
        end: '"|$',
        patterns: [{ name: "constant.character.escape.knet", match: String.raw`\\["\\]` }],
      },
      // An unclosed list ends at the next brace, as in the parser.
      list: {
        begin: String.raw`\[`,
        end: String.raw`\]|(?=[{}\[])`,
        beginCaptures: { 0: { name: "punctuation.section.brackets.knet" } },
        endCaptures: { 0: { name: "punctuation.section.brackets.knet" } },
        patterns: [{ include: "#comment" }, { include: "#argument" }],
      },
      number: {
        patterns: [
          whole(String.raw`\d{1,3}(?:\.\d{1,3}){3}(?:/\d{1,3}|:\d{1,5}(?:/\w+)?)?`, "constant.numeric.address.ipv4"),
          whole(
            String.raw`(?=[^${outside}]*:[^${outside}]*:)\[?[0-9A-Fa-f:.]+\]?(?:/\d{1,3})?`,
            "constant.numeric.address.ipv6",
          ),
          whole(String.raw`/\d{1,3}`, "constant.numeric.prefix-length"),
          whole(String.raw`\d{1,5}(?:-\d{1,5})?/(?:tcp|udp|sctp|icmp)`, "constant.numeric.port"),
          whole(String.raw`\d+(?:(?:\.\.|-)\d+)?`, "constant.numeric"),
          whole("0[xX][0-9A-Fa-f]+(?:/0[xX][0-9A-Fa-f]+)?", "constant.numeric.hex"),
        ],
      },
      label: {
        match: `${starts}([^${outside}=!]+)(!?=)((?:[^${outside}\\-]|-(?!>))*)`,
        captures: named("entity.other.attribute-name", "keyword.operator.label", "string.unquoted"),
      },
    },
  };
}
