import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";

export const flannelBackendMissing: Check = {
  code: "KN135",
  name: "flannel-backend-missing",
  family: "addresses",
  severity: "info",
  summary: "No backend is given: flanneld takes udp.",
  documentation: `flannel's documentation says that vxlan is the default, and the shipped manifest names it; but where \`Backend\` is absent from
net-conf.json the code falls back to **udp** (\`pkg/subnet/config.go\`), which copies every packet through user space and is meant for
debugging. Say which one you mean.`,
  example: {
    bad: twoNodes("cni flannel"),
    good: twoNodes("cni flannel { backend vxlan }"),
  },
  message: () =>
    "no backend is given, and flanneld then takes udp, which is slow and meant for debugging; write backend vxlan if you mean that",
  fixes: (_, source) => [
    {
      title: "Use the vxlan backend",
      edits: [{ kind: "append", source: { ...source, part: "whole" }, text: "backend vxlan" }],
    },
  ],
};
