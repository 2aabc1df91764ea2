/** Handlers that describe a position: hovers, completion, signatures, hints, lenses, links. */
import {
  type CodeLens,
  type CompletionItem,
  type CompletionList,
  type DocumentLink,
  type InlayHint,
  InlayHintKind,
  InsertTextFormat,
  MarkupKind,
  type SignatureHelp,
} from "vscode-languageserver/node";
import { completionsAt } from "../../service/features/completion/index.ts";
import { hoverAt } from "../../service/features/hover/index.ts";
import { inlayHintsIn } from "../../service/features/inlay.ts";
import { commandsAt, type LensCommand, type LensKind, lensAt, lensesOf } from "../../service/features/lenses.ts";
import { linksOf } from "../../service/features/links.ts";
import { signatureAt } from "../../service/features/signature.ts";
import { t } from "../../text/l10n.ts";
import type { Access, Server } from "../access.ts";
import { completionKind, editsOf, rangeOf } from "../convert.ts";
import { run } from "../guard.ts";
import type { RoutesCommandArguments, TraceCommandArguments } from "../protocol.ts";
import { member } from "../settings.ts";
import { beside, relativePath } from "../uri.ts";

export function registerReading(server: Server, access: Access): void {
  const { connection, disk, support } = server;
  const { at } = access;

  connection.onHover((params, token) =>
    run(server, "hover", null, token, () => {
      const here = at(params.textDocument.uri, params.position);
      const hover = here && hoverAt(here.analysis, here.key, here.offset);
      if (!here || !hover) return null;
      const links = support().commands
        ? commandsAt(here.analysis, here.key, here.offset).map((command) => commandLink(here.uri, command))
        : [];
      const value = [hover.markdown, links.join(" · ")].filter((text) => text !== "").join("\n\n");
      return { contents: { kind: MarkupKind.Markdown, value }, range: rangeOf(here.index, hover.span) };
    }),
  );

  connection.onCompletion((params, token) =>
    run(server, "completion", null, token, (): CompletionList | null => {
      const here = at(params.textDocument.uri, params.position);
      if (!here) return null;
      const { items, incomplete } = completionsAt(here.analysis, here.key, here.offset, {
        importable: (file) =>
          disk.knetFiles(file).flatMap((other) => (other === file ? [] : (relativePath(file, other) ?? []))),
      });
      const { snippets, suggest, commitCharacters } = support();
      return {
        isIncomplete: incomplete,
        items: items.map((item, order): CompletionItem => {
          const text = item.snippet && !snippets ? plain(item.insert) : item.insert;
          return {
            label: item.label,
            kind: completionKind(item.kind),
            detail: item.detail,
            ...(item.documentation === undefined
              ? {}
              : { documentation: { kind: MarkupKind.Markdown, value: item.documentation } }),
            sortText: String(order).padStart(5, "0"),
            filterText: item.label,
            textEdit: { range: rangeOf(here.index, item.replace), newText: text },
            insertTextFormat: item.snippet && snippets ? InsertTextFormat.Snippet : InsertTextFormat.PlainText,
            ...(commitCharacters && item.commit.length > 0 ? { commitCharacters: [...item.commit] } : {}),
            ...(item.more && suggest ? { command: { title: "Suggest", command: "editor.action.triggerSuggest" } } : {}),
          };
        }),
      };
    }),
  );

  connection.onSignatureHelp((params, token) =>
    run(server, "signatureHelp", null, token, (): SignatureHelp | null => {
      const here = at(params.textDocument.uri, params.position);
      const found = here && signatureAt(here.analysis, here.key, here.offset);
      if (!found) return null;
      const { label, documentation, parameters, active } = found;
      return {
        signatures: [
          {
            label,
            documentation,
            parameters: parameters.map(({ span, documentation: text }) => ({
              label: [span.start, span.end],
              documentation: { kind: MarkupKind.Markdown, value: text },
            })),
          },
        ],
        activeSignature: 0,
        activeParameter: active,
      };
    }),
  );

  registerHints(server, access);
  registerLenses(server, access);
  registerLinks(server, access);
}

function registerHints(server: Server, { whole }: Access): void {
  const { connection, settings } = server;
  connection.languages.inlayHint.on(({ textDocument, range }, token) =>
    run(server, "inlayHint", null, token, () => {
      const here = whole(textDocument.uri);
      if (!here) return null;
      const within = { start: here.index.offsetAt(range.start), end: here.index.offsetAt(range.end) };
      return inlayHintsIn(here.analysis, here.key, within, settings().inlayHints).map(
        ({ offset, text, kind, tooltip, edit }): InlayHint => ({
          position: here.index.positionAt(offset),
          label: text,
          kind: kind === "defaults" ? InlayHintKind.Parameter : InlayHintKind.Type,
          tooltip: { kind: MarkupKind.Markdown, value: tooltip },
          paddingLeft: true,
          ...(edit ? { textEdits: editsOf(here.index, [edit]) } : {}),
        }),
      );
    }),
  );
}

/* ------------------------------------------------------------------- lenses */

function registerLenses(server: Server, { whole }: Access): void {
  const { connection, settings, support } = server;
  const shown = (kind: LensKind): boolean => {
    const { expectations, usage, commands } = settings().codeLens;
    switch (kind) {
      case "expectation":
        return expectations;
      case "usage":
        return usage;
      case "routes":
      case "trace":
        return commands && support().commands;
    }
  };
  connection.onCodeLens(({ textDocument: { uri } }, token) =>
    run(server, "codeLens", null, token, () => {
      const here = whole(uri);
      if (!here) return null;
      return lensesOf(here.analysis, here.key)
        .filter(({ kind }) => shown(kind))
        .map(({ kind, span }): CodeLens => {
          const data = { uri, version: here.version, start: span.start, kind };
          return { range: rangeOf(here.index, span), data };
        });
    }),
  );
  connection.onCodeLensResolve((lens, token) =>
    run(server, "codeLens/resolve", lens, token, (): CodeLens => {
      const uri = member(lens.data, "uri");
      const start = member(lens.data, "start");
      const kind = lensKind(member(lens.data, "kind"));
      const here = typeof uri === "string" ? whole(uri) : undefined;
      // A lens of an older text stays unresolved: the client has already requested new lenses.
      const current = here !== undefined && here.version === member(lens.data, "version");
      const found =
        here && current && kind && typeof start === "number" ? lensAt(here.analysis, here.key, start, kind) : undefined;
      const command = found?.command && support().commands && here ? commandOf(here.uri, found.command) : undefined;
      return { ...lens, command: { title: found?.title ?? "", command: "", ...command } };
    }),
  );
}

function lensKind(value: unknown): LensKind | undefined {
  return value === "expectation" || value === "usage" || value === "routes" || value === "trace" ? value : undefined;
}

interface ClientCommand {
  readonly command: string;
  readonly arguments: [TraceCommandArguments | RoutesCommandArguments];
}

function commandOf(uri: string, command: LensCommand): ClientCommand {
  if (command.name === "routes") return { command: "knet.showRoutes", arguments: [{ uri, where: command.where }] };
  const { name: _, ...ends } = command;
  return { command: "knet.trace", arguments: [{ uri, ...ends }] };
}

function commandLink(uri: string, link: LensCommand): string {
  const { command, arguments: given } = commandOf(uri, link);
  const title = link.name === "routes" ? t`Routes` : link.to === undefined ? t`Trace from here` : t`Trace`;
  return `[${title}](command:${command}?${encodeURIComponent(JSON.stringify(given))})`;
}

/* -------------------------------------------------------------------- links */

function registerLinks(server: Server, { whole }: Access): void {
  const { connection, documents, link } = server;
  connection.onDocumentLinks(({ textDocument: { uri } }, token) =>
    run(server, "documentLink", null, token, () => {
      const here = whole(uri);
      if (!here) return null;
      return linksOf(here.analysis, here.key).flatMap((found): DocumentLink[] => {
        const range = rangeOf(here.index, found.span);
        if (found.kind === "code") {
          const target = link(found.code);
          return target === undefined ? [] : [{ range, target, tooltip: t`Explain ${found.code}` }];
        }
        const target = beside(here.key, found.path);
        if (target === undefined || !here.analysis.fileOf(target)) return [];
        return [{ range, target: documents.uriOf(target), tooltip: t`Open the imported file` }];
      });
    }),
  );
}

/** A snippet without tab stops, for clients without snippet support. */
function plain(snippet: string): string {
  return snippet
    .replace(/\$\{\d+:([^}]*)\}/g, "$1")
    .replace(/\$\{\d+\|([^,|}]*)[^}]*\}/g, "$1")
    .replace(/\$\{\d+\}|\$\d+/g, "")
    .trimEnd();
}
