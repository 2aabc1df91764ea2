import type { Check } from "../check.ts";
import { replaceFix } from "../finding.ts";
import { sourceAt } from "../source.ts";

export const unexpectedBlock: Check = {
  code: "KN010",
  name: "unexpected-block",
  family: "syntax",
  severity: "error",
  summary: "A statement has a block and takes none.",
  documentation: `What stands in the block is skipped. A brace may stand on the wrong line, or the settings belong to another choice, as those of
\`backend vxlan\` under \`backend host-gw\`.`,
  example: {
    bad: `segment lan {
  cidr 192.168.10.0/24 { mtu 9000 }
}
`,
    good: `segment lan {
  cidr 192.168.10.0/24
  mtu 9000
}
`,
  },
  message: ({ keyword, choice }) =>
    choice === undefined
      ? `${keyword} takes no block; move the settings, or remove the braces`
      : `${keyword} ${choice} has no settings and takes no block; remove it`,
  fixes: (_data, source) => {
    const { keyword, args } = source.statement;
    const words = [keyword, ...args].map(({ kind, text }) => (kind === "string" ? JSON.stringify(text) : text));
    return args.some(({ kind }) => kind === "list")
      ? []
      : [replaceFix("Remove the block", sourceAt(source, "whole"), words.join(" "))];
  },
};
