/** Quick fixes at a position: their edits, and that suppression comments suppress the finding. */
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { quickFixes } from "../../../server/src/service/features/quickfix.ts";
import { CURSOR, edited, fixture } from "./support.ts";

const never = (): boolean => false;

function fixesAt(marked: string): readonly { readonly title: string; readonly after: string }[] {
  const { analysis, file, offset, text } = fixture(marked);
  return quickFixes(analysis, file, { start: offset, end: offset }, never).map(({ title, edits }) => ({
    title,
    after: edited(text, edits.get(file) ?? []),
  }));
}
const suppressed = (marked: string): string | undefined =>
  fixesAt(marked).find(({ title }) => title.startsWith("Suppress"))?.after;

describe("fixing all problems of a code", () => {
  const all = (marked: string): readonly string[] =>
    fixesAt(marked).flatMap(({ title, after }) => (title.startsWith("Fix all") ? [after] : []));
  it("is one edit", () => {
    expect(all(`hots${CURSOR} a {}\nhsot b {}\n`)).toEqual(["host a {}\nhost b {}\n"]);
  });
  it("is not offered if the fixes conflict", () => {
    // Both fixes use the next free address.
    const text = `segment lan { cidr 10.0.0.0/24 }\nhost a { attach lan 10.9${CURSOR}.0.1 }\nhost b { attach lan 10.9.0.2 }\n`;
    expect(
      fixesAt(text)
        .map(({ title }) => title)
        .join("\n"),
    ).toContain("10.0.0.1");
    expect(all(text)).toEqual([]);
    // Resolving other findings does not compensate for a new error.
    const failing = "host c { attach lan 10.0.0.9 }\nexpect c -> a reachable\nexpect c -> b reachable\n";
    expect(all(text + failing)).toEqual([]);
  });
});

describe("a suppression comment", () => {
  it("is inserted above the statement, or at the end of a line with several statements", () => {
    expect(suppressed(`host h {\n  attach la${CURSOR}n\n}\n`)).toBe(
      "host h {\n  # knet-ignore KN012 (reason)\n  attach lan\n}\n",
    );
    expect(suppressed(`host h { attach la${CURSOR}n }\r\n`)).toBe(
      "host h { attach lan } # knet-ignore KN012 (reason)\r\n",
    );
    expect(suppressed(`\thost h {\r\n\t\tattach la${CURSOR}n\r\n\t}\r\n`)).toBe(
      "\thost h {\r\n\t\t# knet-ignore KN012 (reason)\r\n\t\tattach lan\r\n\t}\r\n",
    );
  });
  it("is not offered if it has no effect", () => {
    // An unmatched brace is not inside a statement.
    expect(suppressed(`segment s { cidr 10.0.0.0/24 }\n}${CURSOR}\n`)).toBeUndefined();
  });

  const folder = fileURLToPath(new URL("../../../samples/broken/", import.meta.url));
  it.each(readdirSync(folder))("suppresses every finding of %s, intact and damaged", (name) => {
    const whole = readFileSync(`${folder}${name}`, "utf8");
    for (const text of [
      whole,
      whole.replace(/\}\n/, ""),
      whole.replace(/\{\n/, "\n"),
      whole.replace(/ \{/, " x y {"),
    ]) {
      const { analysis, file } = fixture(`${text}${CURSOR}`);
      const all = { start: 0, end: text.length };
      for (const { title, finding, edits } of quickFixes(analysis, file, all, never, () => [])) {
        if (!title.startsWith("Suppress")) continue;
        const after = fixture(`${edited(text, edits.get(file) ?? [])}${CURSOR}`).analysis.findings(never) ?? [];
        const same = (code: string, message?: string): number =>
          after.filter((one) => one.code === code && (message === undefined || one.message === message)).length;
        const before = (analysis.findings(never) ?? []).filter(
          ({ code, message }) => code === finding.code && message === finding.message,
        ).length;
        expect(same(finding.code, finding.message), `${title}: ${finding.message}`).toBeLessThan(before);
        expect(after.filter(({ code, message }) => code === "KN018" && message.includes(finding.code))).toEqual([]);
      }
    }
  });
});
