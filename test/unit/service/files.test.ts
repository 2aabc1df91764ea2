/** File access of the service: each file is read once, until the service is notified of a change. */
import { expect, it } from "vitest";
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
  const service = createService({
    readFile(file) {
      reads.push(file);
      return files.get(file);
    },
    resolveImport: (_from, path) => `/work/${path}`,
    configFiles: () => [CONFIG, "/knet.json"],
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
