import { gzipSync, strToU8, zipSync } from "fflate";
import { createTar } from "nanotar";
import { describe, expect, it } from "vitest";
import { messageOf } from "../../../server/src/checks/run.ts";
import { isTar, tarEntries } from "../../../server/src/frontends/containers/tar.ts";
import { decodedText } from "../../../server/src/frontends/containers/text.ts";
import {
  isArchive,
  UNPACK_LIMITS,
  type UnpackLimits,
  unpack,
} from "../../../server/src/frontends/containers/unpack.ts";

const wants = (name: string): boolean => name.endsWith(".json");

/** "name: text", or "name! problem". */
function shown(file: string, bytes: Uint8Array, limits: UnpackLimits = UNPACK_LIMITS): readonly string[] {
  return unpack(file, bytes, wants, limits).map((one) =>
    one.failures ? `${one.file}! ${one.failures.map(messageOf).join("; ")}` : `${one.file}: ${one.text}`,
  );
}

function tar(files: Readonly<Record<string, string | Uint8Array>>): Uint8Array {
  return createTar(Object.entries(files).map(([name, data]) => ({ name, data })));
}

const FILES = { "a/nodes.json": "[1]", "a/pods.log": "a log", "../b.json": "[2]" };
const FOUND = ["x/a/nodes.json: [1]", "x/../b.json: [2]"];

describe("an archive", () => {
  it.each([
    ["tar", tar(FILES)],
    ["tar.gz", gzipSync(tar(FILES))],
    ["zip", zipSync(Object.fromEntries(Object.entries(FILES).map(([name, text]) => [name, strToU8(text)])))],
  ])("%s has the wanted files; their names are only names", (_, bytes) => {
    expect(isArchive(bytes)).toBe(true);
    // The writer of the test resolves `..`.
    expect(shown("x", bytes).map((line) => line.replace("x/b.json", "x/../b.json"))).toEqual(FOUND);
  });

  it("of one file has the name without .gz", () => {
    expect(shown("out/dump.json.gz", gzipSync(strToU8("{}")))).toEqual(["out/dump.json.gz/dump.json: {}"]);
  });

  it("in an archive is read once", () => {
    const inner = gzipSync(tar({ "c.json": "3" }));
    expect(shown("x", tar({ "in.tar.gz": inner }))).toEqual(["x/in.tar.gz/c.json: 3"]);
    expect(shown("x", tar({ "out.zip": zipSync({ "in.tar.gz": inner }) }))).toEqual([
      "x/out.zip/in.tar.gz! not read: an archive in an archive in an archive",
    ]);
  });

  it("that ends too early has the files before its end", () => {
    const whole = tar({ "a.json": "1", "b.json": "2".repeat(3000), "c.json": "3" });
    expect(shown("x", whole.subarray(0, 2000))).toEqual([
      "x/a.json: 1",
      "x! the source ends within an object; the rest is missing",
    ]);
    const packed = gzipSync(tar({ "a.json": "1", "b.json": noise(200_000) }));
    const found = shown("x", packed.subarray(0, packed.length / 2));
    expect(found).toEqual(["x/a.json: 1", "x! the source ends within an object; the rest is missing"]);
  });

  it("beyond a limit is not read", () => {
    const limits = { ...UNPACK_LIMITS, entry: 1_000_000, total: 3_000_000 };
    const bomb = gzipSync(new Uint8Array(30_000_000));
    expect(shown("x", bomb, limits)).toEqual(["x! not read: more than 1 MB unpacked"]);
    expect(shown("x", zipSync({ "a.json": new Uint8Array(5_000_000), "b.json": strToU8("1") }), limits)).toEqual([
      "x/b.json: 1",
      "x/a.json! not read: more than 1 MB unpacked",
    ]);
    const many = tar(Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`${index}.json`, "1"])));
    const zipped = zipSync(
      Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`${index}.json`, strToU8("1")])),
    );
    for (const bytes of [many, zipped])
      expect(shown("x", bytes, { ...limits, entries: 2 })).toEqual([
        "x/0.json: 1",
        "x/1.json: 1",
        "x! not read: the remaining entries of a large archive",
      ]);
  });

  it("that is damaged, or in another format, is a problem", () => {
    expect(shown("x", Uint8Array.of(0x1f, 0x8b, 8, 0, 1, 2, 3))).toEqual(["x! invalid source: not a valid gzip file"]);
    expect(shown("x", strToU8("PK\u0003\u0004 no zip"))).toEqual(["x! invalid source: not a valid zip file"]);
    expect(shown("x.zst", Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0))).toEqual([
      "x.zst! invalid source: compressed with zstd; unpack the file first",
    ]);
  });
});

/** Digits that do not compress well. */
function noise(length: number): string {
  const codes: number[] = [];
  for (let state = 1; codes.length < length; state = (state * 48271) % 2147483647) codes.push(33 + (state % 90));
  return codes.map((code) => String.fromCharCode(code)).join("");
}

describe("a tar archive", () => {
  const long = `${"folder/".repeat(20)}a.json`;

  it("has the names of pax and GNU headers, and of the ustar prefix", () => {
    const pax = tarOf([
      { name: "PaxHeaders/a", type: "x", data: paxRecord(`path=${long}`) },
      { name: "short", type: "0", data: "1" },
    ]);
    const gnu = tarOf([
      { name: "././@LongLink", type: "L", data: `${long}\0` },
      { name: "short", type: "0", data: "1" },
    ]);
    const prefix = tarOf([{ name: "a.json", type: "0", data: "1", prefix: "b/with space" }]);
    const names = (bytes: Uint8Array) => tarEntries(bytes, () => true, 100).entries.map(({ name }) => name);
    expect([names(pax), names(gnu), names(prefix)]).toEqual([[long], [long], ["b/with space/a.json"]]);
  });

  it("is recognized by its checksum", () => {
    const bytes = tar({ "a.json": "1" });
    expect(isTar(bytes)).toBe(true);
    bytes[0] = 0x62;
    expect(isTar(bytes)).toBe(false);
    expect(isTar(new Uint8Array(1024))).toBe(false);
  });
});

function paxRecord(record: string): string {
  const own = record.length + 2;
  const digits = String(own + String(own).length).length;
  return `${own + digits} ${record}\n`;
}

interface Member {
  readonly name: string;
  readonly type: string;
  readonly data: string;
  readonly prefix?: string;
}

/** POSIX ustar headers. */
function tarOf(members: readonly Member[]): Uint8Array {
  const blocks = members.flatMap(({ name, type, data, prefix = "" }) => {
    const header = new Uint8Array(512);
    const put = (text: string, at: number): void => header.set(strToU8(text), at);
    put(name, 0);
    put(data.length.toString(8).padStart(11, "0"), 124);
    put("        ", 148);
    put(type, 156);
    put("ustar\u000000", 257);
    put(prefix, 345);
    put(
      `${header
        .reduce((sum, one) => sum + one, 0)
        .toString(8)
        .padStart(6, "0")}\0 `,
      148,
    );
    const content = new Uint8Array(Math.ceil(data.length / 512) * 512);
    content.set(strToU8(data));
    return [header, content];
  });
  const all = new Uint8Array(blocks.reduce((sum, { length }) => sum + length, 1024));
  let at = 0;
  for (const block of blocks) {
    all.set(block, at);
    at += block.length;
  }
  return all;
}

describe("a text", () => {
  const utf16 = (text: string, isBig: boolean): Uint8Array =>
    Uint8Array.from(
      [...`\uFEFF${text}`].flatMap((one) => {
        const code = one.charCodeAt(0);
        return isBig ? [code >> 8, code & 255] : [code & 255, code >> 8];
      }),
    );

  it("can have a byte order mark", () => {
    const texts = [utf16("{ü}", false), utf16("{ü}", true), Uint8Array.of(0xef, 0xbb, 0xbf, 0x7b, 0x7d)].map(
      decodedText,
    );
    expect(texts).toEqual([
      { ok: true, text: "{ü}" },
      { ok: true, text: "{ü}" },
      { ok: true, text: "{}" },
    ]);
  });

  it("that is not a text is an error", () => {
    expect([Uint8Array.of(0xff, 0x20), Uint8Array.of(0x20, 0)].map(decodedText)).toEqual([
      { ok: false, error: "not valid UTF-8" },
      { ok: false, error: "not a text file (NUL byte at offset 1)" },
    ]);
  });
});
