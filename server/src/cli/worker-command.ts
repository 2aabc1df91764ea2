/** The command line of a worker thread of `knet check`, which runs the same program; not a command for users. */
export const WORKER_COMMAND = "check-worker";
