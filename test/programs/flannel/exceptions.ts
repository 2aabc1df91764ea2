/** Differences between flanneld and knet that are not errors, with the reason. */
interface Exception {
  readonly matches: (name: string, line: string) => boolean;
  readonly reason: string;
}

const EXCEPTIONS: readonly Exception[] = [];

export function exceptionOf(name: string, line: string): string | undefined {
  return EXCEPTIONS.find(({ matches }) => matches(name, line))?.reason;
}
