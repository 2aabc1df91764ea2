import type { Check } from "../check.ts";
import { twoNodes } from "../examples.ts";
import { removeFix, replaceFix } from "../finding.ts";
import { childOf, sourceAt } from "../source.ts";
import { clusterAt } from "../topology.ts";

const wireguard = (psk: string): string => twoNodes(`cni flannel { backend wireguard { psk "${psk}" } }`);

export const flannelBackendKey: Check = {
  code: "KN137",
  name: "flannel-backend-key",
  family: "addresses",
  severity: "error",
  summary: "flannel's backend cannot use its key.",
  documentation: `flanneld ends with the quoted error, and no node has a pod network. ipsec needs a \`psk\` of at least 96 characters
(\`pkg/backend/ipsec/ipsec.go\`, minPasswordLength). wireguard needs none; one that is given must be 32 bytes in base64, as \`wg genpsk\` prints
them (\`pkg/backend/wireguard/device.go\`).`,
  example: {
    bad: wireguard("our secret"),
    good: wireguard("c2VjcmV0IHRvIGFsbCBidXQgdGhlIG5vZGVzIGhlcmU="),
  },
  message: ({ backend, error }) =>
    backend === "ipsec"
      ? `flanneld does not start with this: "${error}"; give backend ipsec a psk of at least 96 characters`
      : `flanneld does not start with this: "${error}"; take what \`wg genpsk\` prints, or leave psk out`,
  fixes: ({ backend }, source, { topology }) => {
    const key = sourceAt(source, "whole");
    if (backend !== "ipsec") return [removeFix("Leave psk out", key)];
    // No key is made up here: one that everybody can read in a tool's source is none.
    const cni = clusterAt(topology, source)?.cni.source;
    const own = cni && childOf(cni, "backend");
    return own && own !== cni
      ? [replaceFix("Use backend wireguard, which makes its own keys", own, "backend wireguard")]
      : [];
  },
};
