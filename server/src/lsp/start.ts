/** Connects the server to standard input and output, or to what the arguments of the process name. */
import { createConnection, ProposedFeatures } from "vscode-languageserver/node";
import { startServer } from "./server.ts";

/** `knet lsp --stdio`. */
export function startStdio(): void {
  const connection = createConnection(ProposedFeatures.all, process.stdin, process.stdout);
  startServer(connection);
}

/** As a client starts it: `--stdio`, `--node-ipc`, `--socket=…`, `--pipe=…`; standard input and output without any. */
export function startFromArguments(): void {
  const named = process.argv.some((arg) => /^--(?:node-ipc|socket|pipe)\b/.test(arg));
  if (!named) startStdio();
  else startServer(createConnection(ProposedFeatures.all));
}
