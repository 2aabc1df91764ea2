import { describe, expect, it } from "vitest";
import { beside, isInside, keyOf, relativePath } from "../../../server/src/lsp/uri.ts";

describe("identities of files", () => {
  it("are the same for all spellings of a URI", () => {
    expect(keyOf("file:///c:/a%20b/x.knet")).toBe("file:///c%3A/a%20b/x.knet");
    expect(keyOf("file:///C%3A/a b/x.knet")).toBe("file:///c%3A/a%20b/x.knet");
    expect(keyOf("file://localhost/x(1).knet")).toBe("file:///x%281%29.knet");
    expect(keyOf("untitled:Untitled-1")).toBe("untitled:Untitled-1");
    expect(keyOf("file:///bad%zz.knet")).toBe("file:///bad%25zz.knet");
    expect(keyOf(keyOf("file:///ü/%23.knet"))).toBe(keyOf("file:///ü/%23.knet"));
  });
  it("are resolved relative to other files", () => {
    expect(beside("file:///w/a/x.knet", "../b/y z.knet")).toBe("file:///w/b/y%20z.knet");
    expect(beside("file:///w/x.knet", "what?#.knet")).toBe("file:///w/what%3F%23.knet");
    expect(beside("file:///w/x.knet", "sub\\y.knet")).toBe("file:///w/sub/y.knet");
    expect(beside("vscode-vfs://github/o/r/x.knet", "y.knet")).toBe("vscode-vfs://github/o/r/y.knet");
    expect(beside("untitled:Untitled-1", "y.knet")).toBeUndefined();
    expect(beside("file:///w/x.knet", "http://evil/y.knet")).toBe("file:///w/http%3A//evil/y.knet");
    expect(beside("file:///w/x.knet", "a\0b")).toBeUndefined();
  });
  it("have relative paths to each other", () => {
    expect(relativePath("file:///w/a/x.knet", "file:///w/b/y%20z.knet")).toBe("../b/y z.knet");
    expect(relativePath("file:///w/x.knet", "file:///w/y.knet")).toBe("y.knet");
    expect(relativePath("untitled:x", "file:///w/y.knet")).toBeUndefined();
    expect(isInside("file:///w/a", "file:///w/ab/x.knet")).toBe(false);
  });
});
