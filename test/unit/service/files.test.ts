/** What the service reads from disk: once, until it is told that it has changed. */
import { expect, it } from "vitest";
import { createService, type Service } from "../../../server/src/service/service.ts";

const MAIN = "/work/main.knet";
const CONFIG = "/work/knet.json";
const OVERLAP = "cluster prod { pods 10.244.0.0/16; services 10.244.0.0/24 }\n";

interface Disk {
  readonly service: Service;
  readonly files: Map<string, string>;
  /** What was asked for since this was called last. */
  asked(): readonly string[];
}

function disk(given: Readonly<Record<string, string>> = {}): Disk {
  const files = new Map(Object.entries(given));
  let asked: string[] = [];
  const service = createService({
    readFile(file) {
      asked.push(file);
      return files.get(file);
    },
    resolveImport: (_from, path) => `/work/${path}`,
    configFiles: () => [CONFIG, "/knet.json"],
  });
  return {
    service,
    files,
    asked() {
      const before = asked;
      asked = [];
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

it("knet.json is noticed when it appears, changes, breaks and disappears, and not read at other times", () => {
  const { service, files, asked } = disk();
  service.setText(MAIN, OVERLAP);
  expect(severity(service, "KN101")).toBe("error");
  expect(asked()).toEqual([CONFIG, "/knet.json"]);

  files.set(CONFIG, `{ "checks": { "KN101": "warning" } }`);
  type(service);
  expect(severity(service, "KN101")).toBe("error");
  expect(asked()).toEqual([]);
  service.invalidate(CONFIG);
  expect(severity(service, "KN101")).toBe("warning");
  expect(asked()).toEqual([CONFIG]);

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
  asked();
  for (let typed = 0; typed < 3; typed++) {
    type(service);
    expect(severity(service, "KN101")).toBe("info");
  }
  expect(asked()).toEqual([]);
});

it("an imported file is noticed when it appears and disappears, and not looked for at other times", () => {
  const { service, files, asked } = disk();
  service.setText(MAIN, 'import "net/fabric.knet"\n');
  expect(severity(service, "KN015")).toBe("error");
  asked();
  type(service);
  expect(severity(service, "KN015")).toBe("error");
  expect(asked()).toEqual([]);

  files.set("/work/net/fabric.knet", "segment lan { cidr 10.0.0.0/24 }\n");
  expect(service.invalidate("/work/net/fabric.knet")).toBe(true);
  expect(severity(service, "KN015")).toBeUndefined();

  // With its folder.
  files.clear();
  expect(service.invalidate("/work/net")).toBe(true);
  expect(severity(service, "KN015")).toBe("error");
});

it("files that nobody has asked for change nothing", () => {
  const { service } = disk();
  service.setText(MAIN, OVERLAP);
  const analysis = service.analysisOf(MAIN);
  expect(service.invalidate("/work/other.knet")).toBe(false);
  expect(service.invalidate("/wor")).toBe(false);
  expect(service.analysisOf(MAIN)).toBe(analysis);
});

it("everything is read again once it is forgotten", () => {
  const { service, files } = disk();
  service.setText(MAIN, 'import "fabric.knet"\n');
  expect(severity(service, "KN015")).toBe("error");
  files.set("/work/fabric.knet", "");
  service.forget();
  expect(severity(service, "KN015")).toBeUndefined();
});
