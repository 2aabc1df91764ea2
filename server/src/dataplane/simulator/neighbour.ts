/** How a device reaches an address on its link. */
import type { Reason, StepRule } from "../journey.ts";
import type { LinkEnd } from "../model.ts";
import type { TunnelKey } from "../program.ts";

export type Neighbour =
  | {
      readonly kind: "none";
      readonly message: string;
      readonly code?: "stacked-apart" | undefined;
      /** The request or the reply was lost on its path. */
      readonly failure?: Reason | undefined;
    }
  /** The device does not use neighbor entries: tun, ipip, wireguard. */
  | { readonly kind: "unneeded" }
  | { readonly kind: "station"; readonly end: LinkEnd }
  /** Another device stacked on the same parent. */
  | { readonly kind: "sibling"; readonly netns: string; readonly device: string }
  /** The veth peer, if it is not a bridge port. */
  | { readonly kind: "peer" }
  /** On a bridge: the machine that has the bridge, or a port. */
  | { readonly kind: "bridge-host" }
  | { readonly kind: "bridge-port"; readonly port: string; readonly mac?: string | undefined }
  | { readonly kind: "permanent"; readonly mac: string; readonly rule: StepRule }
  /** A program has set the tunnel key of the packet. */
  | { readonly kind: "tunnel"; readonly key: TunnelKey; readonly rule: StepRule };
