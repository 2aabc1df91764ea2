/** Validates SARIF output against the official 2.1.0 schema, from Microsoft's SARIF tools for JavaScript. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import Ajv from "ajv-draft-04";
import formats from "ajv-formats";
import { describe, expect, it } from "vitest";
import { file, knet } from "./run.ts";

const require = createRequire(import.meta.url);
const path = require.resolve("@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json");

// One pattern in the schema is not a valid regular expression with the `u` flag.
const ajv = new Ajv({ strict: false, allErrors: true, unicodeRegExp: false });
formats.default(ajv);
const validate = ajv.compile(JSON.parse(readFileSync(path, "utf8")) as object);

function problemsOf(text: string): unknown {
  validate(JSON.parse(text));
  return validate.errors ?? [];
}

describe("knet check --format sarif", () => {
  it("is valid for every broken sample, with rules, related locations, and fixes", () => {
    const { out } = knet(["check", "samples/broken", "--format", "sarif"]);
    expect(problemsOf(out)).toEqual([]);
    expect(out).toContain('"fixes"');
    expect(out).toContain('"relatedLocations"');
  });

  it("is valid without findings", () => {
    expect(problemsOf(knet(["check", "samples/k1.knet", "--format", "sarif"]).out)).toEqual([]);
  });

  it("is valid with control characters and file names that require escaping", () => {
    const path = file("segment a { cidr 10.0.0.0/33 }\n\u0001 {\n", "odd name ü#%.knet");
    expect(problemsOf(knet(["check", path, "--format", "sarif"]).out)).toEqual([]);
  });
});

describe("the schema", () => {
  it("rejects invalid SARIF", () => {
    expect(problemsOf('{ "version": "2.1.0", "runs": [{ "results": [] }] }')).not.toEqual([]);
  });
});
