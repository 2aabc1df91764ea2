/**
 * The trace panel, one per query. It shows the trace from the server, updates it when a topology changes, and is restored
 * after a reload of the window. The page (client/webview) only draws.
 */
import * as vscode from "vscode";
import type { TraceQuery, TraceResult } from "../../server/src/lsp/protocol.ts";
import { waysOf } from "../../server/src/trace/layout.ts";
import type { Trace } from "../../server/src/trace/schema.ts";
import { type FromPage, type Place, readFromPage, readPanelState, type ToPage } from "../webview/messages.ts";
import { asker } from "./asking.ts";
import { headOf } from "./head.ts";
import { fileOf, openLocation } from "./page.ts";
import type { Panel, PanelKind, Panels } from "./panels.ts";
import type { Server } from "./server.ts";

interface Asked {
  readonly uri: string;
  readonly query: TraceQuery;
  /** The path and step that the page showed in an earlier window. */
  readonly place?: Place;
}

export type TracePanels = Panels<Asked>;

export const TRACE: PanelKind<Asked, FromPage> = {
  view: "knet.trace",
  page: { script: "webview.js", style: "trace.css", title: () => vscode.l10n.t("Trace") },
  keyOf: ({ uri, query }) =>
    JSON.stringify([uri, query.from, query.to, query.proto, query.port, query.size, query.df, query.before]),
  titleOf: ({ query }) => `${query.from} → ${query.to}${query.before ? " (HEAD)" : ""}`,
  readState(kept) {
    const known = readPanelState(kept);
    return known && { uri: known.uri, query: known.query, place: { path: known.path, step: known.step } };
  },
  readMessage: readFromPage,
  open,
};

function open(server: Server, { webview }: vscode.WebviewPanel, { uri, query, place }: Asked): Panel<FromPage> {
  const ask = asker(vscode.l10n.t("Tracing the packet"));
  const head = headOf();
  let trace: Trace | undefined;
  /** The path and step that the page last reported. */
  let last = place;
  /** The path and step at which a new page continues. */
  let next: Place | undefined;
  let isReady = false;

  async function draw(): Promise<void> {
    if (!isReady) return;
    const answer = await ask(async (token): Promise<TraceResult | { readonly error: string }> => {
      if (!query.before) return server.request("knet/trace", { uri, query }, token);
      return head.ask<TraceResult>(uri, (old) => server.request("knet/trace", { uri, query, old }, token));
    });
    if (answer === undefined || "wanted" in answer) return;
    const file = `${fileOf(uri)}${query.before ? " (HEAD)" : ""}`;
    let message: ToPage;
    if ("trace" in answer) {
      trace = answer.trace;
      message = { type: "trace", uri, query, file, trace, ...(next ? { place: next } : {}) };
      next = undefined;
    } else {
      const candidates = "candidates" in answer ? answer.candidates : [];
      message = { type: "failed", uri, query, file, error: answer.error, candidates };
    }
    await webview.postMessage(message);
  }

  const wayOf = (index: number) => trace && waysOf(trace)[index];

  async function receive(message: FromPage): Promise<void> {
    switch (message.type) {
      case "ready":
        // Also when a hidden panel is shown again: VS Code has destroyed its page and loads a new one.
        isReady = true;
        next = last;
        return draw();
      case "place":
        last = { path: message.path, step: message.step };
        return;
      case "retrace":
        return draw();
      case "change":
        await vscode.commands.executeCommand("knet.trace", { uri });
        return;
      case "showRule": {
        const path = wayOf(message.path);
        const hop = path && [...path.hops, ...(path.reply?.hops ?? [])][message.step];
        return openLocation(hop?.rule?.location);
      }
      case "showReason": {
        const path = wayOf(message.path);
        const leg = message.leg === "request" ? path : path?.reply;
        return openLocation(leg?.reason?.location);
      }
    }
  }

  return { draw, receive };
}
