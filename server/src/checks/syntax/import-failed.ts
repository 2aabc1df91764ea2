import type { Check } from "../check.ts";

/** Reported by the service, which reads the files. */
export const importFailed: Check = {
  code: "KN015",
  name: "import-failed",
  family: "syntax",
  severity: "error",
  summary: "An imported file cannot be read.",
  documentation: `## What happens

The file does not exist, is not readable, or (in the editor) is outside the workspace. Its declarations are missing, so
this error can cause other diagnostics.

## How to fix it

Fix the path, or create the file. Paths are relative to the importing file.`,
  example: {
    bad: `import "missing.knet"
segment lan { cidr 192.168.10.0/24 }
`,
    good: `segment lan { cidr 192.168.10.0/24 }
`,
  },
};
