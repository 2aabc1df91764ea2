/** IP pools and IPAM configuration that libcalico-go rejects (lib/clientv3/ippool.go, lib/ipam). */
import { formatPrefix, type Prefix, prefixCovers } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import { familyOf } from "../host.ts";
import { CODES, type NetworkProblem, problem } from "../problems.ts";
import type { CalicoCluster } from "./cluster.ts";
import { BLOCK_SIZES, type CalicoSettings, type Pool } from "./settings.ts";

/** The IPv4 range contains the next hop of all pods; both ranges are link-local. */
const LINK_LOCAL: Readonly<Record<4 | 6, Prefix>> = {
  4: { ip: 0xa9fe0000, len: 16 },
  6: { ip: 0xfe80n << 112n, len: 10 },
};

export function checkPools({ settings }: CalicoCluster): readonly NetworkProblem[] {
  const { pools } = settings;
  return [
    ...pools.flatMap((pool, i) => overlap(pool, pools.slice(0, i))),
    ...pools.flatMap(checkPool),
    ...checkIpam(settings),
  ];
}

function overlaps(a: Prefix, b: Prefix): boolean {
  return prefixCovers(a, b) || prefixCovers(b, a);
}

function overlap(pool: Pool, before: readonly Pool[]): NetworkProblem[] {
  const other = before.find(({ cidr }) => overlaps(cidr, pool.cidr));
  if (!other) return [];
  const data = {
    pool: pool.name,
    cidr: pool.cidr,
    other: other.name,
    otherCidr: other.cidr,
  };
  return [
    problem(CODES.calicoPoolsOverlap, pool.source, data, [
      { source: other.source, message: t`pool \`${other.name}\` (${formatPrefix(other.cidr)})` },
    ]),
  ];
}

function checkPool({ name, cidr, blockSize, ipip, vxlan, sources, source }: Pool): NetworkProblem[] {
  const problems: NetworkProblem[] = [];
  const at = (keyword: string) => sources.get(keyword) ?? source;
  const text = formatPrefix(cidr);
  const family = familyOf(cidr.ip);
  const linkLocal = LINK_LOCAL[family];
  if (overlaps(cidr, linkLocal)) {
    problems.push(problem(CODES.calicoPoolLinkLocal, source, { pool: name, cidr, range: formatPrefix(linkLocal) }));
  }
  const { min, max } = BLOCK_SIZES[family];
  if (blockSize < min || blockSize > max || blockSize < cidr.len) {
    const data = { pool: name, cidr: text, size: blockSize, min: Math.max(min, Math.min(cidr.len, max)), max };
    problems.push(problem(CODES.calicoBlockSize, at("block-size"), data));
  }
  if (ipip !== "never" && vxlan !== "never") {
    problems.push(problem(CODES.calicoTwoEncapsulations, at("ipip"), { pool: name, ipip, vxlan }));
  }
  if (ipip !== "never" && family === 6) {
    problems.push(problem(CODES.calicoIpipIpv6, at("ipip"), { pool: name, cidr: text }));
  }
  return problems;
}

function checkIpam({ strictAffinity, autoAllocateBlocks, maxBlocksPerHost, sources, source }: CalicoSettings) {
  if (strictAffinity) return [];
  const at = (keyword: string) => sources.get(keyword) ?? source;
  const problems: NetworkProblem[] = [];
  if (!autoAllocateBlocks) {
    problems.push(problem(CODES.calicoIpam, at("auto-allocate-blocks"), { what: "auto-allocate-blocks false" }));
  }
  if (sources.has("max-blocks-per-host") && maxBlocksPerHost !== 20) {
    const what = `max-blocks-per-host ${maxBlocksPerHost}`;
    problems.push(problem(CODES.calicoIpam, at("max-blocks-per-host"), { what }));
  }
  return problems;
}
