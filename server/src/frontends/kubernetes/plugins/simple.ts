/** kindnet and Weave Net, which have few settings. */
import { t } from "../../../text/l10n.ts";
import { rangesIn, setting, unless } from "../evidence.ts";
import { note, type Reading } from "../inference.ts";
import { hasVariable, type Program, variable } from "../programs.ts";
import type { Plugin } from "./plugin.ts";

export function kindnetPlugin({ dump }: Reading, program: Program): Plugin {
  const place = { value: undefined, object: program.object, path: ["metadata", "name"] };
  return { name: "kindnet", shown: place, settings: [], ranges: rangesIn(variable(dump, program, "POD_SUBNET")) };
}

/** Variables of the container `weave` (weave 8c84763, prog/weave-kube/launch.sh). */
export function weavePlugin(reading: Reading, program: Program): Plugin {
  const found = (name: string) => variable(reading.dump, program, name);
  const place = { value: undefined, object: program.object, path: ["metadata", "name"] };
  const range = found("IPALLOC_RANGE");
  if (hasVariable(program, "WEAVE_PASSWORD"))
    note(reading, place, t`Weave's encryption is not modeled: packets are sent unencrypted`);
  const masquerade = found("NO_MASQ_LOCAL");
  if (masquerade?.value === "0")
    note(reading, masquerade, t`NO_MASQ_LOCAL 0 is not modeled: packets to local endpoints keep their source`);
  const controller = found("EXPECT_NPC");
  return {
    name: "weave",
    shown: place,
    settings: [
      ...setting("range", unless(range, "", "10.32.0.0/12")),
      ...setting("mtu", unless(found("WEAVE_MTU"), "", "1376")),
    ],
    engine: controller?.value === "0" ? { ...controller, value: "none" } : undefined,
    ranges: [],
    ownRanges: true,
  };
}
