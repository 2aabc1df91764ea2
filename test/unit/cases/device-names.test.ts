/** Device names: the kernel's rule (net/core/dev.c, dev_valid_name; each result was recorded on Linux 6.18), and labs with odd names. */
import { spawnSync } from "node:child_process";
import { describe, expect, it } from "vitest";
import { namespacesOf } from "../../../server/src/cli/lab-ask.ts";
import { planLab } from "../../../server/src/lab/plan.ts";
import { labScript } from "../../../server/src/lab/script.ts";
import type { Analysis } from "../../../server/src/service/analysis.ts";
import { createService } from "../../../server/src/service/service.ts";

const quoted = (text: string): string => `"${text.replaceAll(/["\\]/g, "\\$&")}"`;

const cluster = (bridge: string, dev = "eth0", detect = "cni0"): string => `segment lan { cidr 10.0.0.0/24 }
cluster c {
  pods 10.244.0.0/16
  services 10.96.0.0/16
  cni bridge { bridge ${quoted(bridge)} }
  kube-proxy iptables { detect-local bridge-interface ${quoted(detect)} }
  node n1 { attach lan 10.0.0.11; route 10.9.0.0/16 dev ${quoted(dev)} }
  node n2 { attach lan 10.0.0.12 }
  pod web on n1 { labels app=web; listen 80 }
  pod app on n2 { listen 80 }
  service web { select app=web; port 80 }
}
`;

function analysisOf(text: string): Analysis {
  const service = createService({ resolveImport: () => undefined });
  service.setText("a.knet", text);
  const analysis = service.analysisOf("a.knet");
  if (!analysis) throw new Error("an open file has an analysis");
  return analysis;
}

/** The errors at the name of the bridge or of the route's device: "KN006 …". */
function errors(text: string): string[] {
  return (analysisOf(text).findings(() => false) ?? [])
    .filter(({ severity }) => severity === "error")
    .map(({ code, message }) => `${code} ${message.replace(/^[^;]*; /, "")}`);
}

describe("the name of a new device", () => {
  it.each([
    ["cni0"],
    ["exactly15bytes."],
    ["ééééééé"],
    ["éééééééa"],
    ["up"],
    ["dev"],
    ["a#b"],
    ['"ab'],
    ["'ab"],
    ["a\\"],
    ["-x"],
    ["a\u001bb"],
    ["..."],
  ])("%j is accepted", (name) => {
    expect(errors(cluster(name))).toEqual([]);
  });

  it.each([
    ["sixteen-bytes-xx", "a device name can have at most 15 bytes in UTF-8, not 16"],
    ["éééééééab", "a device name can have at most 15 bytes in UTF-8, not 16"],
    ["字字字字字字", "a device name can have at most 15 bytes in UTF-8, not 18"],
    ["", "the name is empty"],
    ["a b", "a device name cannot contain spaces, `/`, or `:`"],
    ["a\tb", "a device name cannot contain spaces, `/`, or `:`"],
    ["a/b", "a device name cannot contain spaces, `/`, or `:`"],
    ["a:b", "a device name cannot contain spaces, `/`, or `:`"],
    [".", "a device name cannot be `.` or `..`"],
    ["..", "a device name cannot be `.` or `..`"],
    ["à", "the kernel reads byte a0 of its UTF-8 form as a space"],
    ["a\u00a0b", "the kernel reads byte a0 of its UTF-8 form as a space"],
    ["a%b", "the kernel reads `%` as a number pattern (`eth%d`)"],
    ["br%d", "the kernel reads `%` as a number pattern (`eth%d`)"],
    ["all", "the kernel reserves this name for `net.ipv4.conf.all`"],
    ["default", "the kernel reserves this name for `net.ipv4.conf.default`"],
    ["lo", "every machine already has the loopback device `lo`"],
  ])("%j is rejected", (name, reason) => {
    expect(errors(cluster(name))).toEqual([`KN006 ${reason}`]);
  });
});

describe("the name of an existing device", () => {
  it("can be `lo`", () => {
    expect(errors(cluster("cni0", "lo"))).toEqual([]);
  });

  it.each([["all"], ["default"], ["a%b"]])("%j is not the name of any device", (name) => {
    expect(errors(cluster("cni0", name))).toHaveLength(1);
  });
});

describe("a lab with odd device names", () => {
  const script = (name: string): string => {
    const { network, topology } = analysisOf(cluster(name, "eth0", name));
    const ids = namespacesOf(topology, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
    return labScript(planLab(network, ids, "knet-test"), { source: "a.knet", version: "0" });
  };

  it.each([["up"], ["dev"], ["type"]])("%j, a keyword of ip, is always preceded by `name` or `dev`", (name) => {
    const lines = script(name).split("\n");
    expect(lines).toContain(`link add name ${name} type bridge mcast_snooping 0`);
    expect(lines).toContain(`link set dev ${name} mtu 1500 up`);
    for (const line of lines)
      expect(line).not.toMatch(/^(?:link add|link set|tuntap add) (?!name |dev |link |lo |(?:p|seg|try)\d)/);
  });

  it.each([
    ["a#b", "'a#b'"],
    ['"ab', `'"ab'`],
    ["'ab", `''\\''ab'`],
  ])("%j, which a batch file cannot contain, is an argument of a separate command", (name, argument) => {
    const text = script(name);
    expect(text).toContain(`  single links knet-test.c.n1 link add name ${argument} type bridge mcast_snooping 0\n`);
    for (const line of batches(text)) expect(line).not.toMatch(/#|(?:^| )["']/);
    // iptables-restore reads quotation marks, and backslashes inside them.
    if (name === '"ab') expect(text).toContain('-i "\\"ab"');
  });

  it("a backslash never ends a line of a batch file, where it continues the line", () => {
    const text = script("a\\");
    expect(text).toContain("link add name a\\ type bridge");
    for (const line of batches(text)) expect(line).not.toMatch(/\\$/);
  });

  it("has no control characters from the file", () => {
    const text = script("a\u001bb");
    expect(text).toContain("link add name a\\x1bb type bridge");
    expect(text).not.toMatch(/(?![\n\t])\p{Cc}/u);
  });

  it.each([["up"], ["a#b"], ['"ab'], ["'a\"b"], ["a\\"], ["$(id)"], ["`id`"], ["a\u001bb"]])(
    "%j results in a valid script that gives ip the name",
    (name) => {
      const lines = script(name).split("\n");
      const library = lines.slice(
        0,
        lines.findIndex((line) => line.startsWith("root() {")),
      );
      // Programs that print their arguments and their input.
      const mock = [
        `ip() { printf '<%s>' "$@"; echo; if [ "\${!#}" = - ]; then cat; fi; }`,
        `bridge() { ip "$@"; }`,
        "STATE=$(mktemp -d) RULES4=restore RULES6=restore",
        "make",
        `rm -r "$STATE"`,
      ];
      const { stdout, stderr } = spawnSync("bash", ["-c", [...library, ...mock].join("\n")], { encoding: "utf8" });
      expect(stderr).toBe("");
      const words = `link add name ${name} type bridge mcast_snooping 0`;
      const asArguments = words.replace(/\S+/g, "<$&>").replaceAll(" ", "");
      expect(stdout.includes(`\n${words}\n`) || stdout.includes(asArguments)).toBe(true);
    },
  );
});

/** The lines of the batch files. */
function batches(script: string): string[] {
  return [...script.matchAll(/^ {2}links6? .*<<'KNET'\n((?:.*\n)*?)KNET$/gm)].flatMap(([, lines = ""]) =>
    lines.trimEnd().split("\n"),
  );
}
