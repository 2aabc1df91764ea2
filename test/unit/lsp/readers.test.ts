/** The `.knet` files of a workspace that read an open manifest. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, describe, expect, it } from "vitest";
import { createDisk } from "../../../server/src/lsp/disk.ts";
import { createDocuments } from "../../../server/src/lsp/documents.ts";

const folder = mkdtempSync(join(tmpdir(), "knet-readers-"));
afterAll(() => rmSync(folder, { recursive: true }));

const uriOf = (name: string): string => pathToFileURL(join(folder, name)).href;
const write = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return uriOf(name);
};

describe("a file that reads an open manifest", () => {
  it("is read from disk once", () => {
    const manifest = "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n";
    const uri = write("a.yaml", manifest);
    write("r.knet", 'cluster c { manifests "a.yaml" }\n');
    write("other.knet", "segment lan { cidr 10.0.0.0/24 }\n");
    const disk = createDisk();
    disk.setFolders([pathToFileURL(folder).href]);
    const read: string[] = [];
    const documents = createDocuments({
      ...disk,
      read: (key) => {
        if (key.endsWith(".knet")) read.push(key.slice(key.lastIndexOf("/") + 1));
        return disk.read(key);
      },
    });
    documents.open(uri, 1, manifest, "yaml");
    expect(documents.readsSources()).toBe(true);
    documents.settle(() => false);
    expect(read.filter((name) => name === "r.knet")).toEqual(["r.knet"]);
  });
});
