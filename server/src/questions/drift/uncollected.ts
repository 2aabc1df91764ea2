/** What the state of real machines does not show: the derived state is used in its place. */
import { isLinkLocal } from "../../addressing/ip.ts";
import type { Netns, NetnsId, Network } from "../../dataplane/model.ts";
import type { Output, RealMachine } from "../../dataplane/real/state.ts";
import { list } from "../../text/format.ts";
import { t } from "../../text/l10n.ts";

/** One line for all machines that lack the same outputs. */
export function uncollected(network: Network, machines: ReadonlyMap<NetnsId, RealMachine>): readonly string[] {
  const byLack = new Map<string, string[]>();
  for (const [id, machine] of machines) {
    const netns = network.netns(id);
    const lacks = netns ? lacksOf(netns, machine) : [];
    if (lacks.length === 0) continue;
    const what = list(lacks);
    byLack.set(what, [...(byLack.get(what) ?? []), machine.name]);
  }
  return [...byLack].map(([what, names]) => t`${list(names)}: ${what} not collected: derived ${what} are used`);
}

function lacksOf({ devices }: Netns, { outputs }: RealMachine): readonly string[] {
  const all = [...devices.values()];
  const has = (...some: readonly Output[]): boolean => some.some((output) => outputs.has(output));
  const usesIpv6 = all.some(
    ({ kind, addresses }) =>
      kind !== "loopback" && addresses.some(({ ip }) => typeof ip === "bigint" && !isLinkLocal(ip)),
  );
  const lacks: string[] = [];
  if (!has("addresses")) lacks.push(t`addresses`);
  if (!has("routes4", "routes6")) lacks.push(t`routes`);
  else if (!has("routes4")) lacks.push(t`IPv4 routes`);
  else if (!has("routes6") && usesIpv6) lacks.push(t`IPv6 routes`);
  if (!has("rules4", "rules6")) lacks.push(t`rules`);
  if (!has("neighbours")) lacks.push(t`neighbor entries`);
  if (!has("fdb") && all.some(({ kind }) => kind === "vxlan")) lacks.push(t`FDB entries`);
  if (!has("iptables4", "iptables6", "nft")) lacks.push(t`netfilter rules`);
  if (!has("sysctls")) lacks.push(t`sysctls`);
  return lacks;
}
