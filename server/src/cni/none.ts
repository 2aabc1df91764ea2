/** No pod network: pods have only `lo`, like with Docker's `--network none`; host network pods work. */
import { kubeRanges } from "./hostlocal.ts";
import { type Mode, NO_NODE_PARTS, NO_POD_PARTS } from "./mode.ts";

export const none: Mode = {
  plugin: "none",
  portmap: false,
  addressing: (_, podCidrs) => ({
    gateway: () => undefined,
    usable: () => undefined,
    nodeRanges: kubeRanges(podCidrs),
  }),
  check: () => [],
  compile: () => ({ node: () => NO_NODE_PARTS, pod: () => NO_POD_PARTS, localAddresses: () => [] }),
};
