import type { Check } from "../check.ts";

/** Made by the service, which reads files. */
export const importFailed: Check = {
  code: "KN015",
  name: "import-failed",
  family: "syntax",
  severity: "error",
  summary: "An imported file cannot be read, or imports itself.",
  documentation: `Paths are relative to the importing file and must lie in the workspace. What the file would have declared is missing, so other
findings may follow from this one.`,
  example: {
    bad: `import "missing.knet"
segment lan { cidr 192.168.10.0/24 }
`,
    good: `segment lan { cidr 192.168.10.0/24 }
`,
  },
};
