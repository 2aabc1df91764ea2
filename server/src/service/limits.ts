/** Limits of the files of a topology; a file beyond a limit is reported instead of analyzed. */
import { number } from "../text/format.ts";
import { t } from "../text/l10n.ts";

/**
 * Maximum length of a file, and of all files of a topology, in UTF-16 code units. The densest text of this length needs
 * 1.7 GB, so a server with a heap of 2 GB survives it.
 */
export const MAX_TEXT = 4_000_000;
const MAX_FILES = 1000;
/** Maximum length of a file of a source (a dump of a cluster), which is not declarations as a whole. */
export const MAX_SOURCE = 128_000_000;

/** Why a file is not read or analyzed. */
export function tooLarge(most = MAX_TEXT): string {
  return t`the file has more than ${number(most)} characters`;
}

/** The limit that a topology of this size exceeds. */
export function fullWith(files: number, length: number): string | undefined {
  if (files > MAX_FILES) return t`the topology has more than ${number(MAX_FILES)} files`;
  return length > MAX_TEXT ? t`the topology has more than ${number(MAX_TEXT)} characters` : undefined;
}
