/**
 * JUnit XML, which Jenkins and GitLab show as test results (jenkinsci/xunit-plugin, junit-10.xsd; docs.gitlab.com, "Unit
 * test reports"): one suite per file, with its expectations as test cases, and one test case for all other diagnostics.
 */
import { t } from "../../text/l10n.ts";
import { visible } from "../../text/visible.ts";
import type { Case } from "../report.ts";
import type { Diagnostic, Report } from "../report-schema.ts";

type File = Report["files"][number];

/** Name of the test case for the diagnostics outside of expectations. It is an identifier in test histories. */
const DIAGNOSTICS = "diagnostics";

interface TestCase {
  readonly name: string;
  readonly failures: readonly Diagnostic[];
  readonly skipped: boolean;
}

/** `failOn`: the minimum severity of a failure. */
export function junitReport(report: Report, cases: readonly Case[], failOn: "error" | "warning"): string {
  const suites = report.files.map((file) => ({
    path: file.path,
    tests: testsOf(
      file,
      cases.filter((one) => one.file === file.path),
      failOn,
    ),
  }));
  const all = suites.flatMap(({ tests }) => tests);
  return [
    `<?xml version="1.0" encoding="UTF-8"?>`,
    `<testsuites name="knet check" ${countsOf(all)}>`,
    ...suites.flatMap(({ path, tests }) => [
      `  <testsuite name="${escaped(path)}" file="${escaped(path)}" ${countsOf(tests)} skipped="${tests.filter(({ skipped }) => skipped).length}">`,
      ...tests.flatMap((test) => testText(path, test)),
      "  </testsuite>",
    ]),
    "</testsuites>",
    "",
  ].join("\n");
}

function countsOf(tests: readonly TestCase[]): string {
  return `tests="${tests.length}" failures="${tests.filter(({ failures }) => failures.length > 0).length}" errors="0"`;
}

function testsOf({ diagnostics }: File, cases: readonly Case[], failOn: "error" | "warning"): readonly TestCase[] {
  const failures = diagnostics.filter(
    ({ severity }) => severity === "error" || (severity === "warning" && failOn === "warning"),
  );
  const others = new Set(failures);
  const names = new Set<string>();
  const tests = cases.map(({ name, range, suppressed }): TestCase => {
    const own = failures.filter((one) => isInside(one.range.start, range));
    for (const one of own) others.delete(one);
    // GitLab ignores all but the first test case with a name.
    const line = range.start.line + 1;
    const unique = names.has(name) ? t`${name} (line ${line})` : name;
    names.add(name);
    return { name: unique, failures: own, skipped: suppressed && own.length === 0 };
  });
  return [{ name: DIAGNOSTICS, failures: [...others], skipped: false }, ...tests];
}

function isInside({ line, character }: Diagnostic["range"]["start"], { start, end }: Diagnostic["range"]): boolean {
  const isAfter = line > start.line || (line === start.line && character >= start.character);
  return isAfter && (line < end.line || (line === end.line && character <= end.character));
}

function testText(path: string, { name, failures, skipped }: TestCase): readonly string[] {
  const head = `    <testcase classname="${escaped(path)}" name="${escaped(name)}"`;
  if (skipped)
    return [`${head}>`, `      <skipped message="${escaped(t`the failure is suppressed`)}"/>`, "    </testcase>"];
  if (failures.length === 0) return [`${head}/>`];
  return [`${head}>`, ...failures.map((one) => failureText(path, one)), "    </testcase>"];
}

/** The failing hop is the last related location of an expectation. */
function failureText(path: string, { code, severity, message, range, related }: Diagnostic): string {
  const lines = [
    `${place(path, range)}: ${severity} ${code}: ${message}`,
    ...related.map((one) => `${place(one.file, one.range)}: ${one.message}`),
  ];
  const text = lines.map((line) => escaped(visible(line))).join("\n");
  return `      <failure type="${escaped(code)}" message="${escaped(visible(message))}">${text}</failure>`;
}

function place(path: string, { start }: Diagnostic["range"]): string {
  return `${path}:${start.line + 1}:${start.character + 1}`;
}

/** Without the characters that XML 1.0 does not allow. */
function escaped(text: string): string {
  return visible(text)
    .replace(/\p{Cs}|[\ufffe\uffff]/gu, "\ufffd")
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;");
}
