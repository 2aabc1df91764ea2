import { childOf, sourceAt } from "../../declared/navigate.ts";
import type { Check } from "../../findings/check.ts";
import { twoNodes } from "../../findings/examples/nodes.ts";
import { removeFix, replaceFix } from "../../fixes/fix.ts";
import { clusterAt } from "../../questions/owner.ts";
import { t } from "../../text/l10n.ts";

const wireguard = (psk: string): string => twoNodes(`cni flannel { backend wireguard { psk "${psk}" } }`);

export const flannelBackendKey: Check<"KN137"> = {
  code: "KN137",
  name: "flannel-backend-key",
  family: "addresses",
  severity: "error",
  summary: "The key is not valid for the flannel backend.",
  documentation: `## What happens

flanneld exits with the quoted error, and no node has a pod network. The ipsec backend requires a \`psk\` of at least 96
characters. The wireguard backend does not require a \`psk\`; if it is set, it must be 32 bytes in base64, the output
format of \`wg genpsk\`.

## How to fix it

For ipsec, set a \`psk\` of at least 96 characters. For wireguard, use the output of \`wg genpsk\`, or remove \`psk\`.

## References

- flannel: \`pkg/backend/ipsec/ipsec.go\` (\`minPasswordLength\`)
- flannel: \`pkg/backend/wireguard/device.go\``,
  example: {
    bad: wireguard("our secret"),
    good: wireguard("c2VjcmV0IHRvIGFsbCBidXQgdGhlIG5vZGVzIGhlcmU="),
  },
  message: ({ backend, error }) =>
    backend === "ipsec"
      ? t`flanneld fails to start: "${error}"; the ipsec backend requires a \`psk\` of at least 96 characters`
      : t`flanneld fails to start: "${error}"; use the output of \`wg genpsk\``,
  fixes: ({ backend }, source, { topology }) => {
    const key = sourceAt(source, "whole");
    if (backend !== "ipsec") return [removeFix(t`Remove \`psk\``, key)];
    // No fix inserts a key: a key that is part of this source would not be a secret.
    const cni = clusterAt(topology, source)?.cni.source;
    const own = cni && childOf(cni, "backend");
    return own && own !== cni
      ? [replaceFix(t`Use the wireguard backend, which generates its own keys`, own, "backend wireguard")]
      : [];
  },
};
