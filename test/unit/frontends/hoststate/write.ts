/** Writes a network namespace as the files of `knet collect`, in the shapes of iproute2 6.1, iptables 1.8, and procps. */
import { formatIp, formatPrefix, type Prefix } from "../../../../server/src/addressing/ip.ts";
import type { Device, Netns, Route } from "../../../../server/src/dataplane/model.ts";
import { printXfrmPolicies, printXfrmStates, routesOf } from "../../../../server/src/dataplane/print.ts";
import { ruleSections } from "../../../../server/src/dataplane/rules.ts";
import { withPort } from "../../../../server/src/dataplane/text.ts";
import type { TextFile } from "../../../../server/src/frontends/hoststate/index.ts";

/** The files of `knet collect` for one node. */
export function writtenState(netns: Netns, folder = `nodes/${netns.id.split("/").at(-1)}`): readonly TextFile[] {
  const json = (name: string, value: unknown): TextFile => ({
    file: `${folder}/${name}.json`,
    text: JSON.stringify(value),
  });
  const text = (name: string, lines: readonly string[]): TextFile => ({
    file: `${folder}/${name}.txt`,
    text: lines.map((line) => `${line}\n`).join(""),
  });
  const sections = new Map(ruleSections(netns).map(({ command, lines }) => [command, lines.map((line) => line.text)]));
  const section = (command: string): readonly string[] => sections.get(command) ?? [];
  return [
    json("addr", [...netns.devices.values()].map(addressJson)),
    json("link", [...netns.devices.values()].map(linkJson)),
    json("route4", routesJson(netns, 4)),
    json("route6", routesJson(netns, 6)),
    json("rule4", rulesJson(netns, 4)),
    json("rule6", rulesJson(netns, 6)),
    json(
      "neigh",
      [...netns.neighbours.entries()].map(({ ip, device, mac }) => ({
        dst: formatIp(ip),
        dev: device,
        lladdr: mac,
        state: ["PERMANENT"],
      })),
    ),
    json("fdb", fdbJson(netns)),
    text("iptables-save", section("iptables-save")),
    text("ip6tables-save", section("ip6tables-save")),
    text("nft", section("nft list ruleset")),
    text("ipset", section("ipset save")),
    text("ipvsadm", section("ipvsadm -Sn")),
    text("sysctl", sysctlLines(netns)),
    text("wg", wireguardLines(netns)),
    text("xfrm-policy", printXfrmPolicies(netns)),
    text("xfrm-state", printXfrmStates(netns)),
  ];
}

function base(device: Device, index = 1) {
  return {
    ifindex: index,
    ifname: device.name,
    flags: ["BROADCAST", "UP", "LOWER_UP"],
    mtu: device.mtu,
    ...(device.master === undefined ? {} : { master: device.master }),
    link_type: device.kind === "loopback" ? "loopback" : "ether",
    ...(device.mac === undefined ? {} : { address: device.mac }),
  };
}

function addressJson(device: Device) {
  return {
    ...base(device),
    addr_info: device.addresses.map(({ ip, len }) => ({
      family: typeof ip === "number" ? "inet" : "inet6",
      local: formatIp(ip),
      prefixlen: len,
      scope: "global",
    })),
  };
}

function linkJson(device: Device) {
  const info = (kind: string, data?: object) => ({
    linkinfo: {
      info_kind: kind,
      ...(data ? { info_data: data } : {}),
      ...(device.master === undefined
        ? {}
        : { info_slave_kind: "bridge", info_slave_data: { hairpin: device.hairpin === true } }),
    },
  });
  switch (device.kind) {
    case "vxlan":
      return {
        ...base(device),
        ...info("vxlan", {
          id: device.vni,
          local: formatIp(device.local),
          ...(device.lower === undefined ? {} : { link: device.lower }),
          port: device.port,
          learning: device.learning,
        }),
      };
    case "ipip":
      return {
        ...base(device),
        ...info("ipip", {
          local: device.local === undefined ? "any" : formatIp(device.local),
          remote: device.remote === undefined ? "any" : formatIp(device.remote),
        }),
      };
    case "physical":
    case "loopback":
      return base(device);
    default:
      return { ...base(device), ...info(device.kind) };
  }
}

function destination({ ip, len }: Prefix): string {
  if (len === 0) return "default";
  return len === (typeof ip === "number" ? 32 : 128) ? formatIp(ip) : formatPrefix({ ip, len });
}

export function routeJson(route: Route, table: string) {
  const hop = (one: Route["nexthops"][number]) => ({
    ...(one.via === undefined
      ? {}
      : typeof one.via === typeof route.dst.ip
        ? { gateway: formatIp(one.via) }
        : { via: { family: typeof one.via === "number" ? "inet" : "inet6", host: formatIp(one.via) } }),
    dev: one.dev,
  });
  const [first] = route.nexthops;
  return {
    ...(route.type === "unicast" ? {} : { type: route.type }),
    dst: destination(route.dst),
    ...(route.nexthops.length === 1 && first ? hop(first) : {}),
    ...(table === "main" ? {} : { table }),
    ...(route.proto === undefined ? {} : { protocol: route.proto }),
    ...(route.scope === undefined || route.scope === "global" ? {} : { scope: route.scope }),
    ...(route.src === undefined ? {} : { prefsrc: formatIp(route.src) }),
    ...(route.metric === undefined ? {} : { metric: route.metric }),
    flags: first?.onlink ? ["onlink"] : [],
    ...(route.mtu === undefined ? {} : { metrics: [{ mtu: route.mtu }] }),
    ...(route.nexthops.length < 2
      ? {}
      : { nexthops: route.nexthops.map((one) => ({ ...hop(one), weight: one.weight ?? 1, flags: [] })) }),
  };
}

/** `ip -j route show table all`: table local follows. */
function routesJson(netns: Netns, family: 4 | 6) {
  const local =
    family === 4
      ? [{ type: "local", dst: "127.0.0.1", dev: "lo", table: "local", protocol: "kernel", scope: "host", flags: [] }]
      : [
          {
            type: "local",
            dst: "::1",
            dev: "lo",
            table: "local",
            protocol: "kernel",
            metric: 0,
            flags: [],
            pref: "medium",
          },
        ];
  return [
    ...[...netns.tables.keys()].flatMap((table) =>
      routesOf(netns, family, table).map((route) => routeJson(route, table)),
    ),
    ...local,
  ];
}

function rulesJson(netns: Netns, family: 4 | 6) {
  const own = netns.rules.filter(({ from, to }) => {
    const prefix = from ?? to;
    return prefix === undefined || (typeof prefix.ip === "number") === (family === 4);
  });
  const selector = (key: string, prefix: Prefix | undefined) =>
    prefix === undefined
      ? {}
      : {
          [key]: formatIp(prefix.ip),
          ...(prefix.len === (family === 4 ? 32 : 128) ? {} : { [`${key}len`]: prefix.len }),
        };
  const hex = (value: number) => `0x${(value >>> 0).toString(16)}`;
  return own.map(({ priority, from, to, fwmark, iif, table }) => ({
    priority,
    ...(from ? selector("src", from) : { src: "all" }),
    ...selector("dst", to),
    ...(fwmark
      ? { fwmark: hex(fwmark.value), ...(fwmark.mask === 0xffffffff ? {} : { fwmask: hex(fwmark.mask) }) }
      : {}),
    ...(iif === undefined ? {} : { iif }),
    table,
  }));
}

function fdbJson(netns: Netns) {
  return [...netns.devices.values()].flatMap((device) => [
    { mac: "33:33:00:00:00:01", ifname: device.name, flags: ["self"], state: "permanent" },
    ...(device.kind === "vxlan"
      ? [...device.fdb.entries()].map(({ mac, dst, learned }) => ({
          mac,
          ifname: device.name,
          dst: formatIp(dst),
          flags: ["self"],
          state: learned ? "" : "permanent",
        }))
      : []),
  ]);
}

function sysctlLines({ sysctls, devices }: Netns): readonly string[] {
  const flag = (value: boolean): string => (value ? "1" : "0");
  return [
    `net.ipv4.ip_forward = ${flag(sysctls.ipForward)}`,
    `net.ipv6.conf.all.forwarding = ${flag(sysctls.ip6Forward)}`,
    `net.bridge.bridge-nf-call-iptables = ${flag(sysctls.bridgeNfCallIptables)}`,
    `net.bridge.bridge-nf-call-ip6tables = ${flag(sysctls.bridgeNfCallIp6tables)}`,
    "net.ipv4.conf.all.rp_filter = 0",
    "net.ipv4.conf.all.proxy_arp = 0",
    ...[...devices.keys()].flatMap((name) => {
      const inName = name.replaceAll(".", "/");
      return [
        `net.ipv4.conf.${inName}.rp_filter = ${sysctls.rpFilter(name)}`,
        `net.ipv4.conf.${inName}.proxy_arp = ${flag(sysctls.proxyArp(name))}`,
        `net.ipv4.conf.${inName}.route_localnet = ${flag(sysctls.routeLocalnet(name))}`,
      ];
    }),
  ];
}

function wireguardLines({ devices }: Netns): readonly string[] {
  return [...devices.values()].flatMap((device) =>
    device.kind !== "wireguard"
      ? []
      : [
          [device.name, "cHJpdmF0ZQ==", device.publicKey, String(device.port), "off"].join("\t"),
          ...[...device.peers.entries()].map((peer) =>
            [
              device.name,
              peer.publicKey,
              peer.presharedKey === undefined ? "(none)" : "cHNr",
              withPort(peer.endpoint.ip, peer.endpoint.port),
              peer.allowedIps.map(formatPrefix).join(","),
              "0",
              "0",
              "0",
              "off",
            ].join("\t"),
          ),
        ],
  );
}
