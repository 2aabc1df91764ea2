/** Notifications of the client about documents, files, folders, and settings. */

import {
  CodeLensRefreshRequest,
  type Connection,
  DidChangeConfigurationNotification,
  DidChangeWatchedFilesNotification,
  FileChangeType,
  WatchKind,
} from "vscode-languageserver/node";
import { CONFIG_FILE } from "../service/front-ends.ts";
import type { Server } from "./access.ts";
import type { ClientSupport } from "./capabilities.ts";
import type { Diagnostics } from "./diagnostics.ts";
import { describe } from "./guard.ts";
import { member, type Settings, settingsIn } from "./settings.ts";
import { keyOf } from "./uri.ts";

/** What changes during a connection, except the documents. */
export interface State {
  support: ClientSupport;
  settings: Settings;
  /** Number of didChange notifications. */
  changesHandled: number;
}

export interface Session {
  readonly server: Server;
  readonly diagnostics: Diagnostics;
  readonly refresh: Refresh;
  readonly state: State;
}

/** Makes the client request again what it shows. */
export interface Refresh {
  /** Hints and lenses, which depend on more than the text of their document. */
  shown(): void;
  /** Hints, lenses, and pulled diagnostics. */
  all(): void;
}

export function refreshOf(connection: Connection, support: () => ClientSupport): Refresh {
  const logged = logger(connection);
  const shown = (): void => {
    if (support().hintRefresh) void connection.languages.inlayHint.refresh().catch(logged);
    if (support().lensRefresh) void connection.sendRequest(CodeLensRefreshRequest.type).catch(logged);
  };
  return {
    shown,
    all() {
      shown();
      if (support().pull && support().pullRefresh) void connection.languages.diagnostics.refresh();
    },
  };
}

export function registerNotifications(session: Session): void {
  const { connection } = session.server;
  connection.onInitialized(
    safely(connection, "initialized", () => {
      register(session);
      readSettings(session, undefined);
    }),
  );
  connection.onDidChangeConfiguration(
    safely(connection, "configuration", ({ settings }: { settings: unknown }) =>
      readSettings(session, member(settings, "knet")),
    ),
  );
  registerDocuments(session);
  registerFiles(session);
}

/** Notifications have no response; exceptions in their handlers are logged. */
function safely<P>(connection: Connection, name: string, work: (params: P) => void): (params: P) => void {
  return (params) => {
    try {
      work(params);
    } catch (error) {
      connection.console.error(`${name}: ${describe(error)}`);
    }
  };
}

function logger(connection: Connection): (error: unknown) => void {
  return (error) => connection.console.error(describe(error));
}

/** Registers for the notifications that the client supports. */
function register({ server, diagnostics, refresh, state }: Session): void {
  const { connection, documents, disk } = server;
  const logged = logger(connection);
  if (state.support.configurationEvents) {
    void connection.client.register(DidChangeConfigurationNotification.type, { section: "knet" }).catch(logged);
  }
  if (state.support.watching) {
    void connection.client
      .register(DidChangeWatchedFilesNotification.type, {
        watchers: [
          { globPattern: "**/*.knet" },
          { globPattern: `**/${CONFIG_FILE}` },
          // The files of sources.
          { globPattern: "**/*.{yaml,yml,json,tfstate,txt}" },
          // If a folder is deleted, clients do not report the files in it.
          { globPattern: "**/*", kind: WatchKind.Delete },
        ],
      })
      .catch(logged);
  }
  if (!state.support.folders) return;
  connection.workspace.onDidChangeWorkspaceFolders(
    safely(connection, "workspaceFolders", () => {
      void connection.workspace
        .getWorkspaceFolders()
        .then((folders) => {
          disk.setFolders((folders ?? []).map(({ uri }) => uri));
          // The folders determine which files can be imported.
          documents.service.forget();
          diagnostics.schedule();
          refresh.all();
        })
        .catch(logged);
    }),
  );
}

/** `pushed`: the section `knet` in the notification, for clients without `workspace/configuration`. */
function readSettings(session: Session, pushed: unknown): void {
  const { connection } = session.server;
  if (!session.state.support.configuration) {
    takeSettings(session, pushed);
    return;
  }
  void connection.workspace
    .getConfiguration("knet")
    .then((given) => takeSettings(session, given))
    .catch(logger(connection));
}

function takeSettings({ server, diagnostics, refresh, state }: Session, given: unknown): void {
  const before = state.settings;
  const settings = settingsIn(given);
  state.settings = settings;
  diagnostics.setDelay(settings.delay);
  server.documents.service.configure(settings.levels);
  diagnostics.schedule();
  if (JSON.stringify([before, [...before.levels]]) !== JSON.stringify([settings, [...settings.levels]])) refresh.all();
}

function registerDocuments({ server, diagnostics, state }: Session): void {
  const { connection, documents } = server;
  connection.onDidOpenTextDocument(
    safely(connection, "didOpen", ({ textDocument: { uri, version, text, languageId } }) => {
      // Without file watching, changes on disk are only noticed when a file is opened.
      if (!state.support.watching) documents.service.forget();
      documents.open(uri, version, text, languageId);
      diagnostics.schedule();
    }),
  );
  connection.onDidChangeTextDocument((params) => {
    state.changesHandled += 1;
    safely(connection, "didChange", () => {
      const { uri, version } = params.textDocument;
      if (!documents.change(uri, version, params.contentChanges)) {
        connection.console.warn(`didChange: ${uri} is not open`);
        return;
      }
      diagnostics.schedule();
    })(params);
  });
  connection.onDidCloseTextDocument(
    safely(connection, "didClose", ({ textDocument: { uri } }) => {
      const document = documents.get(uri);
      documents.close(uri);
      if (document) diagnostics.closed(document);
    }),
  );
}

function registerFiles({ server, diagnostics, refresh }: Session): void {
  const { connection, documents, disk } = server;
  connection.onDidChangeWatchedFiles(
    safely(connection, "watchedFiles", ({ changes }) => {
      const known = changes.map(({ uri, type }) => {
        const key = keyOf(uri);
        if (type !== FileChangeType.Changed) disk.changed(key);
        documents.changedOnDisk(key);
        return documents.service.invalidate(key) || uri.endsWith(".knet");
      });
      if (!known.includes(true)) return;
      diagnostics.schedule();
      refresh.all();
    }),
  );
}
