/** Calico's address autodetection, and the port and VNI of its tunnels. */
import { expect, it } from "vitest";
import { formatIp } from "../../../server/src/addressing/ip.ts";
import { ruleText } from "../../../server/src/dataplane/text.ts";
import { sample, sampleOf } from "./samples.ts";

const cluster = (method: string, node = ""): string => `segment lan { cidr 192.168.10.0/24; gateway gw }
segment data { cidr 10.20.0.0/24 }
segment far { cidr 10.30.0.0/24 }
router gw { attach lan 192.168.10.1 }
router core { attach data 10.20.0.1; attach far 10.30.0.1 }
cluster prod {
  pods 10.244.0.0/16
  cni calico { ${method}; pool main 10.244.0.0/16 { vxlan always } }
  node n1 {
    attach lan 192.168.10.11
    attach data 10.20.0.11
    route 10.30.0.0/24 via 10.20.0.1
    ${node}
  }
  node n2 { attach lan; attach data }
  pod a on n1
  pod b on n2
}
`;

function localOf(text: string): string | undefined {
  const device = sampleOf(text).netns("prod/n1").devices.get("vxlan.calico");
  return device?.kind === "vxlan" ? `${formatIp(device.local)} ${device.lower}` : undefined;
}

it.each([
  ["autodetection first-found", "192.168.10.11 eth0"],
  ["autodetection kubernetes-internal-ip", "192.168.10.11 eth0"],
  ["autodetection interface eth1", "10.20.0.11 eth1"],
  ['autodetection interface "^et.[1-9]$" bond', "10.20.0.11 eth1"],
  ["autodetection skip-interface eth0", "10.20.0.11 eth1"],
  ["autodetection cidr 172.16.0.0/12 10.0.0.0/8", "10.20.0.11 eth1"],
  ["autodetection can-reach 10.30.0.7", "10.20.0.11 eth1"],
  ["autodetection can-reach 8.8.8.8", "192.168.10.11 eth0"],
  ["autodetection interface eth9", undefined],
])("%s", (method, local) => {
  expect(localOf(cluster(method))).toBe(local);
});

it("`bgp-address` takes precedence", () => {
  expect(localOf(cluster("autodetection interface eth1", "cni calico { bgp-address 192.168.10.11 }"))).toBe(
    "192.168.10.11 eth0",
  );
});

it("the port and the VNI are in the device, the socket, and Felix's rules", () => {
  const { netns } = sample("calico-autodetection");
  const n1 = netns("prod/n1");
  expect(n1.devices.get("vxlan.calico")).toMatchObject({ vni: 5000, port: 8472 });
  expect(n1.sockets.filter(({ proto }) => proto === "udp").map(({ port }) => port)).toEqual([8472]);
  const rules = (["raw", "filter"] as const).flatMap((table) =>
    [...n1.netfilter.chains(4)]
      .filter((one) => one.table === table)
      .flatMap(({ chain }) => chain.rules.map((rule) => ruleText(rule, 4))),
  );
  expect(rules.filter((text) => text.includes("4789"))).toEqual([]);
  expect(rules.filter((text) => text.includes("8472")).length).toBeGreaterThan(3);
});
