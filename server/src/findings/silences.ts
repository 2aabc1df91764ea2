/**
 * Comments that suppress findings. A finding is suppressed if its own location is in the scope of the comment, regardless
 * of its related locations.
 */
import type { Document, Silence } from "../declared/document.ts";
import { type FileProblem, type FileProblemData, problemInText } from "../declared/file-problem.ts";
import type { Span } from "../text/span.ts";
import type { Code, Finding } from "./finding.ts";

/** Returns the remaining findings, and each comment and code that suppressed nothing. */
export function applySilences(
  silences: readonly Silence[],
  findings: readonly Finding[],
  placeOf: (finding: Finding) => Span | undefined,
): {
  readonly kept: readonly Finding[];
  readonly unused: readonly { readonly silence: Silence; readonly code: Code }[];
} {
  if (silences.length === 0) return { kept: findings, unused: [] };
  const used = new Map<Silence, Set<string>>(silences.map((silence) => [silence, new Set()]));
  const kept = findings.filter((finding) => {
    const place = placeOf(finding);
    let suppressed = false;
    for (const silence of silences) {
      const { file, scope, codes } = silence;
      if (!place || !scope || file !== finding.source.file || !codes.includes(finding.code)) continue;
      if (place.start < scope.start || place.start >= scope.end) continue;
      used.get(silence)?.add(finding.code);
      suppressed = true;
    }
    return !suppressed;
  });
  const unused = silences.flatMap((silence) =>
    silence.codes
      .filter((code) => isCode(code) && !used.get(silence)?.has(code))
      .map((code) => ({ silence, code: code as Code })),
  );
  return { kept, unused };
}

/** A comment without a known code, or without a reason. */
export function unclearSilence(silence: Silence, isKnown: (code: string) => boolean): FileProblem<"KN019"> | undefined {
  const { file, comment, codes, reason } = silence;
  const problem = (data: FileProblemData["KN019"]): FileProblem<"KN019"> => problemInText("KN019", file, comment, data);
  if (codes.length === 0) return problem({ cause: "no-code", known: false });
  const wrong = codes.find((code) => !isCode(code) || !isKnown(code));
  if (wrong !== undefined) {
    const known = codes.some((code) => isCode(code) && isKnown(code));
    return problem({ cause: "unknown-code", code: wrong, known });
  }
  return /\p{L}/u.test(reason) ? undefined : problem({ cause: "no-reason", codes, known: true });
}

/** A comment and one of its codes, which suppressed nothing. */
export function unusedSilence({ file, comment, codes, scope }: Silence, code: Code): FileProblem<"KN018"> {
  return problemInText("KN018", file, comment, { code, alone: codes.length === 1, scope: scope !== undefined });
}

export function isCode(text: string): text is Code {
  return /^KN\d{3}$/.test(text);
}

/** Locates findings in the files. */
export function placing(files: readonly Document[]): (finding: Finding) => Span | undefined {
  const byName = new Map(files.map((file) => [file.file, file]));
  return ({ source, span }) => span ?? byName.get(source.file)?.spanOf(source);
}
