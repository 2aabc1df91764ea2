/** Questions to the server that may overtake each other. */
import type * as vscode from "vscode";
import { withPatience } from "./server.ts";

/** Only the last question counts: each call begins one, and what it returns says whether that is still the last. */
export function lastCounts(): () => () => boolean {
  let last = 0;
  return () => {
    last += 1;
    const own = last;
    return () => own === last;
  };
}

/** Asks with patience. `error`: why the server has not answered; undefined: stopped, or a later question has overtaken it. */
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
  return `The language server does not answer: ${String(error)}`;
}
