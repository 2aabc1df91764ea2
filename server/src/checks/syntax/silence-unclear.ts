import type { Check, Finding } from "../check.ts";
import { isCode, type Silence } from "../silence.ts";
import { NO_STATEMENT } from "../source.ts";

/** Made by `run.ts`, which reads the comments. */
export const silenceUnclear: Check = {
  code: "KN019",
  name: "silence-unclear",
  family: "syntax",
  severity: "warning",
  summary: "A comment is to silence a diagnostic, but does not say which, or why.",
  documentation: `The form is \`knet-ignore KN105 reason\`, with one code or several, and with a reason in words: whoever reads the file next has to
know whether it still holds. Without a code nothing is silenced; without a reason the code is silenced all the same.`,
  example: {
    bad: `segment lan {
  cidr 192.168.10.0/24
  gateway 192.168.11.1   # knet-ignore KN112
}
`,
    good: `segment lan {
  cidr 192.168.10.0/24
  gateway 192.168.11.1   # knet-ignore KN112 the provider's router answers for both
}
`,
  },
};

export function unclearSilence(silence: Silence, known: (code: string) => boolean): Finding | undefined {
  const message = unclear(silence, known);
  if (message === undefined) return undefined;
  const { file, comment } = silence;
  return {
    code: silenceUnclear.code,
    severity: silenceUnclear.severity,
    message,
    source: { file, statement: NO_STATEMENT, part: "whole" },
    span: comment,
    related: [],
    fixes: silence.codes.some((code) => isCode(code) && known(code))
      ? []
      : [{ title: "Remove the comment, which silences nothing", edits: [{ kind: "comment", file, span: comment }] }],
  };
}

function unclear({ codes, reason }: Silence, known: (code: string) => boolean): string | undefined {
  if (codes.length === 0) return "knet-ignore names no diagnostic; write the code behind it: knet-ignore KN105 reason";
  const wrong = codes.find((code) => !isCode(code) || !known(code));
  if (wrong !== undefined) return `there is no diagnostic ${wrong}; "knet explain" lists all`;
  return /\p{L}/u.test(reason)
    ? undefined
    : `why ${codes.join(" and ")} is silenced is not said; add the reason behind the code`;
}
