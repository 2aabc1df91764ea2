import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { t } from "../../text/l10n.ts";

export const flannelBackendMissing: Check<"KN135"> = {
  code: "KN135",
  name: "flannel-backend-missing",
  family: "addresses",
  severity: "info",
  summary: "No flannel backend is set, so flanneld uses udp.",
  documentation: `## What happens

According to flannel's documentation, vxlan is the default, and the manifest that flannel ships sets it. But if
\`Backend\` is not set in \`net-conf.json\`, the code falls back to **udp**, which copies every packet through user space
and is intended for debugging.

## How to fix it

Set the backend explicitly.

## References

- flannel: \`pkg/subnet/config.go\``,
  example: {
    bad: twoNodes("cni flannel"),
    good: twoNodes("cni flannel { backend vxlan }"),
  },
  message: () =>
    t`no backend is set, so flanneld uses udp, which is slow and only for debugging; to keep it, set \`backend udp\``,
  fixes: (_, source) => [
    {
      title: t`Use the vxlan backend`,
      edits: [{ kind: "append", source: { ...source, part: "whole" }, text: "backend vxlan" }],
    },
  ],
};
