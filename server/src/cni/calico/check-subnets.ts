/**
 * cross-subnet compares prefixes, not links: nodes on one link with different prefixes, and prefixes that extend beyond
 * the link.
 */
import { formatIp, formatPrefix } from "../../addressing/ip.ts";
import { t } from "../../text/l10n.ts";
import { CODES, type NetworkProblem, problem } from "../problems.ts";
import { type CalicoCluster, familyPart, inSubnet, type Member, type MemberFamily } from "./cluster.ts";
import { isUsable, type Pool } from "./settings.ts";

interface Place {
  readonly member: Member;
  readonly part: MemberFamily;
}

export function checkSubnets(calico: CalicoCluster): readonly NetworkProblem[] {
  return ([4, 6] as const).flatMap((family) => {
    const pool = calico.settings.pools.find(
      (one) => isUsable(one) && crosses(one) && (typeof one.cidr.ip === "number") === (family === 4),
    );
    if (!pool) return [];
    const groups = groupsOf(calico, family);
    return [...asymmetric(groups), ...beyondTheLink(pool, groups)];
  });
}

function crosses({ ipip, vxlan }: Pool): boolean {
  return ipip === "cross-subnet" || vxlan === "cross-subnet";
}

/** Nodes of one segment with the same prefix. */
function groupsOf(calico: CalicoCluster, family: 4 | 6): readonly (readonly Place[])[] {
  const groups = new Map<string, Place[]>();
  for (const member of calico.members) {
    const part = familyPart(member, family);
    if (!part) continue;
    const key = `${part.iface.segment} ${formatPrefix(part.subnet)}`;
    const same = groups.get(key);
    if (same) same.push({ member, part });
    else groups.set(key, [{ member, part }]);
  }
  return [...groups.values()];
}

function asymmetric(groups: readonly (readonly Place[])[]): NetworkProblem[] {
  for (const group of groups) {
    for (const other of groups) {
      const a = group[0];
      if (!a || group === other || other[0]?.part.iface.segment !== a.part.iface.segment) continue;
      const b = other.find(({ part }) => inSubnet(a.part, part));
      const outside = b && group.find(({ part }) => !inSubnet(b.part, part));
      if (!b || !outside) continue;
      const data = {
        node: outside.member.node.path,
        prefix: { ip: outside.part.address, len: outside.part.subnet.len },
        peer: b.member.node.path,
        peerPrefix: { ip: b.part.address, len: b.part.subnet.len },
      };
      return [
        problem(CODES.calicoMasksDiffer, b.part.iface.source, data, [
          { source: outside.part.iface.source, message: t`node \`${data.node}\` has ${formatPrefix(data.prefix)}` },
        ]),
      ];
    }
  }
  return [];
}

function beyondTheLink(pool: Pool, groups: readonly (readonly Place[])[]): NetworkProblem[] {
  let pairs = 0;
  let example: { readonly a: Place; readonly b: Place } | undefined;
  for (const group of groups) {
    const a = group[0];
    if (!a) continue;
    for (const other of groups) {
      if (other[0]?.part.iface.segment === a.part.iface.segment) continue;
      const inside = other.filter(({ part }) => inSubnet(a.part, part));
      const [b] = inside;
      if (!b) continue;
      pairs += group.length * inside.length;
      example ??= { a, b };
    }
  }
  if (!example) return [];
  const { a, b } = example;
  const data = {
    pool: pool.name,
    node: a.member.node.path,
    prefix: formatPrefix(a.part.subnet),
    peer: b.member.node.path,
    address: formatIp(b.part.address),
    pairs,
  };
  return [
    problem(CODES.calicoPrefixSpansSegments, a.part.iface.source, data, [
      {
        source: b.part.iface.source,
        message: t`node \`${b.member.node.path}\` is on segment \`${b.part.iface.segment}\``,
      },
    ]),
  ];
}
