/** What a comparison with a real program found. */
export interface ProgramResult {
  readonly program: string;
  readonly version: string;
  /** Number of compared entries: routes, rules, devices. */
  readonly compared: number;
  readonly differences: readonly string[];
  /** Differences that have a name and a reason, in the table of the program's folder. */
  readonly exceptions: readonly string[];
  /** Why nothing was compared. */
  readonly skipped?: string;
}
