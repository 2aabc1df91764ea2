import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { removeFix } from "../finding.ts";
import { childOf, hasChild } from "../source.ts";

export const calicoPeerConfig: Check = {
  code: "KN156",
  name: "calico-peer-config",
  family: "addresses",
  severity: "error",
  summary: "A BGPPeer has fields that exclude each other.",
  documentation: `A BGPPeer says on which nodes (\`node\` or \`node-selector\`, otherwise all) and with whom (\`peer-ip\` with \`as-number\`, or \`peer-selector\`, whose nodes have AS numbers of
their own). Calico refuses other combinations (libcalico-go/lib/validator/v3).`,
  example: {
    bad: twoNodes("cni calico {\n  peer rr {\n    peer-selector role=rr\n    as-number 64512\n  }\n}", "").replace(
      "n1 { attach",
      "n1 { labels role=rr; attach",
    ),
    good: twoNodes("cni calico {\n  peer rr { peer-selector role=rr }\n}", "").replace(
      "n1 { attach",
      "n1 { labels role=rr; attach",
    ),
  },
  message: ({ peer, what }) => `Calico refuses BGPPeer ${peer}: ${what}`,
  fixes: ({ what }, source) => {
    const words = new Set(String(what).match(/[a-z]+(?:-[a-z]+)*/g));
    const named = ["as-number", "node", "node-selector", "peer-ip", "peer-selector"].filter((keyword) =>
      words.has(keyword),
    );
    return named
      .filter((keyword) => hasChild(source, keyword))
      .map((keyword) => removeFix(`Leave ${keyword} out`, childOf(source, keyword)));
  },
};
