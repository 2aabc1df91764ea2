import type { Check, Code, Finding } from "../check.ts";
import type { Silence } from "../silence.ts";
import { NO_STATEMENT } from "../source.ts";

/** Made by `run.ts`, once everything else has been found. */
export const silenceUnused: Check = {
  code: "KN018",
  name: "silence-unused",
  family: "syntax",
  severity: "warning",
  summary: "A comment silences a diagnostic that does not occur.",
  documentation: `\`knet-ignore KN105 reason\` behind a statement silences KN105 on that line; alone on a line, in the statement that follows, with
its block; \`knet-ignore-file\` in the whole file. What it was written for is gone, or lies elsewhere: the comment would hide the next
problem of that kind. Remove it, or move it to the line that the diagnostic underlines.`,
  example: {
    bad: `# knet-ignore KN105 the office moves in May
segment lan { cidr 192.168.10.0/24 }
`,
    good: `segment lan { cidr 192.168.10.0/24 }
`,
  },
};

export function unusedSilence({ file, comment, codes, scope }: Silence, code: Code): Finding {
  const alone = codes.length === 1;
  return {
    code: silenceUnused.code,
    severity: silenceUnused.severity,
    message: scope
      ? `${code} is silenced here, but it does not occur; remove ${alone ? "the comment" : `${code} from the comment`}`
      : `${code} is silenced here, but no statement follows the comment; move it above the statement or behind it`,
    source: { file, statement: NO_STATEMENT, part: "whole" },
    span: comment,
    related: [],
    fixes: alone ? [{ title: "Remove the comment", edits: [{ kind: "comment", file, span: comment }] }] : [],
  };
}
