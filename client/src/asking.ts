/** Requests to the server of which only the latest is relevant. */
import * as vscode from "vscode";
import { withPatience } from "./server.ts";

/** Tracks the latest request: each call begins one and returns a function that checks whether it is still the latest. */
export function lastCounts(): () => () => boolean {
  let last = 0;
  return () => {
    last += 1;
    const own = last;
    return () => own === last;
  };
}

/** Sends requests and shows progress. `error`: the cause if the server does not respond; undefined: canceled, or a later request has replaced it. */
export function asker(title: string) {
  const begin = lastCounts();
  return async <Answer>(
    request: (token: vscode.CancellationToken) => Promise<Answer>,
  ): Promise<Answer | { readonly error: string } | undefined> => {
    const isLast = begin();
    try {
      const answer = await withPatience(title, request);
      return isLast() ? answer : undefined;
    } catch (error) {
      return isLast() ? { error: noAnswer(error) } : undefined;
    }
  };
}

export function noAnswer(error: unknown): string {
  return vscode.l10n.t("The language server does not respond: {0}", String(error));
}
