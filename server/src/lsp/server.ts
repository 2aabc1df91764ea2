/** The language server of one connection; creates all of its state. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Connection, InitializeParams } from "vscode-languageserver/node";
import { installLocale } from "../bundles.ts";
import { type Bundle, installBundle } from "../text/l10n.ts";
import { VERSION } from "../version.ts";
import type { Server } from "./access.ts";
import { type ClientSupport, serverCapabilities, supportOf } from "./capabilities.ts";
import { createDiagnostics } from "./diagnostics.ts";
import { createDisk } from "./disk.ts";
import { createDocuments } from "./documents.ts";
import { registerHandlers } from "./handlers.ts";
import { registerKnetRequests } from "./knet.ts";
import { settler } from "./manifests.ts";
import { registerMatrix } from "./matrix.ts";
import { refreshOf, registerNotifications, type State } from "./notifications.ts";
import { registerPull } from "./pull.ts";
import { createReports } from "./reports.ts";
import { DEFAULTS, member } from "./settings.ts";

export interface ServerOptions {
  /** Number of received didChange notifications, handled or not; a long analysis uses it to detect that it is out of date. */
  readonly changesReceived?: () => number;
  readonly now?: () => number;
}

const NOTHING: ClientSupport = {
  snippets: false,
  suggest: false,
  commitCharacters: false,
  definitionLinks: false,
  typeDefinitionLinks: false,
  implementationLinks: false,
  commands: false,
  pull: false,
  pullRefresh: false,
  hintRefresh: false,
  lensRefresh: false,
  versionedEdits: false,
  configuration: false,
  configurationEvents: false,
  folders: false,
  watching: false,
  dynamicDocuments: false,
  related: false,
  codeDescription: false,
  data: false,
};

/** Serves a connection; `connection.listen()` is called here. */
export function startServer(connection: Connection, options: ServerOptions = {}): void {
  const now = options.now ?? (() => performance.now());
  const state: State = { support: NOTHING, settings: DEFAULTS, changesHandled: 0 };
  const support = (): ClientSupport => state.support;
  const disk = createDisk();
  const documents = createDocuments(disk);
  const stale = (): boolean => (options.changesReceived?.() ?? 0) > state.changesHandled;
  const reports = createReports({ connection, documents, support, link: documentationLink, stale, now });
  const refresh = refreshOf(connection, support);
  const diagnostics = createDiagnostics({
    connection,
    documents,
    reports,
    settle: () => settle(),
    push: () => !state.support.pull,
    changedAcross: refresh.shown,
    now,
  });
  const server: Server = {
    connection,
    documents,
    disk,
    now,
    stale,
    support,
    settings: () => state.settings,
    link: documentationLink,
  };

  const settle = settler(server);
  connection.onInitialize((params: InitializeParams) => {
    state.support = supportOf(params);
    installTexts(params);
    disk.setFolders(foldersOf(params));
    return { capabilities: serverCapabilities(state.support), serverInfo: { name: "knet", version: VERSION } };
  });
  registerNotifications({ server, diagnostics, refresh, state });
  connection.onShutdown(() => diagnostics.stop());

  registerHandlers(server);
  registerKnetRequests(server);
  registerMatrix(server);
  registerPull(server, reports);
  connection.listen();
}

/** Installs the translations: the bundle that the client has loaded, else the bundle of the package for its locale. */
function installTexts({ initializationOptions, locale }: InitializeParams): void {
  const given = member(initializationOptions, "l10n");
  const bundle = member(given, "bundle");
  const tag = member(given, "locale");
  if (isBundle(bundle)) installBundle(bundle, typeof tag === "string" ? tag : locale);
  else installLocale(locale);
}

function isBundle(value: unknown): value is Bundle {
  return typeof value === "object" && value !== null && Object.values(value).every((text) => typeof text === "string");
}

function foldersOf({ workspaceFolders, rootUri }: InitializeParams): readonly string[] {
  if (workspaceFolders) return workspaceFolders.map(({ uri }) => uri);
  return typeof rootUri === "string" ? [rootUri] : [];
}

/** URL of a code in the documentation that is installed with the server; works offline. */
function documentationLink(code: string): string | undefined {
  const page = new URL("../docs/diagnostics.md", import.meta.url);
  return documented(page) ? `${page.href}#${code.toLowerCase()}` : undefined;
}

const pages = new Map<string, boolean>();
function documented(page: URL): boolean {
  let known = pages.get(page.href);
  if (known === undefined) {
    known = existsSync(fileURLToPath(page));
    pages.set(page.href, known);
  }
  return known;
}
