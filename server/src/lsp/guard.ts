/** Exceptions in requests do not terminate the server: they are logged, and the client receives an empty result. */
import { type CancellationToken, type Connection, LSPErrorCodes, ResponseError } from "vscode-languageserver/node";

export interface Guard {
  readonly connection: Connection;
}

export function run<T>(
  { connection }: Guard,
  name: string,
  otherwise: T,
  token: CancellationToken | undefined,
  work: () => T | ResponseError,
): T | ResponseError {
  if (token?.isCancellationRequested) return new ResponseError(LSPErrorCodes.RequestCancelled, "canceled");
  try {
    return work();
  } catch (error) {
    connection.console.error(`${name}: ${describe(error)}`);
    return otherwise;
  }
}

export function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
