import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { tokenize } from "../../../server/src/frontends/knet/tokens.ts";
import { soup, valid } from "./support.ts";

const kinds = (text: string): string =>
  tokenize(text)
    .map((token) => `${token.kind}:${JSON.stringify(token.text)}`)
    .join(" ");

describe("tokens", () => {
  it.each([
    ["a-b->c", 'word:"a-b" arrow:"->" word:"c"'],
    ["a{[b,];}", 'word:"a" {:"{" [:"[" word:"b" ,:"," ]:"]" ;:";" }:"}"'],
    ["a # b\n\n  c", 'word:"a" comment:"# b" newline:"\\n\\n  " word:"c"'],
    ["a//b //c", 'word:"a//b" comment:"//c"'],
    ["/* a\n*/b", 'comment:"/* a\\n*/" word:"b"'],
    ["/*/ a\nb", 'comment:"/*/ a" newline:"\\n" word:"b"'],
    ["a/* b */", 'word:"a/*" word:"b" word:"*/"'],
    ['"a \\" b" "c\n', 'string:"\\"a \\\\\\" b\\"" string:"\\"c" newline:"\\n"'],
    [">= > <x", 'word:">=" word:">" word:"<" word:"x"'],
    ["a\u0000\u0001b", 'word:"a" unexpected:"\\u0000\\u0001" word:"b"'],
  ])("%j", (text, expected) => {
    expect(kinds(text)).toBe(expected);
  });

  it("are in text order, with only white space between them", () => {
    fc.assert(
      fc.property(fc.oneof(soup(), valid, fc.string({ unit: "binary", maxLength: 100 })), (text) => {
        let end = 0;
        for (const token of tokenize(text)) {
          expect(token.start).toBeGreaterThanOrEqual(end);
          expect(text.slice(end, token.start)).toMatch(/^\s*$/u);
          expect(text.slice(token.start, token.end)).toBe(token.text);
          end = token.end;
        }
        expect(text.slice(end)).toMatch(/^\s*$/u);
      }),
    );
  });
});
