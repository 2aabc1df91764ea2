import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { readObjects } from "../../../server/src/frontends/kubernetes/source.ts";

const CONTENT = `{
  "Network": "10.42.0.0/16",
  "Backend": {
    "Type": "vxlan",
    "VNI": 7
  },
  "List": ["a\\"b", "c"]
}
`;

const indented = (by: string): string => CONTENT.replace(/^(?=.)/gm, by);
const yaml = (value: string): string => `kind: ConfigMap\nmetadata: {name: a}\ndata:\n  conf: ${value}`;

/** The text at a field of the document in `data.conf`. */
function at(text: string, path: readonly (string | number)[]): string | undefined {
  const span = readObjects("a.yaml", text).objects[0]?.locate(["data", "conf", ...path]);
  return span && text.slice(span.start, span.end);
}

describe("fields of documents inside of strings", () => {
  it.each([
    ["a literal block", yaml(`|\n${indented("    ")}`)],
    [
      "a literal block with an indentation indicator and CRLF",
      yaml(`|2-\n${indented("    ")}`).replaceAll("\n", "\r\n"),
    ],
    [
      "a string of JSON",
      JSON.stringify({ kind: "ConfigMap", metadata: { name: "a" }, data: { conf: CONTENT } }, null, 2),
    ],
    ["double quotes", yaml(JSON.stringify(CONTENT))],
    ["single quotes", yaml(`'${CONTENT.replace(/\n\s*/g, " ").trim()}'`)],
  ])("are located in %s", (_, text) => {
    expect(at(text, ["Network"])?.replaceAll('\\"', '"')).toBe('"10.42.0.0/16"');
    expect(at(text, ["Backend", "VNI"])).toBe("7");
    expect(at(text, ["List", 1])?.replaceAll('\\"', '"')).toBe('"c"');
  });

  it("are located in a single-quoted text with quotes", () => {
    expect(at(yaml('\'{"a": "it\'\'s", "b": 5}\''), ["b"])).toBe("5");
  });

  it("have no place in a folded block, and if they do not exist", () => {
    expect(at(yaml(`>\n${indented("    ")}`), ["Network"])).toBeUndefined();
    expect(at(yaml(`|\n${indented("    ")}`), ["Other"])).toBeUndefined();
    expect(at(yaml("text"), ["Network"])).toBeUndefined();
  });

  it("are located in what a YAML library writes", () => {
    const text = stringify({ kind: "ConfigMap", metadata: { name: "a" }, data: { conf: CONTENT } });
    expect(at(text, ["Backend", "Type"])).toBe('"vxlan"');
  });
});
