/** What makes the command line end with code 2: one line on standard error. Everything else that is thrown is a bug. */
export class UsageError extends Error {}
