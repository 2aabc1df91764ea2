/** Damaged and hostile manifests, dumps, and archives: never an exception, and every finding is at a position in its file. */
import fc from "fast-check";
import { gzipSync, strToU8, zipSync } from "fflate";
import { createTar } from "nanotar";
import { describe, expect, it, vi } from "vitest";
import { parseAllDocuments } from "yaml";
import { messageOf } from "../../../server/src/checks/run.ts";
import { unpack } from "../../../server/src/frontends/containers/unpack.ts";
import { manifestDocuments, type TextFile } from "../../../server/src/frontends/kubernetes/document.ts";
import { jsonCheck } from "../../../server/src/frontends/kubernetes/json-fault.ts";
import { jsonSpan } from "../../../server/src/frontends/kubernetes/json-span.ts";
import { spanAt, yamlEvents, yamlValues } from "../../../server/src/frontends/kubernetes/yaml-events.ts";
import { analyse } from "../../../server/src/service/analysis.ts";

const OBJECTS = `apiVersion: v1
kind: Node
metadata:
  name: n1
  labels: {zone: "1"}
  annotations: {flannel.alpha.coreos.com/backend-type: vxlan, note: SECRET}
spec: {podCIDR: 10.244.0.0/24, podCIDRs: [10.244.0.0/24]}
status: {addresses: [{type: InternalIP, address: 192.168.10.11}]}
---
apiVersion: v1
kind: Secret
metadata: {name: s, namespace: shop, annotations: {note: SECRET}}
data: {password: SECRET, more: [SECRET, {a: SECRET}]}
---
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop, labels: {app: web}, uid: u1, resourceVersion: "7"}
spec:
  nodeName: n1
  containers:
  - name: c
    env: [{name: TOKEN, value: SECRET}]
    ports: [{containerPort: 80, name: http, hostPort: 8080}]
status: {podIP: 10.244.0.7, podIPs: [{ip: 10.244.0.7}], conditions: [{type: Ready, status: "True"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {type: NodePort, clusterIP: 10.96.0.7, selector: {app: web}, ports: [{port: 80, targetPort: http, nodePort: 30080}]}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: p, namespace: shop}
spec:
  podSelector: {matchExpressions: [{key: app, operator: In, values: [web]}]}
  ingress:
  - from: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}, {namespaceSelector: {}}]
    ports: [{port: 80}, {port: 53, endPort: 60, protocol: UDP}]
`;
const VALUES = parseAllDocuments(OBJECTS).map((one) => one.toJS() as Readonly<Record<string, unknown>>);
const LIST = JSON.stringify({ apiVersion: "v1", items: VALUES, kind: "List" }, null, 2);
const LOG =
  "==== START logs for container c of pod shop/web ====\nline\n==== END logs for container c of pod shop/web ====\n";
const BASES: readonly TextFile[] = [
  { file: "a.yaml", text: OBJECTS },
  { file: "a.json", text: LIST },
  { file: "pods.json", text: JSON.stringify(VALUES) },
  { file: "dump.txt", text: `${LIST}\n${LOG}${LIST}` },
  {
    file: "list.yaml",
    text: `items:\n${OBJECTS.replace(/^/gm, "  ")
      .replaceAll(/^ {2}---\n {2}api/gm, "- api")
      .replace("  api", "- api")}kind: List\n`,
  },
];

/** A change of a text: from an offset, some characters are replaced. */
const BOMB = `a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a]\nc: &c [*b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c]\ne: &e [*d, *d, *d, *d, *d, *d]\nf: [*e, *e, *e, *e, *e, *e, *e, *e]\n`;
const inserted = fc.oneof(
  fc.constantFrom(
    "",
    "---\n",
    "\t",
    "\0",
    "{{",
    "}}",
    "&a ",
    "*a",
    "<<: ",
    "!!",
    "? ",
    "- ",
    "[",
    "]",
    "{",
    "}",
    '"',
    "'",
    ",",
    ":",
    "#",
    "|\n",
    "\n",
    "\r\n",
  ),
  fc.constantFrom(
    "***HIDDEN***",
    "null",
    "on",
    "010",
    "1e999",
    "-1",
    "99999999999999999999",
    "items",
    "Items",
    "kind: Secret\n",
    BOMB,
  ),
  fc.nat(3000).map((depth) => "[".repeat(depth)),
  fc.nat(3000).map((depth) => '{"a":'.repeat(depth)),
  fc.nat(300).map((depth) => Array.from({ length: depth }, (_, level) => `${" ".repeat(level)}a:\n`).join("")),
  fc.nat(100_000).map((length) => "x".repeat(length)),
  fc.string({ maxLength: 8 }),
);
const change = fc.record({ at: fc.nat(), length: fc.oneof(fc.constant(0), fc.nat(30), fc.nat(4000)), by: inserted });
const doubled = fc.record({ at: fc.nat(), length: fc.nat(300), by: fc.constant(undefined) });
/** Values of another type, and other keys. */
const swapped = fc.record({
  at: fc.nat(),
  length: fc.constant(-1),
  by: fc.constantFrom('"x"', "7", "[]", "{}", "true", "null", "[[[7]]]", "{a: {b: 7}}"),
});

type Change = { readonly at: number; readonly length: number; readonly by: string | undefined };

function changed(text: string, { at, length, by }: Change): string {
  const start = text.length === 0 ? 0 : at % text.length;
  if (length >= 0)
    return text.slice(0, start) + (by ?? text.slice(start, start + length).repeat(2)) + text.slice(start + length);
  const words = [...text.matchAll(/"[^"\n]*"|[\w./-]+/g)];
  const word = words[words.length === 0 ? 0 : at % words.length];
  return word ? text.slice(0, word.index) + (by ?? "") + text.slice(word.index + word[0].length) : text;
}

/** Reads and checks everything. */
function checkAll(files: readonly TextFile[]): void {
  const { documents, problems } = manifestDocuments(files[0]?.file ?? "-", files);
  const analysis = analyse(documents[0].file, documents);
  const findings = analysis.findings(() => false) ?? [];
  const textOf = new Map(files.map(({ file, text }) => [file, text]));
  for (const { source, span } of problems) expectInside(textOf.get(source.file), span);
  for (const finding of findings) expectInside(textOf.get(finding.source.file), analysis.placeOf(finding));
  for (const { source, span, ...problem } of problems)
    expect(messageOf({ source, ...problem })).not.toContain("undefined");
}

function expectInside(
  text: string | undefined,
  span: { readonly start: number; readonly end: number } | undefined,
): void {
  if (text === undefined) throw new Error("a finding in an unknown file");
  if (!span || span.start < 0 || span.end < span.start || span.end > text.length)
    throw new Error(`${JSON.stringify(span)} is not a span in a text of ${text.length} characters`);
}

// Some texts need a second on a busy machine, and each test has dozens.
vi.setConfig({ testTimeout: 180_000 });

describe("a damaged text", () => {
  it.each(BASES)("$file is read without an exception", ({ file, text }) => {
    fc.assert(
      fc.property(fc.array(fc.oneof(change, doubled, swapped), { minLength: 1, maxLength: 4 }), (changes) => {
        checkAll([{ file, text: changes.reduce(changed, text) }]);
      }),
      { numRuns: 60 },
    );
  });

  it.each(BASES)("$file that is cut at any place is read without an exception", ({ file, text }) => {
    fc.assert(
      fc.property(fc.nat(text.length), (end) => {
        checkAll([{ file, text: text.slice(0, end) }]);
      }),
      { numRuns: 40 },
    );
  });

  it.each([
    ["lists", "[".repeat(200_000)],
    ["closed lists", `${"[".repeat(100_000)}${"]".repeat(100_000)}`],
    ["maps", '{"kind":'.repeat(100_000)],
    ["aliases", `kind: Pod\nmetadata: {name: a}\n${BOMB}spec: {containers: *e}\n`],
    ["one scalar", `kind: Pod\nmetadata: {name: ${"a".repeat(2_000_000)}}\n`],
    ["one key", `kind: Pod\nmetadata: {name: a}\n? ${"a".repeat(100_000)}\n: 1\n`],
    [
      "keys",
      `kind: Pod\nmetadata: {name: a}\n${Array.from({ length: 30_000 }, (_, key) => `k${key}: ${key}\n`).join("")}`,
    ],
    ["documents", "---\nkind: Pod\n".repeat(20_000)],
    ["separators", "---\n".repeat(100_000)],
    ["spaces", `kind: Pod${" ".repeat(1_000_000)}\n`],
    ["quotes", `"kind":${'"'.repeat(300_000)}`],
    ["backslashes", `{"kind": "${"\\".repeat(100_001)}`],
    ["comments", `# kind:\n`.repeat(100_000)],
    ["braces", `{"kind": ${"{},".repeat(100_000)}`],
    [
      "anchors",
      `kind: Pod\nx: [${Array.from({ length: 5_000 }, (_, index) => `&a${index} {a: ${index === 0 ? 1 : `*a${index - 1}`}}`).join(", ")}]\n`,
    ],
  ])("that consists of %s is read", (_, text) => {
    for (const file of ["a.yaml", "a.json"]) checkAll([{ file, text }]);
  });
});

describe("damaged bytes", () => {
  const files = { "pods.json": LIST, "b.yaml": OBJECTS };
  const archives: readonly (readonly [string, Uint8Array])[] = [
    ["text", strToU8(LIST)],
    ["tar", createTar(Object.entries(files).map(([name, data]) => ({ name, data })))],
    ["gzip", gzipSync(strToU8(LIST))],
    ["tar.gz", gzipSync(createTar(Object.entries(files).map(([name, data]) => ({ name, data }))))],
    ["zip", zipSync({ "pods.json": strToU8(LIST), "b.yaml": strToU8(OBJECTS) })],
  ];
  it.each(archives)("of a %s are read without an exception", (_, bytes) => {
    const at = fc.nat(bytes.length - 1);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(at, fc.nat(255)), { maxLength: 6 }),
        fc.oneof(at, fc.constant(bytes.length)),
        (values, end) => {
          const damaged = bytes.slice();
          for (const [index, value] of values) damaged[index] = value;
          const limits = { entry: 1_000_000, total: 2_000_000, entries: 100 };
          checkAll(unpack("dump", damaged.subarray(0, end), () => true, limits));
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe("JSON", () => {
  const parses = (text: string): boolean => {
    try {
      JSON.parse(text);
      return true;
    } catch {
      return false;
    }
  };
  const small = fc.record({
    at: fc.nat(),
    length: fc.nat(2),
    by: fc.constantFrom("", ",", ":", '"', "\\", "{", "]", "1", "-", ".", "e", " ", "\n", "t", "\u0001"),
  });

  it("has an error exactly where JSON.parse has one", () => {
    fc.assert(
      fc.property(fc.json(), fc.array(small, { maxLength: 2 }), (text, changes) => {
        const damaged = changes.reduce(changed, text);
        const { fault } = jsonCheck(damaged, 0, damaged.length);
        expect(fault === undefined, damaged).toBe(parses(damaged));
        if (fault) expect(fault.at).toBeLessThanOrEqual(damaged.length);
      }),
      { numRuns: 500 },
    );
  });

  it("is YAML with the same values and spans", () => {
    fc.assert(
      fc.property(fc.json({ stringUnit: "grapheme-ascii" }), (text) => {
        const events = yamlEvents(text);
        const [root] = yamlValues(events).roots;
        if (!root) throw new Error("no document");
        const visit = (value: unknown, path: readonly (string | number)[]): void => {
          const span = spanAt(events, root.event, path);
          const expected = jsonSpan(text, path);
          expect(span && text.slice(span.start, span.end)).toBe(expected && text.slice(expected.start, expected.end));
          if (Array.isArray(value)) for (const [index, one] of value.entries()) visit(one, [...path, index]);
          else if (typeof value === "object" && value !== null)
            for (const [key, one] of Object.entries(value)) visit(one, [...path, key]);
        };
        const value: unknown = JSON.parse(text);
        expect(root.value).toEqual(value);
        visit(value, []);
      }),
      { numRuns: 200 },
    );
  });
});

describe("secret values", () => {
  it("are in no message and in no text that is shown", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...BASES),
        fc.array(fc.oneof(change, doubled), { maxLength: 2 }),
        ({ file, text }, changes) => {
          // Only values of the Secret itself: other texts of a manifest can be shown as the source of a finding.
          const own = text.replace(
            /(annotations: \{flannel[^}]*note: |value: |"note": "|"value": ")SECRET/g,
            "$1public",
          );
          const { problems } = manifestDocuments(file, [{ file, text: changes.reduce(changed, own) }]);
          for (const problem of problems) expect(messageOf(problem)).not.toContain("SECRET");
        },
      ),
      { numRuns: 100 },
    );
    for (const { file, text } of BASES) {
      const { documents } = manifestDocuments(file, [{ file, text }]);
      for (const document of documents) expect(document.text.match(/password\W+SECRET/)).toBeNull();
    }
  });
});
