/** `knet/diff`: the topology of a file compared with older texts of its files, which the client provides. */
import type { Finding } from "../findings/finding.ts";
import type { Analysis } from "../service/analysis.ts";
import { compare, isSame } from "../service/diff/diff.ts";
import type { DiffDiagnostic } from "../service/diff/schema.ts";
import { diffText } from "../service/diff/text.ts";
import {
  type ConnectionRow,
  connectionRows,
  connectionSummary,
  endText,
  findingSummary,
  machinesText,
  packetOf,
  routeSummary,
  severityText,
} from "../service/diff/words.ts";
import { CONFIG_FILE } from "../service/front-ends.ts";
import { pull } from "../service/pull.ts";
import { createService } from "../service/service.ts";
import { t } from "../text/l10n.ts";
import type { Location } from "../trace/schema.ts";
import type { Server } from "./access.ts";
import { rangeOf } from "./convert.ts";
import type { Documents } from "./documents.ts";
import type { DiffKind, DiffView, DiffViewConnection, DiffViewFinding, OldFile, WantedFiles } from "./protocol.ts";
import { beside, keyOf } from "./uri.ts";

type OldVersion = Analysis | WantedFiles | { error: string };

/** The analysis of old texts. The last result is kept: a comparison is repeated after each edit of the current text. */
export function oldVersions(): (server: Server, uri: string, old: readonly OldFile[]) => OldVersion {
  let last: { readonly root: string; readonly old: readonly OldFile[]; readonly analysis: Analysis } | undefined;
  return (server, uri, old) => {
    const root = server.documents.service.rootOf(keyOf(uri));
    if (last && last.root === root && isEqual(last.old, old)) return last.analysis;
    const found = analysisOf(server, root, old);
    if ("topology" in found) last = { root, old, analysis: found };
    return found;
  };
}

function isEqual(a: readonly OldFile[], b: readonly OldFile[]): boolean {
  return a.length === b.length && a.every((one, index) => one.uri === b[index]?.uri && one.text === b[index]?.text);
}

function analysisOf({ documents, disk }: Server, root: string, old: readonly OldFile[]): OldVersion {
  const texts = new Map(old.map(({ uri, text }) => [keyOf(uri), text]));
  const wanted = new Set<string>();
  const service = createService({
    resolveImport(from, path) {
      const target = beside(from, path);
      return target !== undefined && disk.mayImport(from, target) ? target : undefined;
    },
    configFiles: (file) => disk.upwards(file, CONFIG_FILE),
  });
  pull(
    service,
    (file) => {
      const text = texts.get(file);
      if (text === undefined) wanted.add(documents.uriOf(file));
      return text ?? undefined;
    },
    root,
  );
  if (wanted.size > 0) return { wanted: [...wanted] };
  return service.analysisOf(root) ?? { error: t`The file does not exist in the last commit.` };
}

export function diffView(
  documents: Documents,
  { before, after, name }: { readonly before: Analysis; readonly after: Analysis; readonly name: string },
): DiffView {
  const locate = (finding: Finding): Location | undefined => {
    const span = after.placeOf(finding);
    const index = span && documents.linesOf(finding.source.file);
    return span && index && { file: documents.uriOf(finding.source.file), range: rangeOf(index, span) };
  };
  const diff = compare({ name, analysis: before, locate: () => undefined }, { name: t`now`, analysis: after, locate });
  const { connections, endpoints, diagnostics, routes } = diff;
  return {
    summary: isSame(diff) ? [] : [connectionSummary(connections), findingSummary(diagnostics), routeSummary(routes)],
    notes: diff.notes,
    connections: connectionRows(connections).map(connectionView),
    endpoints: [
      ...endpoints.added.map((end) => ({ kind: "added" as const, text: endText(end) })),
      ...endpoints.removed.map((end) => ({ kind: "removed" as const, text: endText(end) })),
      ...endpoints.renamed.map((one) => ({ kind: "changed" as const, text: `${one.before} → ${one.after}` })),
    ],
    findings: [
      ...diagnostics.added.map((one) => findingView("added", one)),
      ...diagnostics.changed.map((one) => findingView("changed", one.after)),
      ...diagnostics.removed.map((one) => findingView("removed", one)),
    ],
    machines: [
      ...(routes.added.length + routes.removed.length + routes.renamed.length === 0
        ? []
        : [
            {
              title: t`machines added, removed, or renamed`,
              lines: [
                ...routes.removed.map((text) => ({ kind: "removed" as const, text })),
                ...routes.added.map((text) => ({ kind: "added" as const, text })),
                ...routes.renamed.map((one) => ({ kind: "command" as const, text: `${one.before} → ${one.after}` })),
              ],
            },
          ]),
      ...routes.classes.map((one) => ({
        title: machinesText(one),
        lines: one.sections.flatMap(({ command, added, removed }) => [
          { kind: "command" as const, text: command },
          ...removed.map((text) => ({ kind: "removed" as const, text })),
          ...added.map((text) => ({ kind: "added" as const, text })),
        ]),
      })),
    ],
    text: diffText(diff),
  };
}

const KINDS: Readonly<Record<ConnectionRow["kind"], DiffKind>> = {
  opened: "added",
  closed: "removed",
  changed: "changed",
};

function connectionView({ kind, from, to, ports, where, entry, differs }: ConnectionRow): DiffViewConnection {
  const [before, after] = [packetOf(entry, differs, "before"), packetOf(entry, differs, "after")];
  return {
    kind: KINDS[kind],
    from,
    to,
    ports,
    where,
    ...(before ? { old: before } : {}),
    ...(after ? { new: after } : {}),
  };
}

function findingView(kind: DiffKind, one: DiffDiagnostic): DiffViewFinding {
  const { code, message, location } = one;
  return { kind, severity: severityText(one), code, message, ...(location ? { location } : {}) };
}
