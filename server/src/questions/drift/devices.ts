/** Devices with their addresses, MTUs, and tunnel parameters; sysctls. */
import { formatIp, formatPrefix, type InterfaceAddress, isLinkLocal } from "../../addressing/ip.ts";
import type { Device } from "../../dataplane/model.ts";
import { isDown } from "../../dataplane/real/state.ts";
import { derivedPeer } from "../../dataplane/real/tunnels.ts";
import { peerText } from "../../dataplane/text.ts";
import { type Comparison, paired, placeIn } from "./comparison.ts";
import type { Difference } from "./difference.ts";

export function deviceDifferences(comparison: Comparison): readonly Difference[] {
  const { machine, netns, real, names, report } = comparison;
  const place = placeIn(comparison, "links", "addresses");
  if (!place) return [];
  return [...netns.devices.values()].flatMap((derived): readonly Difference[] => {
    const name = names.real(derived.name);
    const device = name === undefined ? undefined : real.devices.get(name);
    if (device)
      return [
        ...stateDifferences(derived, device, comparison),
        ...addressDifferences(derived, device, comparison),
        ...settingDifferences(derived, device, comparison),
      ];
    // The names of the ends of pods are not part of the topology.
    if (isEndOfPod(derived) || machine.devices.length === 0) return [];
    const { name: subject, origin, kind } = derived;
    return [
      report.missing({ aspect: "device", subject, expected: `${subject} (${kind})`, real: place, derived: origin }),
    ];
  });
}

function stateDifferences(derived: Device, { name }: Device, { machine, report }: Comparison): readonly Difference[] {
  const shown = machine.devices.find((one) => one.name === name);
  if (!shown || !isDown(shown, derived)) return [];
  const subject = `${name} state`;
  const { origin } = derived;
  return [
    report.changed({
      aspect: "setting",
      subject,
      expected: `${subject} UP`,
      actual: `${subject} ${shown.state === "down" ? "DOWN" : "NO-CARRIER"}`,
      real: shown.origin,
      derived: origin,
    }),
  ];
}

export function isEndOfPod({ kind }: Device): boolean {
  return kind === "veth" || kind === "macvlan" || kind === "ipvlan";
}

function addressText({ ip, len }: InterfaceAddress, device: string): string {
  return `${formatIp(ip)}/${len} dev ${device}`;
}

function addressDifferences(derived: Device, device: Device, { machine, report }: Comparison): readonly Difference[] {
  if (!machine.outputs.has("addresses") || derived.kind === "loopback") return [];
  const shown = machine.devices.find(({ name }) => name === device.name);
  const places = new Map(shown?.addresses.map((one) => [addressText(one, device.name), one.origin]));
  const global = ({ ip }: InterfaceAddress): boolean => !isLinkLocal(ip);
  const key = ({ ip, len }: InterfaceAddress): string => `${ip}/${len}`;
  const { missing, extra } = paired(derived.addresses.filter(global), device.addresses.filter(global), {
    expected: key,
    actual: key,
  });
  const real = device.origin ?? shown?.origin;
  if (!real) return [];
  const subject = device.name;
  const placeOf = (one: InterfaceAddress) => places.get(addressText(one, device.name)) ?? real;
  // One address in place of another is one difference.
  const [gone] = missing;
  const [other] = extra;
  if (missing.length === 1 && extra.length === 1 && gone && other) {
    const expected = addressText(gone, subject);
    const actual = addressText(other, subject);
    return [
      report.changed({ aspect: "address", subject, expected, actual, real: placeOf(other), derived: derived.origin }),
    ];
  }
  return [
    ...missing.map((one) =>
      report.missing({
        aspect: "address",
        subject,
        expected: addressText(one, subject),
        real,
        derived: derived.origin,
      }),
    ),
    ...extra.map((one) =>
      report.extra({
        aspect: "address",
        subject,
        actual: addressText(one, subject),
        real: placeOf(one),
        derived: derived.origin,
      }),
    ),
  ];
}

/* ---------------------------------------------------------------- settings */

type Settings = ReadonlyMap<string, string | undefined>;

/** In the words of `ip link`. Undefined: not known. */
function settingsOf(device: Device, mtu: number | undefined): Settings {
  const common: (readonly [string, string | undefined])[] = [["mtu", mtu === undefined ? undefined : String(mtu)]];
  const text = (ip: Parameters<typeof formatIp>[0] | undefined): string => (ip === undefined ? "any" : formatIp(ip));
  switch (device.kind) {
    case "vxlan":
      return new Map([
        ...common,
        ["vxlan id", String(device.vni)],
        ["dstport", String(device.port)],
        ["local", formatIp(device.local)],
        ["learning", device.learning ? "on" : "off"],
      ]);
    case "ipip":
      return new Map([...common, ["local", text(device.local)], ["remote", text(device.remote)]]);
    case "wireguard":
      return new Map([...common, ["listen-port", String(device.port)]]);
    case "bridge":
    case "physical":
    case "veth":
    case "macvlan":
    case "ipvlan":
    case "tun":
      return new Map(common);
    // kube-ipvs0 and lo forward nothing.
    case "loopback":
    case "dummy":
      return new Map();
  }
}

function settingDifferences(
  derived: Device,
  device: Device,
  { machine, report, nameOf }: Comparison,
): readonly Difference[] {
  const shown = machine.devices.find(({ name }) => name === device.name);
  if (!shown || shown.mtu === undefined) return [];
  const { origin } = derived;
  const expected = settingsOf(derived, derived.mtu);
  const actual = settingsOf(device, shown.mtu);
  const found = [...expected].flatMap(([setting, value]) => {
    const own = actual.get(setting);
    if (own === undefined || value === undefined || own === value) return [];
    return settingChange(`${device.name} ${setting}`, value, own);
  });
  const master = derived.master === undefined ? undefined : nameOf(derived.master);
  const port =
    device.master === master ? [] : settingChange(`${device.name} master`, master ?? "none", device.master ?? "none");
  const hairpin =
    derived.hairpin === undefined || shown.hairpin === undefined || derived.hairpin === shown.hairpin
      ? []
      : settingChange(`${device.name} hairpin`, onOff(derived.hairpin), onOff(shown.hairpin));
  return [...found, ...port, ...hairpin].map(({ subject, value, own }) =>
    report.changed({
      aspect: "setting",
      subject,
      expected: `${subject} ${value}`,
      actual: `${subject} ${own}`,
      real: shown.origin,
      derived: origin,
    }),
  );
}

function settingChange(subject: string, value: string, own: string) {
  return [{ subject, value, own }];
}

function onOff(value: boolean): string {
  return value ? "on" : "off";
}

/* ---------------------------------------------------- WireGuard and sysctls */

export function peerDifferences({ machine, netns, nameOf, report }: Comparison): readonly Difference[] {
  const place = machine.outputs.get("wireguard");
  if (!place) return [];
  return [...netns.devices.values()].flatMap((device) => {
    if (device.kind !== "wireguard") return [];
    const name = nameOf(device.name);
    const derived = [...device.peers.entries()];
    const own = machine.peers.filter((peer) => peer.device === name);
    const matched = new Map(own.map((peer) => [derivedPeer(peer, derived), peer]));
    const ranges = (prefixes: readonly Parameters<typeof formatPrefix>[0][]): string =>
      prefixes.map(formatPrefix).sort().join(",");
    return derived.flatMap((peer): readonly Difference[] => {
      const real = matched.get(peer);
      const { origin } = peer;
      const subject = `${formatIp(peer.endpoint.ip)} dev ${name}`;
      const expected = peerText(peer).replace(/^peer \S+ /, "");
      if (!real) return [report.missing({ aspect: "peer", subject, expected, real: place, derived: origin })];
      const endpoint = real.endpoint ?? peer.endpoint;
      if (ranges(real.allowedIps) === ranges(peer.allowedIps) && endpoint.port === peer.endpoint.port) return [];
      const actual = peerText({ ...peer, endpoint, allowedIps: real.allowedIps }).replace(/^peer \S+ /, "");
      return [report.changed({ aspect: "peer", subject, expected, actual, real: real.origin, derived: origin })];
    });
  });
}

/** The sysctls that decide about packets. */
export function sysctlDifferences({ machine, netns, real, names, report }: Comparison): readonly Difference[] {
  const found: Difference[] = [];
  const compare = (name: string, expected: number, actual: number): void => {
    const entry = machine.sysctls.get(name);
    if (expected === actual || !entry) return;
    found.push(
      report.changed({
        aspect: "sysctl",
        subject: name,
        expected: `${name} = ${expected}`,
        actual: `${name} = ${actual}`,
        real: entry.origin,
        derived: netns.origin,
      }),
    );
  };
  const [a, b] = [netns.sysctls, real.sysctls];
  compare("net.ipv4.ip_forward", Number(a.ipForward), Number(b.ipForward));
  const hasIpv6 = [...netns.devices.values()].some(
    ({ kind, addresses }) =>
      kind !== "loopback" && addresses.some(({ ip }) => typeof ip === "bigint" && !isLinkLocal(ip)),
  );
  if (hasIpv6) compare("net.ipv6.conf.all.forwarding", Number(a.ip6Forward), Number(b.ip6Forward));
  compare("net.bridge.bridge-nf-call-iptables", Number(a.bridgeNfCallIptables), Number(b.bridgeNfCallIptables));
  if (hasIpv6)
    compare("net.bridge.bridge-nf-call-ip6tables", Number(a.bridgeNfCallIp6tables), Number(b.bridgeNfCallIp6tables));
  const strict = [...netns.devices.values()].flatMap(({ name, kind }) => {
    const own = names.real(name);
    if (own === undefined || kind === "loopback") return [];
    compare(`net.ipv4.conf.${own}.proxy_arp`, Number(a.proxyArp(name)), Number(b.proxyArp(own)));
    // Only strict mode drops packets on a machine with a default route.
    return (a.rpFilter(name) === 1) === (b.rpFilter(own) === 1) ? [] : [{ name, own }];
  });
  // The maximum of both settings applies: a difference of `all` is one difference, not one per device.
  const all = Number(machine.sysctls.get("net.ipv4.conf.all.rp_filter")?.value ?? 0);
  for (const { name, own } of strict) {
    const isOfAll = b.rpFilter(own) === all && strict.length > 1;
    compare(
      isOfAll ? "net.ipv4.conf.all.rp_filter" : `net.ipv4.conf.${own}.rp_filter`,
      a.rpFilter(name),
      b.rpFilter(own),
    );
    if (isOfAll) break;
  }
  return found;
}
