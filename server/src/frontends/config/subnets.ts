/** The subnets of a file that describes a cluster in a cloud, and the nodes in them. */
import { formatPrefix, nthSubnet, parsePrefix } from "../../addressing/ip.ts";
import type { Draft } from "../../declared/build.ts";
import type { Path } from "../../text/json.ts";
import { t } from "../../text/l10n.ts";
import { entryOf } from "../../text/table.ts";
import { note, type Reading } from "../kubernetes/inference.ts";
import { drafted, type KubeObject } from "../kubernetes/object.ts";
import { poolName, shareOf } from "./cluster-drafts.ts";
import type { Machines } from "./installer.ts";

export interface Subnet {
  readonly name: string;
  /** As the file states it; can be missing, a template, or relative to the network: "/64#1". */
  readonly cidr: string | undefined;
  readonly cidr6?: string | undefined;
  readonly path: Path;
}

/** Nodes of one kind, which are spread over subnets. */
export interface SubnetPool {
  readonly name: string;
  readonly count: number;
  readonly subnets: readonly Subnet[];
  readonly object: KubeObject;
  readonly path: Path;
}

export interface SubnetSources {
  readonly object: KubeObject;
  readonly subnets: readonly Subnet[];
  readonly provider: string | undefined;
  /** The addresses of pods are IPv6, so nodes need IPv6 addresses as well. */
  readonly isSix: boolean;
  /** See `oneInEach` and `poolDrafts`. */
  readonly nodes: readonly Draft[];
}

const PROVIDERS: Readonly<Record<string, string>> = { aws: "aws", azure: "azure", gce: "gcp" };

export function subnetMachines(reading: Reading, sources: SubnetSources): Machines | undefined {
  const { object, subnets, provider, nodes } = sources;
  if (subnets.length === 0) return undefined;
  const cloud = entryOf(PROVIDERS, provider ?? "");
  const own = (draft: Omit<Draft, "handle" | "file">, path: Path): Draft => drafted(object, path, draft);
  return {
    network: [
      ...subnets.map((subnet, index) =>
        own(
          {
            keyword: "segment",
            args: { name: subnet.name },
            children: [
              ...cidrDrafts(reading, sources, subnet, index),
              ...(cloud === undefined ? [] : [own({ keyword: "cloud", args: { provider: cloud } }, subnet.path)]),
            ],
          },
          subnet.path,
        ),
      ),
      own(
        {
          keyword: "router",
          args: { name: "gateway" },
          children: subnets.map(({ name, path }) => own({ keyword: "attach", args: { segment: name } }, path)),
        },
        [],
      ),
    ],
    nodes,
  };
}

/** One node in each subnet, for a file that has no list of nodes. */
export function oneInEach(object: KubeObject, subnets: readonly Subnet[]): readonly Draft[] {
  return subnets.map(({ name, path }, index) => {
    const attach = drafted(object, path, { keyword: "attach", args: { segment: name } });
    return drafted(object, path, { keyword: "node", args: { name: `node-${index + 1}` }, children: [attach] });
  });
}

export function poolDrafts({ name, count, subnets, object, path }: SubnetPool): readonly Draft[] {
  return subnets.flatMap((subnet, index) => {
    const share = shareOf(count, subnets.length, index);
    if (share < 1) return [];
    const label = poolName(subnets.length > 1 ? `${name}-${index + 1}` : name);
    const attach = drafted(object, path, { keyword: "attach", args: { segment: subnet.name } });
    const args = { name: `${label}-`, range: `1..${share}` };
    return [drafted(object, path, { keyword: "nodes", args, children: [attach] })];
  });
}

/** Without a readable range, benchmarking addresses, which occur in no cluster (RFC 2544, RFC 5180). */
function cidrDrafts(reading: Reading, { object, isSix }: SubnetSources, subnet: Subnet, index: number): Draft[] {
  const { name, cidr, cidr6, path } = subnet;
  const draft = (text: string, place: Path): Draft =>
    drafted(object, place, { keyword: "cidr", args: { prefixes: [text] } });
  const usable = (text: string | undefined): text is string => text !== undefined && parsePrefix(text) !== undefined;
  const hasSix = usable(cidr6);
  const found = [
    ...(usable(cidr) ? [draft(cidr, [...path, "cidr"])] : []),
    ...(hasSix ? [draft(cidr6, [...path, "ipv6CIDR"])] : []),
  ];
  const isMissing = isSix ? !hasSix : found.length === 0;
  if (!isMissing) return found;
  const used = isSix ? assumedSix(index) : `198.${18 + Math.floor(index / 256)}.${index % 256}.0/24`;
  note(reading, { object, path }, t`the range of subnet ${name} was not found: ${used} is used`);
  return [...found, draft(used, path)];
}

function assumedSix(index: number): string {
  const { prefix } = parsePrefix("2001:2::/48") ?? {};
  const subnet = prefix && nthSubnet(prefix, 64, index);
  return subnet ? formatPrefix(subnet) : "2001:2::/64";
}
