/** Handlers that navigate from a name: definitions, references, rename, reachability (call hierarchy). */

import {
  type CallHierarchyItem,
  DocumentHighlightKind,
  ErrorCodes,
  type Location,
  type LocationLink,
  LSPErrorCodes,
  ResponseError,
  type WorkspaceEdit,
} from "vscode-languageserver/node";
import {
  type Definition,
  definitionAt,
  highlightsAt,
  importAt,
  referencesAt,
  renamableAt,
  renameAt,
} from "../../service/features/navigation.ts";
import {
  type Reached,
  type ReachItem,
  reachItemAt,
  reachItemOf,
  whatIsReached,
  whatReaches,
} from "../../service/features/reach.ts";
import { implementationAt, linkedAt, typeDefinitionAt } from "../../service/features/relations.ts";
import type { TextEdit } from "../../text/edit.ts";
import type { Access, At, Server } from "../access.ts";
import { rangeOf, symbolKindOf } from "../convert.ts";
import { run } from "../guard.ts";
import { member } from "../settings.ts";
import { beside } from "../uri.ts";

/** The characters of a name in the language. */
const NAME = "[A-Za-z0-9_.-]+";
const MOST_LINKED = 200;

export function registerNavigation(server: Server, access: Access): void {
  registerDefinitions(server, access);
  registerOccurrences(server, access);
  registerRename(server, access);
  registerReach(server, access);
}

function registerDefinitions(server: Server, { at }: Access): void {
  const { connection, documents, support } = server;

  const linksTo = (here: At, found: readonly Definition[]): LocationLink[] =>
    found.flatMap((one): LocationLink[] => {
      const target = documents.linesOf(one.file);
      if (!target) return [];
      return [
        {
          originSelectionRange: rangeOf(here.index, one.origin),
          targetUri: documents.uriOf(one.file),
          targetRange: rangeOf(target, one.full),
          targetSelectionRange: rangeOf(target, one.name),
        },
      ];
    });
  const asSupported = (links: LocationLink[], linked: boolean): LocationLink[] | Location[] =>
    linked
      ? links
      : links.map(({ targetUri, targetSelectionRange }) => ({ uri: targetUri, range: targetSelectionRange }));

  connection.onDefinition((params, token) =>
    run(server, "definition", null, token, (): LocationLink[] | Location[] | null => {
      const here = at(params.textDocument.uri, params.position);
      if (!here) return null;
      const { analysis, key, offset } = here;
      const links = [...linksTo(here, definitionAt(analysis, key, offset)), ...importLinks(here)];
      return asSupported(links, support().definitionLinks);
    }),
  );
  connection.onTypeDefinition((params, token) =>
    run(server, "typeDefinition", null, token, (): LocationLink[] | Location[] | null => {
      const here = at(params.textDocument.uri, params.position);
      const found = here && typeDefinitionAt(here.analysis, here.key, here.offset);
      return here && found ? asSupported(linksTo(here, found), support().typeDefinitionLinks) : null;
    }),
  );
  connection.onImplementation((params, token) =>
    run(server, "implementation", null, token, (): LocationLink[] | Location[] | null => {
      const here = at(params.textDocument.uri, params.position);
      const found = here && implementationAt(here.analysis, here.key, here.offset);
      return here && found ? asSupported(linksTo(here, found), support().implementationLinks) : null;
    }),
  );

  const importLinks = ({ analysis, key, offset, index }: At): LocationLink[] => {
    const found = importAt(analysis, key, offset);
    const target = found && beside(key, found.path);
    if (!found || target === undefined || !analysis.fileOf(target)) return [];
    const start = { start: { line: 0, character: 0 }, end: { line: 0, character: 0 } };
    return [
      {
        originSelectionRange: rangeOf(index, found.span),
        targetUri: documents.uriOf(target),
        targetRange: start,
        targetSelectionRange: start,
      },
    ];
  };
}

function registerOccurrences(server: Server, { at, analysesWith }: Access): void {
  const { connection, documents } = server;

  connection.onReferences((params, token) =>
    run(server, "references", null, token, () => {
      const here = at(params.textDocument.uri, params.position);
      if (!here) return null;
      const found = new Map<string, Location>();
      for (const analysis of analysesWith(here.key, token)) {
        for (const { file, span } of referencesAt(analysis, here.key, here.offset, params.context.includeDeclaration)) {
          const index = documents.linesOf(file);
          if (index) found.set(`${file} ${span.start}`, { uri: documents.uriOf(file), range: rangeOf(index, span) });
        }
      }
      return [...found.values()];
    }),
  );

  connection.onDocumentHighlight((params, token) =>
    run(server, "highlight", null, token, () => {
      const here = at(params.textDocument.uri, params.position);
      if (!here) return null;
      return highlightsAt(here.analysis, here.key, here.offset).map(({ span, declaration }) => ({
        range: rangeOf(here.index, span),
        kind: declaration ? DocumentHighlightKind.Write : DocumentHighlightKind.Read,
      }));
    }),
  );

  connection.languages.onLinkedEditingRange((params, token) =>
    run(server, "linkedEditingRange", null, token, () => {
      const here = at(params.textDocument.uri, params.position);
      const spans = here ? linkedAt(here.analysis, here.key, here.offset) : [];
      if (!here || spans.length < 2 || spans.length > MOST_LINKED) return null;
      return { ranges: spans.map((span) => rangeOf(here.index, span)), wordPattern: NAME };
    }),
  );
}

function registerRename(server: Server, { at, analysesWith, workspaceEdit }: Access): void {
  const { connection } = server;

  connection.onPrepareRename((params, token) =>
    run(server, "prepareRename", null, token, () => {
      const here = at(params.textDocument.uri, params.position);
      if (!here) return null;
      const found = renamableAt(here.analysis, here.key, here.offset);
      if (typeof found === "string") return null;
      return { range: rangeOf(here.index, found.span), placeholder: found.name };
    }),
  );

  connection.onRenameRequest((params, token) =>
    run(server, "rename", null, token, (): WorkspaceEdit | ResponseError | null => {
      const here = at(params.textDocument.uri, params.position);
      if (!here) return null;
      const edits = new Map<string, TextEdit[]>();
      for (const analysis of analysesWith(here.key, token)) {
        const renaming = renameAt(analysis, here.key, here.offset, params.newName);
        if ("error" in renaming) return new ResponseError(ErrorCodes.InvalidParams, renaming.error);
        for (const [file, own] of renaming.edits) {
          const before = edits.get(file) ?? [];
          edits.set(file, [...before, ...own.filter((edit) => !before.some(({ start }) => start === edit.start))]);
        }
      }
      return workspaceEdit(edits);
    }),
  );
}

/* ----------------------------------------------------------- reachability */

function registerReach(server: Server, { at, whole }: Access): void {
  const { connection, documents } = server;

  const itemFor = (item: ReachItem, home: string, ports: readonly string[]): CallHierarchyItem | undefined => {
    const index = documents.linesOf(item.file);
    return (
      index && {
        name: item.name,
        kind: symbolKindOf(item.kind),
        detail: ports.length === 0 ? item.path : `${item.path} · ${ports.join(", ")}`,
        uri: documents.uriOf(item.file),
        range: rangeOf(index, item.full),
        selectionRange: rangeOf(index, item.selection),
        data: { path: item.path, home },
      }
    );
  };

  connection.languages.callHierarchy.onPrepare((params, token) =>
    run(server, "prepareCallHierarchy", null, token, () => {
      const here = at(params.textDocument.uri, params.position);
      const found = here && reachItemAt(here.analysis, here.key, here.offset);
      const item = here && found && itemFor(found, here.uri, []);
      return item ? [item] : null;
    }),
  );

  const reached = (
    { data }: CallHierarchyItem,
    cancelled: () => boolean,
    look: typeof whatReaches,
  ): { item: CallHierarchyItem; self: CallHierarchyItem }[] | ResponseError | null => {
    const home = member(data, "home");
    const path = member(data, "path");
    const here = typeof home === "string" ? whole(home) : undefined;
    const self = here && typeof path === "string" ? reachItemOf(here.analysis, path) : undefined;
    if (!here || !self) return null;
    const found: readonly Reached[] | undefined = look(here.analysis, self, cancelled);
    if (!found) return new ResponseError(LSPErrorCodes.ContentModified, "the text has changed");
    const own = itemFor(self, here.uri, []);
    return found.flatMap(({ item, ports }) => {
      const shown = itemFor(item, here.uri, ports);
      return shown && own ? [{ item: shown, self: own }] : [];
    });
  };
  connection.languages.callHierarchy.onIncomingCalls(({ item }, token) =>
    run(server, "incomingCalls", null, token, () => {
      const found = reached(item, () => token.isCancellationRequested || server.stale(), whatReaches);
      if (!Array.isArray(found)) return found;
      return found.map((one) => ({ from: one.item, fromRanges: [one.item.selectionRange] }));
    }),
  );
  connection.languages.callHierarchy.onOutgoingCalls(({ item }, token) =>
    run(server, "outgoingCalls", null, token, () => {
      const found = reached(item, () => token.isCancellationRequested || server.stale(), whatIsReached);
      if (!Array.isArray(found)) return found;
      return found.map((one) => ({ to: one.item, fromRanges: [one.self.selectionRange] }));
    }),
  );
}
