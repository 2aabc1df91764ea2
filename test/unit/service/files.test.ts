/** The files of the service: it names the files that it needs, each once, until it is notified of a change. */
import { describe, expect, it } from "vitest";
import { pulling } from "../../../server/src/service/pull.ts";
import { createService, type Service } from "../../../server/src/service/service.ts";

const MAIN = "/work/main.knet";
const CONFIG = "/work/knet.json";
const OVERLAP = "cluster prod { pods 10.244.0.0/16; services 10.244.0.0/24 }\n";

interface Disk {
  readonly service: Service;
  readonly files: Map<string, string>;
  /** The files read since the last call. */
  reads(): readonly string[];
}

function disk(given: Readonly<Record<string, string>> = {}): Disk {
  const files = new Map(Object.entries(given));
  let reads: string[] = [];
  const closed = createService({
    resolveImport: (_from, path) => `/work/${path}`,
    configFiles: () => [CONFIG, "/knet.json"],
  });
  const service = pulling(closed, (file) => {
    reads.push(file);
    return files.get(file);
  });
  return {
    service,
    files,
    reads() {
      const before = reads;
      reads = [];
      return before;
    },
  };
}

const severity = (service: Service, code: string): string | undefined =>
  service
    .analysisOf(MAIN)
    ?.findings(() => false)
    ?.find((one) => one.code === code)?.severity;
const type = (service: Service): void => service.edit(MAIN, [{ start: 0, end: 0, text: "\n" }]);

it("knet.json is read when it appears, changes, is invalid, or disappears, and not at other times", () => {
  const { service, files, reads } = disk();
  service.setText(MAIN, OVERLAP);
  expect(severity(service, "KN101")).toBe("error");
  expect(reads()).toEqual([CONFIG, "/knet.json"]);

  files.set(CONFIG, `{ "checks": { "KN101": "warning" } }`);
  type(service);
  expect(severity(service, "KN101")).toBe("error");
  expect(reads()).toEqual([]);
  service.invalidate(CONFIG);
  expect(severity(service, "KN101")).toBe("warning");
  expect(reads()).toEqual([CONFIG]);

  files.set(CONFIG, `{ "checks": { "KN101": "hint" } }`);
  service.invalidate(CONFIG);
  expect(severity(service, "KN101")).toBe("hint");

  files.set(CONFIG, `{ "checks": `);
  service.invalidate(CONFIG);
  expect(severity(service, "KN101")).toBe("error");
  expect(severity(service, "KN017")).toBe("error");

  files.delete(CONFIG);
  files.set("/knet.json", `{ "checks": { "KN101": "info" } }`);
  service.invalidate(CONFIG);
  service.invalidate("/knet.json");
  expect(severity(service, "KN101")).toBe("info");
  reads();
  for (let typed = 0; typed < 3; typed++) {
    type(service);
    expect(severity(service, "KN101")).toBe("info");
  }
  expect(reads()).toEqual([]);
});

it("an imported file is read when it appears or disappears, and not at other times", () => {
  const { service, files, reads } = disk();
  service.setText(MAIN, 'import "net/fabric.knet"\n');
  expect(severity(service, "KN015")).toBe("error");
  reads();
  type(service);
  expect(severity(service, "KN015")).toBe("error");
  expect(reads()).toEqual([]);

  files.set("/work/net/fabric.knet", "segment lan { cidr 10.0.0.0/24 }\n");
  expect(service.invalidate("/work/net/fabric.knet")).toBe(true);
  expect(severity(service, "KN015")).toBeUndefined();

  // The folder is deleted.
  files.clear();
  expect(service.invalidate("/work/net")).toBe(true);
  expect(severity(service, "KN015")).toBe("error");
});

it("unused files have no effect", () => {
  const { service } = disk();
  service.setText(MAIN, OVERLAP);
  const analysis = service.analysisOf(MAIN);
  expect(service.invalidate("/work/other.knet")).toBe(false);
  expect(service.invalidate("/wor")).toBe(false);
  expect(service.analysisOf(MAIN)).toBe(analysis);
});

it("everything is read again after forget()", () => {
  const { service, files } = disk();
  service.setText(MAIN, 'import "fabric.knet"\n');
  expect(severity(service, "KN015")).toBe("error");
  files.set("/work/fabric.knet", "");
  service.forget();
  expect(severity(service, "KN015")).toBeUndefined();
});

describe("a shell that provides files later", () => {
  const open = (text: string): Service => {
    const service = createService({
      resolveImport: (_from, path) => `/work/${path}`,
      configFiles: () => [CONFIG, "/knet.json"],
    });
    service.setText(MAIN, text);
    return service;
  };
  const SEGMENT = "segment lan { cidr 10.0.0.0/24 }\n";

  it("is told what is missing: imports, their imports, and the nearest knet.json", () => {
    const service = open('import "a.knet"\nimport "b.knet"\n');
    expect(service.wanted()).toEqual(["/work/a.knet", "/work/b.knet"]);
    service.provide("/work/b.knet", undefined);
    expect(service.wanted()).toEqual(["/work/a.knet"]);
    service.provide("/work/a.knet", 'import "main.knet"\nimport "c.knet"\nimport "b.knet"\n');
    expect(service.wanted()).toEqual(["/work/c.knet"]);
    service.provide("/work/c.knet", { problem: "not a regular file" });
    expect(service.wanted()).toEqual([CONFIG]);
    service.provide(CONFIG, undefined);
    expect(service.wanted()).toEqual(["/knet.json"]);
    service.provide("/knet.json", "{}");
    expect(service.wanted()).toEqual([]);
    const messages = service.analysisOf(MAIN)?.findings(() => false) ?? [];
    expect(messages.map(({ source, message }) => `${source.file}: ${message}`)).toEqual([
      "/work/a.knet: `c.knet` cannot be read (not a regular file)",
      "/work/a.knet: `b.knet` cannot be read (paths are relative to this file)",
      "/work/main.knet: `b.knet` cannot be read (paths are relative to this file)",
    ]);
  });

  it("can name a file that is not open", () => {
    const service = open("");
    expect(service.wanted("/work/other.knet")).toEqual(["/work/other.knet"]);
    expect(service.analysisOf("/work/other.knet")).toBeUndefined();
    service.provide("/work/other.knet", 'import "fabric.knet"\n');
    expect(service.wanted("/work/other.knet")).toEqual(["/work/fabric.knet"]);
    service.provide("/work/fabric.knet", SEGMENT);
    expect(service.wanted("/work/other.knet")).toEqual([CONFIG]);
    service.provide(CONFIG, `{ "checks": {} }`);
    expect(service.wanted("/work/other.knet")).toEqual([]);
    expect(service.analysisOf("/work/other.knet")?.files.map(({ file }) => file)).toEqual([
      "/work/other.knet",
      "/work/fabric.knet",
    ]);
  });

  it("has an analysis without the files until then, and with them afterwards", () => {
    const service = open('import "fabric.knet"\nhost h { attach lan 10.0.0.5 }\n');
    expect(severity(service, "KN015")).toBe("error");
    const { version } = service;
    service.provide("/work/fabric.knet", SEGMENT);
    expect(service.version).toBeGreaterThan(version);
    expect(severity(service, "KN015")).toBeUndefined();
    expect(severity(service, "KN012")).toBeUndefined();
    service.provide(CONFIG, `{ "checks": { "unknown": "off" } }`);
    expect(severity(service, "KN017")).toBe("error");
  });

  it("can provide a file again: only a different text changes the analysis, and none that is open", () => {
    const service = open('import "fabric.knet"\nhost h { attach lan 10.0.0.5 }\n');
    for (const file of ["/work/fabric.knet", CONFIG, "/knet.json"]) service.provide(file, undefined);
    service.provide("/work/fabric.knet", SEGMENT);
    const analysis = service.analysisOf(MAIN);
    service.provide("/work/fabric.knet", SEGMENT);
    service.provide(MAIN, "host other\n");
    service.provide("/work/unused.knet", SEGMENT);
    expect(service.analysisOf(MAIN)).toBe(analysis);
    expect(severity(service, "KN012")).toBeUndefined();
    service.provide("/work/fabric.knet", "");
    expect(severity(service, "KN012")).toBe("error");
  });

  it("is told everything again after forget(), and what has changed after invalidate()", () => {
    const service = open('import "a.knet"\nimport "b.knet"\n');
    for (const file of ["/work/a.knet", "/work/b.knet", CONFIG, "/knet.json"]) service.provide(file, "{}");
    expect(service.wanted()).toEqual([]);
    service.invalidate("/work/b.knet");
    expect(service.wanted()).toEqual(["/work/b.knet"]);
    service.forget();
    expect(service.wanted()).toEqual(["/work/a.knet", "/work/b.knet"]);
  });
});
