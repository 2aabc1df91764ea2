/** Invalid usage or an unreadable file: one line on standard error and exit code 2. Any other exception is a bug. */
export class UsageError extends Error {}

/** A lab that cannot be built or does not complete: exit code 1 and the output of the failing tool. */
export class LabError extends Error {}
