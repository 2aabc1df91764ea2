/** The capabilities of the client and of this server. */
import {
  CodeActionKind,
  type InitializeParams,
  PositionEncodingKind,
  type ServerCapabilities,
  TextDocumentSyncKind,
} from "vscode-languageserver/node";
import { TOKEN_MODIFIERS, TOKEN_TYPES } from "../service/features/tokens.ts";
import type { DiagnosticSupport } from "./convert.ts";
import { member } from "./settings.ts";

export interface ClientSupport extends DiagnosticSupport {
  readonly snippets: boolean;
  /** Supports the command that triggers suggestions again. */
  readonly suggest: boolean;
  readonly commitCharacters: boolean;
  readonly definitionLinks: boolean;
  readonly typeDefinitionLinks: boolean;
  readonly implementationLinks: boolean;
  /** Supports the commands of lenses and hovers. */
  readonly commands: boolean;
  /** Pulls diagnostics, so none are pushed. */
  readonly pull: boolean;
  readonly pullRefresh: boolean;
  readonly hintRefresh: boolean;
  readonly lensRefresh: boolean;
  readonly versionedEdits: boolean;
  readonly configuration: boolean;
  readonly configurationEvents: boolean;
  readonly folders: boolean;
  readonly watching: boolean;
  /** Documents of more languages can be requested later. */
  readonly dynamicDocuments: boolean;
}

/** The extension sets `{ push: true, commands: true }`: pushed lists arrive earlier and carry their document version. */
export function supportOf({ capabilities, clientInfo, initializationOptions }: InitializeParams): ClientSupport {
  const { textDocument, workspace } = capabilities;
  const diagnostics = textDocument?.publishDiagnostics;
  return {
    snippets: textDocument?.completion?.completionItem?.snippetSupport === true,
    suggest: /^(?:Visual Studio Code|VSCodium|Code - OSS|code-server)/.test(clientInfo?.name ?? ""),
    commitCharacters: textDocument?.completion?.completionItem?.commitCharactersSupport === true,
    typeDefinitionLinks: textDocument?.typeDefinition?.linkSupport === true,
    implementationLinks: textDocument?.implementation?.linkSupport === true,
    commands: member(initializationOptions, "commands") === true,
    pull: textDocument?.diagnostic !== undefined && member(initializationOptions, "push") !== true,
    pullRefresh: workspace?.diagnostics?.refreshSupport === true,
    hintRefresh: workspace?.inlayHint?.refreshSupport === true,
    lensRefresh: workspace?.codeLens?.refreshSupport === true,
    definitionLinks: textDocument?.definition?.linkSupport === true,
    versionedEdits: workspace?.workspaceEdit?.documentChanges === true,
    configuration: workspace?.configuration === true,
    configurationEvents: workspace?.didChangeConfiguration?.dynamicRegistration === true,
    folders: workspace?.workspaceFolders === true,
    watching: workspace?.didChangeWatchedFiles?.dynamicRegistration === true,
    dynamicDocuments:
      textDocument?.synchronization?.dynamicRegistration === true && textDocument.hover?.dynamicRegistration === true,
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
    signatureHelpProvider: { triggerCharacters: [" "] },
    definitionProvider: true,
    typeDefinitionProvider: true,
    implementationProvider: true,
    callHierarchyProvider: true,
    linkedEditingRangeProvider: true,
    inlayHintProvider: true,
    codeLensProvider: { resolveProvider: true },
    documentLinkProvider: {},
    referencesProvider: true,
    documentHighlightProvider: true,
    renameProvider: { prepareProvider: true },
    documentSymbolProvider: true,
    workspaceSymbolProvider: true,
    foldingRangeProvider: true,
    selectionRangeProvider: true,
    documentFormattingProvider: true,
    documentRangeFormattingProvider: true,
    documentOnTypeFormattingProvider: { firstTriggerCharacter: "}", moreTriggerCharacter: [";", "\n"] },
    codeActionProvider: {
      codeActionKinds: [
        CodeActionKind.QuickFix,
        CodeActionKind.RefactorExtract,
        CodeActionKind.RefactorInline,
        CodeActionKind.RefactorRewrite,
        `${CodeActionKind.SourceFixAll}.knet`,
        CodeActionKind.SourceOrganizeImports,
      ],
    },
    ...(support.pull
      ? { diagnosticProvider: { identifier: "knet", interFileDependencies: true, workspaceDiagnostics: true } }
      : {}),
    semanticTokensProvider: {
      legend: { tokenTypes: [...TOKEN_TYPES], tokenModifiers: [...TOKEN_MODIFIERS] },
      full: { delta: true },
      range: true,
    },
    workspace: {
      ...(support.folders ? { workspaceFolders: { supported: true, changeNotifications: true } } : {}),
      fileOperations: {
        willRename: {
          filters: [
            { scheme: "file", pattern: { glob: "**/*.knet", matches: "file" } },
            { scheme: "file", pattern: { glob: "**/*", matches: "folder" } },
          ],
        },
      },
    },
  };
}
