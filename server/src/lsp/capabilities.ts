/** What the client can do, and what this server offers. */
import {
  CodeActionKind,
  type InitializeParams,
  PositionEncodingKind,
  type ServerCapabilities,
  TextDocumentSyncKind,
} from "vscode-languageserver/node";
import { TOKEN_MODIFIERS, TOKEN_TYPES } from "../service/features/tokens.ts";
import type { DiagnosticSupport } from "./convert.ts";

export interface ClientSupport extends DiagnosticSupport {
  readonly snippets: boolean;
  /** Knows the command that asks for suggestions again. */
  readonly suggest: boolean;
  readonly definitionLinks: boolean;
  readonly versionedEdits: boolean;
  readonly configuration: boolean;
  readonly configurationEvents: boolean;
  readonly folders: boolean;
  readonly watching: boolean;
}

export function supportOf({ capabilities, clientInfo }: InitializeParams): ClientSupport {
  const { textDocument, workspace } = capabilities;
  const diagnostics = textDocument?.publishDiagnostics;
  return {
    snippets: textDocument?.completion?.completionItem?.snippetSupport === true,
    suggest: /^(?:Visual Studio Code|VSCodium|Code - OSS|code-server)/.test(clientInfo?.name ?? ""),
    definitionLinks: textDocument?.definition?.linkSupport === true,
    versionedEdits: workspace?.workspaceEdit?.documentChanges === true,
    configuration: workspace?.configuration === true,
    configurationEvents: workspace?.didChangeConfiguration?.dynamicRegistration === true,
    folders: workspace?.workspaceFolders === true,
    watching: workspace?.didChangeWatchedFiles?.dynamicRegistration === true,
    related: diagnostics?.relatedInformation === true,
    codeDescription: diagnostics?.codeDescriptionSupport === true,
    data: diagnostics?.dataSupport === true,
  };
}

export function serverCapabilities(support: ClientSupport): ServerCapabilities {
  return {
    positionEncoding: PositionEncodingKind.UTF16,
    textDocumentSync: { openClose: true, change: TextDocumentSyncKind.Incremental },
    hoverProvider: true,
    completionProvider: { triggerCharacters: [" ", "/", ":", '"', "[", "."] },
    definitionProvider: true,
    referencesProvider: true,
    documentHighlightProvider: true,
    renameProvider: { prepareProvider: true },
    documentSymbolProvider: true,
    workspaceSymbolProvider: true,
    foldingRangeProvider: true,
    selectionRangeProvider: true,
    documentFormattingProvider: true,
    documentRangeFormattingProvider: true,
    codeActionProvider: { codeActionKinds: [CodeActionKind.QuickFix] },
    semanticTokensProvider: {
      legend: { tokenTypes: [...TOKEN_TYPES], tokenModifiers: [...TOKEN_MODIFIERS] },
      full: true,
      range: true,
    },
    workspace: support.folders ? { workspaceFolders: { supported: true, changeNotifications: true } } : {},
  };
}
