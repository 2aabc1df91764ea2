/** Knet: Trace Packet… – prompts for source, destination, port, and protocol, remembers the endpoints, and opens the panel. */
import * as vscode from "vscode";
import type { Protocol, TraceCommandArguments, TraceQuery } from "../../../server/src/lsp/protocol.ts";
import { isObject, isPort, isProtocol } from "../../webview/messages.ts";
import type { Server } from "../server.ts";
import { knetDocument, type PickedEndpoint, pickEndpoint } from "../target.ts";
import type { TracePanels } from "../trace-panel.ts";

const RECENT = 5;

/** `argument`: from key bindings, code lenses, and tests. Prompts for the missing values. */
export async function trace(
  context: vscode.ExtensionContext,
  server: Server,
  panels: TracePanels,
  argument: unknown,
): Promise<void> {
  const given = readArguments(argument);
  const uri = await knetDocument(given);
  if (!uri) return;
  const from =
    given.from ?? (await ask(context, server, uri, "from", vscode.l10n.t("Trace a packet: select the source")))?.path;
  if (from === undefined) return;
  const to =
    given.to === undefined
      ? await ask(context, server, uri, "to", vscode.l10n.t("Trace a packet from {0}: select the destination", from))
      : { path: given.to, ports: [] };
  if (!to) return;
  const transport = await pickTransport(given, to);
  if (!transport) return;
  const query: TraceQuery = {
    from,
    to: to.path,
    proto: transport.proto,
    ...(transport.port === undefined ? {} : { port: transport.port }),
    ...(given.before ? { before: true } : {}),
  };
  await remember(context, "from", from);
  await remember(context, "to", to.path);
  await panels.show({ uri: uri.toString(), query });
}

function readArguments(argument: unknown): TraceCommandArguments {
  if (!isObject(argument)) return {};
  const { uri, from, to, port, proto, before } = argument;
  return {
    ...(typeof uri === "string" ? { uri } : {}),
    ...(typeof from === "string" ? { from } : {}),
    ...(typeof to === "string" ? { to } : {}),
    ...(isPort(port) ? { port } : {}),
    ...(isProtocol(proto) ? { proto } : {}),
    ...(before === true ? { before } : {}),
  };
}

const key = (end: "from" | "to"): string => `knet.trace.recent.${end}`;

async function ask(
  context: vscode.ExtensionContext,
  server: Server,
  uri: vscode.Uri,
  end: "from" | "to",
  title: string,
): Promise<PickedEndpoint | undefined> {
  return pickEndpoint(server, uri, title, context.workspaceState.get<string[]>(key(end), []));
}

async function remember(context: vscode.ExtensionContext, end: "from" | "to", path: string): Promise<void> {
  const earlier = context.workspaceState.get<string[]>(key(end), []);
  await context.workspaceState.update(key(end), [path, ...earlier.filter((other) => other !== path)].slice(0, RECENT));
}

interface Transport {
  readonly proto: Protocol;
  readonly port: number | undefined;
}

/** Lists the ports of the destination, then ping, then any other port. */
async function pickTransport(given: TraceCommandArguments, to: PickedEndpoint): Promise<Transport | undefined> {
  if (given.proto === "icmp") return { proto: "icmp", port: undefined };
  if (given.port !== undefined) return { proto: given.proto ?? "tcp", port: given.port };
  type Item = vscode.QuickPickItem & { transport?: Transport };
  const items: Item[] = to.ports.map(({ port, proto, name }) => ({
    label: `${port}/${proto}`,
    description: name,
    transport: { proto, port },
  }));
  items.push({ label: "ping", description: vscode.l10n.t("ICMP echo"), transport: { proto: "icmp", port: undefined } });
  items.push({ label: vscode.l10n.t("Other port…") });
  const picked = await vscode.window.showQuickPick(items, {
    title: vscode.l10n.t("Trace a packet to {0}: select the port", to.path),
    placeHolder: vscode.l10n.t("Destination port"),
  });
  if (!picked) return undefined;
  return picked.transport ?? typePort();
}

async function typePort(): Promise<Transport | undefined> {
  const read = (text: string): Transport | undefined => {
    const match = /^(\d{1,5})(?:\/(tcp|udp|sctp))?$/.exec(text.trim());
    const port = Number(match?.[1]);
    const proto = match?.[2] ?? "tcp";
    return match && port >= 1 && port <= 65535 && isProtocol(proto) ? { proto, port } : undefined;
  };
  const text = await vscode.window.showInputBox({
    title: vscode.l10n.t("Port"),
    prompt: vscode.l10n.t("For example 8080 or 53/udp"),
    value: "80/tcp",
    validateInput: (value) =>
      read(value) ? undefined : vscode.l10n.t("Enter a port (1 to 65535), optionally followed by /tcp, /udp, or /sctp"),
  });
  return text === undefined ? undefined : read(text);
}
