import type { Check } from "../../findings/check.ts";
import { t } from "../../text/l10n.ts";

/** Reported by the service, which reads the files. */
export const importFailed: Check<"KN015"> = {
  code: "KN015",
  name: "import-failed",
  family: "syntax",
  severity: "error",
  summary: "An imported file cannot be read.",
  documentation: `## What happens

The file does not exist, is not a readable text file, or (in the editor) is outside the workspace, or the topology exceeds
the limit of 1,000 files or of 4,000,000 characters. Its declarations are missing, so this error can cause other diagnostics.

## How to fix it

Fix the path, or create the file. Paths are relative to the importing file. In a large topology, declare equal machines as a
pool (\`nodes n 1..500\`).`,
  example: {
    bad: `import "missing.knet"
segment lan { cidr 192.168.10.0/24 }
`,
    good: `segment lan { cidr 192.168.10.0/24 }
`,
  },
  message: (data) => {
    switch (data.cause) {
      case "unreadable":
        return data.reason === undefined
          ? t`\`${data.path}\` cannot be read (paths are relative to this file)`
          : t`\`${data.path}\` cannot be read (${data.reason})`;
      case "oversized":
        return t`\`${data.path}\` is not analyzed: ${data.limit}`;
      case "full":
        return t`\`${data.path}\` and later imports are not analyzed: ${data.limit}`;
    }
  },
};
