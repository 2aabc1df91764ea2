/** `--state`: the state of real nodes beside the topology. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import type { Report } from "../../server/src/cli/report-schema.ts";
import type { Trace } from "../../server/src/trace/schema.ts";
import { file, knet } from "./run.ts";

const TOPOLOGY = "samples/services.knet";
const RECORDED = join(import.meta.dirname, "../unit/frontends/hoststate/real");

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true });
});

/** A copy of the recorded state with a change of one file. */
function state(name?: string, change: (text: string) => string = (text) => text): string {
  const folder = mkdtempSync(join(tmpdir(), "knet-state-"));
  folders.push(folder);
  cpSync(RECORDED, folder, { recursive: true });
  if (name !== undefined) {
    const path = join(folder, "nodes", name);
    writeFileSync(path, change(readFileSync(path, "utf8")));
  }
  return folder;
}

const withoutRoute = (text: string): string => text.replace(/\{"dst":"10\.244\.1\.0\/24"[^}]*\},/, "");

function diagnostics(args: readonly string[]) {
  const { code, out } = knet(["check", ...args, "--format", "json"]);
  const report = JSON.parse(out) as Report;
  return { code, all: report.files.flatMap(({ path, diagnostics: found }) => found.map((one) => ({ path, ...one }))) };
}

describe("check --state", () => {
  it("reports nothing if the state is that of the topology", () => {
    expect(diagnostics([TOPOLOGY, "--state", state()])).toEqual({ code: 0, all: [] });
  });

  it("reports a missing route at the output and at the declaration", () => {
    const folder = state("n1/route4.json", withoutRoute);
    const { code, all } = diagnostics([TOPOLOGY, "--state", folder, "--fail-on", "warning"]);
    expect(code).toBe(1);
    expect(all).toHaveLength(1);
    expect(all[0]).toMatchObject({
      path: join(folder, "nodes/n1/route4.json"),
      code: "KN810",
      severity: "warning",
      message:
        "node `prod/n1` has no route to 10.244.1.0/24; flannel would install `10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink`",
      range: { start: { line: 0, character: 0 } },
      related: [{ file: TOPOLOGY, range: { start: { line: 20 } } }],
    });
    expect(knet(["check", TOPOLOGY, "--state", folder]).out).toContain("has no route to 10.244.1.0/24");
  });

  it("reports a changed entry at its line", () => {
    const folder = state("n2/sysctl.txt", (text) => text.replace("net.ipv4.ip_forward = 1", "net.ipv4.ip_forward = 0"));
    const { all } = diagnostics([TOPOLOGY, "--state", folder]);
    const text = readFileSync(join(folder, "nodes/n2/sysctl.txt"), "utf8").split("\n");
    expect(all.map(({ message, range }) => [message, text[range.start.line]])).toEqual([
      [
        "node `prod/n2` has `net.ipv4.ip_forward = 0`; the topology has `net.ipv4.ip_forward = 1`",
        "net.ipv4.ip_forward = 0",
      ],
    ]);
  });

  it("reports state of machines that do not exist, truncated files, and reads the rest", () => {
    const folder = state("n1/route4.json", (text) => text.slice(0, -40));
    mkdirSync(join(folder, "nodes/n9"));
    writeFileSync(join(folder, "nodes/n9/route4.txt"), "10.9.0.0/16 dev eth0\n");
    const { all } = diagnostics([TOPOLOGY, "--state", folder]);
    expect(all.map(({ code }) => code).sort()).toEqual(["KN802", "KN811"]);
    expect(all.find(({ code }) => code === "KN811")?.message).toBe(
      "real machine `n9` is not compared: the topology contains neither its name nor its addresses",
    );
  });

  it("exits with 2 if there is no state", () => {
    expect(knet(["check", TOPOLOGY, "--state", "/nonexistent"])).toMatchObject({
      code: 2,
      err: "knet: /nonexistent: cannot be read (ENOENT: no such file or directory)\n",
    });
    const other = file("hello\n", "n1.txt");
    expect(knet(["check", TOPOLOGY, "--state", other])).toMatchObject({
      code: 2,
      err: `knet: ${other}: no state of a machine found\n`,
    });
  });
});

describe("trace --state", () => {
  it("fails over the real state without the route, and delivers over the derived state", () => {
    const folder = state("n1/route4.json", withoutRoute);
    const args = ["trace", TOPOLOGY, "web", "api-1", "--port", "9090", "--state", folder];
    expect(knet([...args, "--on", "derived"])).toMatchObject({ code: 0 });
    expect(knet([...args, "--on", "real"])).toMatchObject({ code: 1 });
    const both = knet(args);
    expect(both.code).toBe(1);
    expect(both.out).toMatch(/^Derived state\n[\s\S]*✓ delivered, reply received[\s\S]*\nReal state\n[\s\S]*✗/);
    expect(both.out).toContain("First difference on node prod/n1");
    const json = JSON.parse(knet([...args, "--format", "json"]).out) as Trace;
    expect(json).toMatchObject({ verdict: "delivered", answered: true });
    expect(json.real?.verdict).not.toBe("delivered");
  });

  it("locates entries of the real state in its files", () => {
    const folder = state();
    const { out } = knet([
      "trace",
      TOPOLOGY,
      "web",
      "api-1",
      "--port",
      "9090",
      "--state",
      folder,
      "--on",
      "real",
      "--format",
      "json",
    ]);
    const rules = (JSON.parse(out) as Trace).paths.flatMap(({ hops }) => hops.flatMap(({ rule }) => rule ?? []));
    const route = rules.find(({ text }) => text.startsWith("10.244.1.0/24 via"));
    expect(route?.location?.file).toBe(join(folder, "nodes/n1/route4.json"));
    expect(knet(["trace", TOPOLOGY, "web", "api-1", "--state", folder]).out).toContain(
      "The packet takes the same path in both states.",
    );
  });

  it("requires the state for --on, and one state for pictures", () => {
    expect(knet(["trace", TOPOLOGY, "web", "api-1", "--on", "real"])).toMatchObject({
      code: 2,
      err: "knet: --on real requires --state\n",
    });
    const args = ["trace", TOPOLOGY, "web", "api-1", "--state", RECORDED, "--format", "mermaid"];
    expect(knet([...args, "--on", "both"]).code).toBe(2);
    expect(knet(args).code).toBe(0);
  });
});

describe("routes --real and rules --real", () => {
  it("print the real state", () => {
    const folder = state("n1/route4.json", withoutRoute);
    const args = [TOPOLOGY, "n1", "--state", folder];
    expect(knet(["routes", ...args]).out).toContain("10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink");
    expect(knet(["routes", ...args, "--real"]).out).not.toContain("10.244.1.0/24 via");
    expect(knet(["routes", ...args, "--real"]).out).toContain("10.244.2.0/24 via 10.244.2.0 dev flannel.1 onlink");
    const added = state("n1/iptables-save.txt", (text) =>
      text.replace("-A FORWARD", "-A FORWARD -m length --length 0:9 -j TEE --gateway 10.0.0.9\n-A FORWARD"),
    );
    expect(knet(["rules", TOPOLOGY, "n1", "--state", added, "--real"]).out).toContain(
      "-A FORWARD -m length --length 0:9 -j TEE --gateway 10.0.0.9",
    );
    expect(knet(["routes", TOPOLOGY, "n1", "--real"])).toMatchObject({
      code: 2,
      err: "knet: --real requires --state\n",
    });
    expect(knet(["routes", TOPOLOGY, "web", "--state", folder, "--real"]).code).toBe(2);
  });

  it("names the outputs that were not collected, once", () => {
    const folder = state();
    for (const name of ["n1/rule4.json", "n1/rule6.json", "n2/rule4.json", "n2/rule6.json", "n2/sysctl.txt"])
      rmSync(join(folder, "nodes", name));
    const trace = ["trace", TOPOLOGY, "web", "api-1", "--port", "9090", "--state", folder];
    expect(knet([...trace, "--on", "real"]).err).toBe(
      "knet: n1: rules not collected: derived rules are used\n" +
        "knet: n2: rules and sysctls not collected: derived rules and sysctls are used\n",
    );
    expect(knet([...trace, "--on", "derived"]).err).toBe("");
    const routes = ["routes", TOPOLOGY, "n1", "--state", folder];
    expect(knet([...routes, "--real"]).err).toBe("knet: n1: rules not collected: derived rules are used\n");
    expect(knet(routes).err).toBe("");
    expect(knet(["routes", TOPOLOGY, "n3", "--state", folder, "--real"]).err).toBe("");
  });

  it("print no derived routes in place of an empty table", () => {
    const folder = state("n1/route4.json", () => "[]");
    const { out } = knet(["routes", TOPOLOGY, "n1", "--state", folder, "--real"]);
    expect(out).toContain("# ip -6 route");
    expect(out).not.toContain("# ip route");
    expect(knet(["check", TOPOLOGY, "--state", folder]).out).toContain("has no route to default and 4 more");
  });

  it("belong to the machine of the only folder", () => {
    const folder = mkdtempSync(join(tmpdir(), "knet-state-"));
    folders.push(folder);
    mkdirSync(join(folder, "n1"));
    writeFileSync(join(folder, "n1/routes.txt"), "10.9.0.0/16 via 192.168.10.1 dev eth0\n");
    writeFileSync(join(folder, "n1/rules.txt"), "0: from all lookup local\n32766: from all lookup main\n");
    const { out, code } = knet(["routes", TOPOLOGY, "n1", "--state", folder, "--real"]);
    expect(code).toBe(0);
    expect(out).toContain("10.9.0.0/16 via 192.168.10.1 dev eth0");
    expect(out).not.toContain("10.244.1.0/24 via");
  });
});

describe("a file of the state", () => {
  const at = (folder: string, name: string): string => join(folder, "nodes", name);
  const [name = ""] = ["n1/addr.json"];

  it("can be UTF-16, as PowerShell writes it", () => {
    const folder = state();
    const text = readFileSync(at(folder, name), "utf8");
    writeFileSync(at(folder, name), Buffer.from(`\ufeff${text}`, "utf16le"));
    expect(diagnostics([TOPOLOGY, "--state", folder])).toEqual({ code: 0, all: [] });
  });

  it("that is not text is an error if it is the output of a command, and otherwise named", () => {
    const folder = state();
    writeFileSync(at(folder, "n1/capture.pcap"), Uint8Array.from([0xd4, 0xc3, 0xb2, 0xa1, 0, 0]));
    const skipped = knet(["check", TOPOLOGY, "--state", folder]);
    expect(skipped.code).toBe(0);
    expect(skipped.err).toContain("capture.pcap: not valid UTF-8");
    writeFileSync(at(folder, name), Uint8Array.from([0x1f, 0x8b, 0x08, 0]));
    const failed = knet(["check", TOPOLOGY, "--state", folder]);
    expect(failed.code).toBe(2);
    expect(failed.err).toMatch(/addr\.json: not valid UTF-8\n$/);
  });

  it("that is empty is reported if the command always prints something", () => {
    const folder = state();
    writeFileSync(at(folder, "n1/rule4.json"), "");
    const { all } = diagnostics([TOPOLOGY, "--state", folder]);
    expect(all.map(({ code, message }) => `${code} ${message}`)).toEqual([
      "KN802 invalid source: the file is empty: the command failed",
    ]);
  });

  it("shows a device that is down in `routes --real`", () => {
    const folder = state();
    for (const output of ["n1/link.json", "n1/addr.json"]) {
      const text = readFileSync(at(folder, output), "utf8");
      const down = text.replaceAll('"operstate":"UP"', '"operstate":"DOWN"').replaceAll(/"(?:UP|LOWER_UP)",?/g, "");
      writeFileSync(at(folder, output), down.replaceAll(",]", "]"));
    }
    const { out } = knet(["routes", TOPOLOGY, "prod/n1", "--state", folder, "--real"]);
    expect(out).toMatch(/^eth0 +DOWN/m);
  });
});
