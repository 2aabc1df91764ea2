/** What comments and knet.json decide about findings. */
import { describe, expect, test } from "vitest";
import { codeOf } from "../../../server/src/checks/catalogue.ts";
import { readConfig } from "../../../server/src/checks/config.ts";
import { withLevels } from "../../../server/src/checks/levels.ts";
import { check, shown } from "./harness.ts";

const CLUSTER = `cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.244.0.0/24 SILENCE
  cni flannel { backend vxlan }
}
`;
const found = (text: string): string[] => check(text).map(shown);
const silencedBy = (comment: string): string[] => found(CLUSTER.replace("SILENCE", comment));

describe("comments", () => {
  test("without one the overlap is found", () => {
    expect(check(CLUSTER.replace("SILENCE", "")).map(({ code }) => code)).toEqual(["KN101"]);
  });
  test.each(["# knet-ignore KN101 a lab", "// knet-ignore KN101: a lab", "/* knet-ignore KN101 - a lab */"])(
    "%s",
    (comment) => {
      expect(silencedBy(comment)).toEqual([]);
    },
  );
  test("alone on a line it counts for the statement that follows, with its block", () => {
    expect(found(`# knet-ignore KN101 a lab\n${CLUSTER.replace("SILENCE", "")}`)).toEqual([]);
  });
  test("in the block, for the next statement only", () => {
    const text = CLUSTER.replace("SILENCE", "").replace("  services", "  # knet-ignore KN101 a lab\n  services");
    expect(found(text)).toEqual([]);
    expect(found(text.replace("  cni", "  # knet-ignore KN101 a lab\n  cni"))).toEqual([
      "KN018 warning line 5: KN101 is silenced here, but it does not occur; remove the comment",
    ]);
  });
  test("for the file, wherever it stands", () => {
    expect(found(`${CLUSTER.replace("SILENCE", "")}# knet-ignore-file KN101 a lab\n`)).toEqual([]);
  });
  test("what it is written for has to be said, and to exist", () => {
    expect(silencedBy("# knet-ignore KN101")).toEqual([
      "KN019 warning line 3: why KN101 is silenced is not said; add the reason behind the code",
    ]);
    expect(silencedBy("# knet-ignore KN999 a lab")).toEqual([
      expect.stringContaining("KN101 error"),
      'KN019 warning line 3: there is no diagnostic KN999; "knet explain" lists all',
    ]);
    expect(silencedBy("# knet-ignore this")).toEqual([
      expect.stringContaining("KN101 error"),
      "KN019 warning line 3: knet-ignore names no diagnostic; write the code behind it: knet-ignore KN105 reason",
    ]);
  });
  test("the word in a text or within another word is no comment of ours", () => {
    expect(found(`segment lan { cidr 10.0.0.0/24 }\n# see knet-ignore in the manual\n# knet-ignored KN101\n`)).toEqual(
      [],
    );
  });
});

describe("knet.json", () => {
  const read = (text: string) => readConfig("knet.json", text, codeOf);
  test("levels by code and by name", () => {
    const config = read(`{ "$schema": "x", "checks": { "kn407": "off", "pod-service-overlap": "warning" } }`);
    expect(config.problems).toEqual([]);
    expect([...config.levels]).toEqual([
      ["KN407", "off"],
      ["KN101", "warning"],
    ]);
  });
  test.each([
    [`{ "checks": { "KN999": "off" } }`, 'there is no diagnostic KN999; "knet explain" lists all', `"KN999"`],
    [`{ "checks": { "KN101": "no" } }`, 'a check is off, hint, info, warning, error, not "no"', `"no"`],
    [`{ "rules": {} }`, 'knet.json has no "rules"; it has "checks"', `"rules"`],
    [`[]`, 'knet.json holds an object: { "checks": { … } }', `[`],
  ])("%s", (text, message, place) => {
    const [problem] = read(text).problems;
    expect(problem?.message).toBe(message);
    expect(text.slice(problem?.span?.start, problem?.span?.end)).toBe(place);
  });
  test("any bytes are no exception", () => {
    for (const text of ["", "{", "\u0000", "{ checks: {} }", "- a\n- b", "{".repeat(5000), `{"checks":{"KN101":{}}}`])
      expect(read(text).problems.length, text.slice(0, 20)).toBeGreaterThan(0);
  });
});

test("a level never makes a note grave that a file's expectation has made one", () => {
  const [error] = check(CLUSTER.replace("SILENCE", "")).map(({ finding }) => finding);
  if (!error) throw new Error("nothing found");
  const usual = () => "error" as const;
  const levels = new Map([["KN101", "warning" as const]]);
  expect(withLevels([error, { ...error, severity: "info" }], levels, usual).map(({ severity }) => severity)).toEqual([
    "warning",
    "info",
  ]);
  expect(withLevels([error], new Map([["KN101", "off" as const]]), usual)).toEqual([]);
});
