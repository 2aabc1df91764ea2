/** Invalid usage or an unreadable file: one line on standard error and exit code 2. Any other exception is a bug. */
export class UsageError extends Error {}

/** A file that cannot be read. */
export class UnreadableError extends UsageError {
  /** A clause without the file name: "not valid UTF-8". */
  readonly problem: string;

  constructor(file: string, problem: string, message = `${file}: ${problem}`) {
    super(message);
    this.problem = problem;
  }
}

/** A lab that cannot be built or does not complete: exit code 1 and the output of the failing tool. */
export class LabError extends Error {}

/** "ENOENT: no such file or directory", from the message of a system error: "ENOENT: no such file or directory, open 'x'". */
export function errno(error: unknown): string {
  if (!(error instanceof Error) || !("code" in error)) return String(error);
  return /^[A-Z0-9]+: [^,]+/.exec(error.message)?.[0] ?? String(error.code);
}
