/** Fixes for packets that are too large for the path. */
import { mtuSetting } from "../cni/underlay.ts";
import { sourceAt } from "../declared/navigate.ts";
import type { FullSize } from "../questions/full-size.ts";
import type { View } from "../questions/view.ts";
import { t } from "../text/l10n.ts";
import { type Fix, removeFix, setFix } from "./fix.ts";

/** Sets the smallest MTU on the path, minus the tunnel overhead if the setting is the pods' MTU. */
export function mtuFixes({ open: network, topology }: View, one: FullSize): readonly Fix[] {
  const { journey, probe, size, source } = one;
  if (source.decl.spec?.keyword === "device") return [removeFix(t`Remove this statement`, sourceAt(source, "whole"))];
  let least = Number.POSITIVE_INFINITY;
  for (const { netns, device } of [...journey.steps, ...probe.journey.steps]) {
    const found = network.netns(netns)?.devices.get(device);
    if (found?.kind !== "physical") continue;
    least = Math.min(least, found.mtu, topology.segments.get(found.segment)?.mtu ?? found.mtu);
  }
  if (least === Number.POSITIVE_INFINITY) return [];
  const { block, isOuter } = mtuSetting(probe.cluster);
  const overhead = isOuter ? 0 : Math.max(...journey.steps.map(({ packet }) => packet.length), size) - size;
  const mtu = least - overhead;
  const title =
    overhead > 0
      ? t`Set \`mtu\` to ${mtu} (smallest MTU on the path minus ${overhead} bytes)`
      : t`Set \`mtu\` to ${mtu} (smallest MTU on the path)`;
  return [setFix(title, block, "mtu", String(mtu))];
}
