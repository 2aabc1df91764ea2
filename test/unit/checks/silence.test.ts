/** The effect of comments and `knet.json` on findings. */
import { describe, expect, test } from "vitest";
import { codeOf } from "../../../server/src/checks/catalog.ts";
import { configuration } from "../../../server/src/checks/syntax/configuration.ts";
import { withLevels } from "../../../server/src/findings/levels.ts";
import { readConfig } from "../../../server/src/service/config.ts";
import { check, shown } from "./harness.ts";

const CLUSTER = `cluster prod {
  pods 10.244.0.0/16 per-node /24
  services 10.244.0.0/24 COMMENT
  cni flannel { backend vxlan }
}
`;
const found = (text: string): string[] => check(text).map(shown);
const foundWith = (comment: string): string[] => found(CLUSTER.replace("COMMENT", comment));

describe("comments", () => {
  test("without a comment, the overlap is reported", () => {
    expect(check(CLUSTER.replace("COMMENT", "")).map(({ code }) => code)).toEqual(["KN101"]);
  });
  test.each(["# knet-ignore KN101 a lab", "// knet-ignore KN101: a lab", "/* knet-ignore KN101 - a lab */"])(
    "%s",
    (comment) => {
      expect(foundWith(comment)).toEqual([]);
    },
  );
  test("a comment on its own line applies to the next statement, including its block", () => {
    expect(found(`# knet-ignore KN101 a lab\n${CLUSTER.replace("COMMENT", "")}`)).toEqual([]);
  });
  test("a comment inside a block applies only to the next statement", () => {
    const text = CLUSTER.replace("COMMENT", "").replace("  services", "  # knet-ignore KN101 a lab\n  services");
    expect(found(text)).toEqual([]);
    expect(found(text.replace("  cni", "  # knet-ignore KN101 a lab\n  cni"))).toEqual([
      "KN018 warning line 5: KN101 does not occur here, so this comment suppresses nothing",
    ]);
  });
  test("a comment after the } of a block applies to the statement, also after formatting", () => {
    const line = CLUSTER.replace("COMMENT", "").replace(/\n\}\n$/, "\n}  # knet-ignore KN101 a lab\n");
    expect(found(line)).toEqual([]);
    // Inner blocks have comments of their own.
    const inner = CLUSTER.replace("COMMENT", "").replace(
      "cni flannel { backend vxlan }",
      "cni flannel {\n    backend vxlan\n  }  # knet-ignore KN101 a lab",
    );
    expect(found(inner)).toContain(
      "KN018 warning line 6: KN101 does not occur here, so this comment suppresses nothing",
    );
  });
  test("knet-ignore-file applies to the file from any position", () => {
    expect(found(`${CLUSTER.replace("COMMENT", "")}# knet-ignore-file KN101 a lab\n`)).toEqual([]);
  });
  test("a comment requires a reason and a valid code", () => {
    expect(foundWith("# knet-ignore KN101")).toEqual([
      "KN019 warning line 3: `knet-ignore KN101` has no reason; add one after the code",
    ]);
    expect(foundWith("# knet-ignore KN999 a lab")).toEqual([
      expect.stringContaining("KN101 error"),
      "KN019 warning line 3: unknown diagnostic KN999; run `knet explain` for a list",
    ]);
    expect(foundWith("# knet-ignore this")).toEqual([
      expect.stringContaining("KN101 error"),
      "KN019 warning line 3: `knet-ignore` has no diagnostic code; write `knet-ignore KN105 reason`",
    ]);
  });
  test("`knet-ignore` inside a sentence or a longer token is ignored", () => {
    expect(found(`segment lan { cidr 10.0.0.0/24 }\n# see knet-ignore in the manual\n# knet-ignored KN101\n`)).toEqual(
      [],
    );
  });
});

describe("knet.json", () => {
  const read = (text: string) => readConfig("knet.json", text, codeOf);
  test("severities by code and by name", () => {
    const config = read(`{ "$schema": "x", "checks": { "kn407": "off", "pod-service-overlap": "warning" } }`);
    expect(config.problems).toEqual([]);
    expect([...config.levels]).toEqual([
      ["KN407", "off"],
      ["KN101", "warning"],
    ]);
  });
  test.each([
    [`{ "checks": { "KN999": "off" } }`, "unknown diagnostic KN999; run `knet explain` for a list", `"KN999"`],
    [
      `{ "checks": { "KN101": "no" } }`,
      'invalid severity `"no"`; expected `off`, `hint`, `info`, `warning`, or `error`',
      `"no"`,
    ],
    [
      `{ "checks": { "KN101": { "level":  "off" } } }`,
      'invalid severity `{ "level": "off" }`; expected `off`, `hint`, `info`, `warning`, or `error`',
      `{ "level":  "off" }`,
    ],
    [
      `{ "checks": { "KN101": ["off"] } }`,
      'invalid severity `["off"]`; expected `off`, `hint`, `info`, `warning`, or `error`',
      `["off"]`,
    ],
    [`{ "rules": {} }`, "unknown property `rules`; expected `checks`", `"rules"`],
    [`[]`, 'expected an object such as `{ "checks": { … } }`', `[]`],
  ])("%s", (text, message, place) => {
    const [problem] = read(text).problems;
    expect(problem && configuration.message(problem.data)).toBe(message);
    expect(text.slice(problem?.span?.start, problem?.span?.end)).toBe(place);
  });
  test("invalid files are reported, not thrown", () => {
    for (const text of ["", "{", "\u0000", "{ checks: {} }", "- a\n- b", "{".repeat(5000), `{"checks":{"KN101":{}}}`])
      expect(read(text).problems.length, text.slice(0, 20)).toBeGreaterThan(0);
  });
});

test("a configured severity never raises a finding that the file expects", () => {
  const [error] = check(CLUSTER.replace("COMMENT", "")).map(({ finding }) => finding);
  if (!error) throw new Error("nothing found");
  const usual = () => "error" as const;
  const levels = new Map([["KN101", "warning" as const]]);
  expect(withLevels([error, { ...error, severity: "info" }], levels, usual).map(({ severity }) => severity)).toEqual([
    "warning",
    "info",
  ]);
  expect(withLevels([error], new Map([["KN101", "off" as const]]), usual)).toEqual([]);
});
