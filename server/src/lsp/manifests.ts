/** Kubernetes manifests that are open in the client: the server requests them only if the workspace or a setting needs them. */
import {
  CodeActionKind,
  CodeActionRequest,
  CodeLensRequest,
  DefinitionRequest,
  DidChangeTextDocumentNotification,
  DidCloseTextDocumentNotification,
  DidOpenTextDocumentNotification,
  type DocumentSelector,
  HoverRequest,
  ReferencesRequest,
  TextDocumentSyncKind,
} from "vscode-languageserver/node";
import type { Server } from "./access.ts";
import { SOURCE_LANGUAGES } from "./documents.ts";
import { describe } from "./guard.ts";

const SELECTOR: DocumentSelector = SOURCE_LANGUAGES.flatMap((language) => [
  { language, scheme: "file" },
  { language, scheme: "untitled" },
]);

/** A function that decides which manifests are analyzed, before each analysis. */
export function settler(server: Server): () => void {
  let isRegistered = false;
  return () => {
    const { documents, support, settings } = server;
    const { manifests } = settings();
    if (!isRegistered && support().dynamicDocuments && (manifests || documents.readsSources())) {
      isRegistered = true;
      register(server);
    }
    documents.settle((text) => manifests && isManifest(text));
  };
}

/** Other YAML and JSON files have no kind. */
function isManifest(text: string): boolean {
  return /^["\s-]*apiVersion["\s]*:/m.test(text) && /["\s]kind["\s]*:|^kind\s*:/m.test(text);
}

function register({ connection }: Server): void {
  const options = { documentSelector: SELECTOR };
  const logged = (error: unknown): void => connection.console.error(describe(error));
  const { client } = connection;
  const done = [
    client.register(HoverRequest.type, options),
    client.register(DefinitionRequest.type, options),
    client.register(ReferencesRequest.type, options),
    client.register(CodeLensRequest.type, { ...options, resolveProvider: true }),
    client.register(CodeActionRequest.type, { ...options, codeActionKinds: [CodeActionKind.QuickFix] }),
    client.register(DidChangeTextDocumentNotification.type, {
      ...options,
      syncKind: TextDocumentSyncKind.Incremental,
    }),
    client.register(DidCloseTextDocumentNotification.type, options),
    // The last one: the client then sends the documents that are open.
    client.register(DidOpenTextDocumentNotification.type, options),
  ];
  for (const one of done) void one.catch(logged);
}
