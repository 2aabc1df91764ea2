/** Mends at a place: what they do to the text, and that silencing silences. */
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
const silenced = (marked: string): string | undefined =>
  fixesAt(marked).find(({ title }) => title.startsWith("Silence"))?.after;

describe("fixing all of a code", () => {
  const all = (marked: string): readonly string[] =>
    fixesAt(marked).flatMap(({ title, after }) => (title.startsWith("Fix all") ? [after] : []));
  it("is one edit", () => {
    expect(all(`hots${CURSOR} a {}\nhsot b {}\n`)).toEqual(["host a {}\nhost b {}\n"]);
  });
  it("is not offered where the fixes get in each other's way", () => {
    // Both would take the next free address.
    const text = `segment lan { cidr 10.0.0.0/24 }\nhost a { attach lan 10.9${CURSOR}.0.1 }\nhost b { attach lan 10.9.0.2 }\n`;
    expect(
      fixesAt(text)
        .map(({ title }) => title)
        .join("\n"),
    ).toContain("10.0.0.1");
    expect(all(text)).toEqual([]);
    // That it mends something else is no price for it.
    const failing = "host c { attach lan 10.0.0.9 }\nexpect c -> a reachable\nexpect c -> b reachable\n";
    expect(all(text + failing)).toEqual([]);
  });
});

describe("silencing", () => {
  it("stands above the statement, or behind the line that has several", () => {
    expect(silenced(`host h {\n  attach la${CURSOR}n\n}\n`)).toBe(
      "host h {\n  # knet-ignore KN012 (say why)\n  attach lan\n}\n",
    );
    expect(silenced(`host h { attach la${CURSOR}n }\r\n`)).toBe(
      "host h { attach lan } # knet-ignore KN012 (say why)\r\n",
    );
    expect(silenced(`\thost h {\r\n\t\tattach la${CURSOR}n\r\n\t}\r\n`)).toBe(
      "\thost h {\r\n\t\t# knet-ignore KN012 (say why)\r\n\t\tattach lan\r\n\t}\r\n",
    );
  });
  it("is not offered where it would not count", () => {
    // A brace too many is in no statement.
    expect(silenced(`segment s { cidr 10.0.0.0/24 }\n}${CURSOR}\n`)).toBeUndefined();
  });

  const folder = fileURLToPath(new URL("../../../samples/broken/", import.meta.url));
  it.each(readdirSync(folder))("of everything in %s, whole and torn, leaves the finding out", (name) => {
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
        if (!title.startsWith("Silence")) continue;
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
