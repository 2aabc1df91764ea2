import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { machineText } from "../../findings/machines.ts";
import { removeFix } from "../../fixes/fix.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";
import { stationsOf } from "../../topology/stations.ts";

const cluster = (device: string): string => `segment lan { cidr 10.0.0.0/24 }
router gw { attach lan 10.0.0.1 }
cluster prod {
  pods 10.244.0.0/16
  cni flannel { backend vxlan }
  node n1 {
    attach lan 10.0.0.11
    device ${device} { mtu 1450 }
  }
  node n2 { attach lan 10.0.0.12 }
}
`;

export const deviceUnknown: Check<"KN168"> = {
  code: "KN168",
  name: "device-unknown",
  family: "addresses",
  severity: "error",
  summary: "A statement changes a device that the machine does not have.",
  documentation: `## What happens

\`ip\` and \`bridge\` fail with *Cannot find device*, or, for an FDB entry of a device without a forwarding database, with *Operation not
supported*. knet ignores the statement.

## How to fix it

Use a device of the machine. \`knet routes FILE MACHINE\` lists them.`,
  example: { bad: cluster("flannel.2"), good: cluster("flannel.1") },
  *run({ topology, network }: CheckContext): Iterable<Finding> {
    const seen = new Set<unknown>();
    for (const station of stationsOf(topology)) {
      if (station.overrides === undefined) continue;
      const devices = network.netns(station.path)?.devices;
      const { mtus, neighbors, fdb } = station.overrides;
      for (const { device, source } of [...mtus, ...neighbors, ...fdb]) {
        const found = devices?.get(device);
        const isFdb = source.decl.spec?.keyword === "fdb";
        // A pool has the statement once.
        if (seen.has(source.decl.handle) || (found && (!isFdb || found.kind === "vxlan"))) continue;
        seen.add(source.decl.handle);
        const names = [...(devices?.values() ?? [])].flatMap(({ name, kind }) =>
          kind === "loopback" || kind === "veth" || (isFdb && kind !== "vxlan") ? [] : name,
        );
        const message = found
          ? t`\`${device}\` of ${machineText(station)} is not a VXLAN device, so it has no FDB entries with a destination`
          : names.length === 0
            ? t`${machineText(station)} has no device \`${device}\``
            : t`${machineText(station)} has no device \`${device}\`; it has ${list(names.map((name) => `\`${name}\``))}`;
        yield finding(deviceUnknown, source, message, { fixes: [removeFix(t`Remove this statement`, source)] });
      }
    }
  },
};
