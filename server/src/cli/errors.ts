/** What makes the command line end with code 2: one line on standard error. Everything else that is thrown is a bug. */
export class UsageError extends Error {}

/** A lab that cannot be built or does not run to its end: exit code 1 and what the kernel's tools said. */
export class LabError extends Error {}
