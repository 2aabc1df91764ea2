import { family, type Prefix, prefixCovers } from "../../addressing/ip.ts";
import { sourceAt } from "../../declared/navigate.ts";
import { wholeText } from "../../declared/text.ts";
import type { Check, CheckContext } from "../../findings/check.ts";
import { type Finding, finding } from "../../findings/finding.ts";
import { machineText } from "../../findings/machines.ts";
import { type Fix, removeFix } from "../../fixes/fix.ts";
import { t } from "../../text/l10n.ts";
import type { AclMatch, AclRule } from "../../topology/model.ts";
import { stationsOf } from "../../topology/stations.ts";

const office = (rules: string): string => `segment lan { cidr 10.0.0.0/24 }
segment wan { cidr 203.0.113.0/24 }
router fw {
  attach lan 10.0.0.1
  attach wan 203.0.113.1
  ${rules}
}
`;

export const ruleUnreachable: Check<"KN263"> = {
  code: "KN263",
  name: "access-rule-never-decides",
  family: "reachability",
  severity: "warning",
  summary: "An earlier rule of the access list decides about all packets of a rule.",
  documentation: `## What happens

The first matching rule of an access list applies. An earlier rule with a different action matches every packet that this rule matches, so
this rule never takes effect: \`allow\` after \`deny any\`, for example.

A rule that an earlier rule with the same action covers is not reported, and neither is an \`allow\` above a rule for exactly the same
packets, which overrides it.

## How to fix it

Move the rule above the other rule, or narrow the other rule.`,
  example: {
    bad: office("deny tcp from 10.0.0.0/24\n  allow tcp port 443 from 10.0.0.0/24"),
    good: office("allow tcp port 443 from 10.0.0.0/24\n  deny tcp from 10.0.0.0/24"),
  },
  *run({ topology }: CheckContext): Iterable<Finding> {
    const seen = new Set<object>();
    for (const station of stationsOf(topology)) {
      // The nodes of a pool have one access list.
      if (seen.has(station.source.decl.handle)) continue;
      seen.add(station.source.decl.handle);
      for (const [index, rule] of station.acl.entries()) {
        const by = station.acl.slice(0, index).find((earlier) => covers(earlier, rule));
        if (!by || by.action === rule.action || isOverride(by, rule)) continue;
        yield finding(
          ruleUnreachable,
          rule.source,
          t`this rule of ${machineText(station)} never takes effect: an earlier \`${by.action}\` matches everything that it matches; move it above that rule`,
          {
            related: [{ source: by.source, message: t`this rule matches first` }],
            fixes: [moveAbove(by, rule), removeFix(t`Remove this rule`, sourceAt(rule.source, "whole"))],
          },
        );
      }
    }
  },
};

function moveAbove(by: AclRule, { source }: AclRule): Fix {
  const rule = sourceAt(source, "whole");
  return {
    title: t`Move this rule above the other rule`,
    edits: [
      { kind: "before", source: sourceAt(by.source, "whole"), text: wholeText(source.decl) },
      { kind: "remove", source: rule },
    ],
  };
}

/** An `allow` above the rule that it replaces: the quick fix for blocked packets. */
function isOverride(earlier: AclRule, later: AclRule): boolean {
  return earlier.action === "allow" && covers(later, earlier);
}

/** Whether every packet that `b` matches also matches `a`. */
function covers(a: AclRule, b: AclRule): boolean {
  return (
    a.direction === b.direction &&
    (a.in === undefined || a.in.name === b.in?.name) &&
    (a.out === undefined || a.out.name === b.out?.name) &&
    coversTransport(a, b) &&
    coversPrefixes(a.from, b.from) &&
    coversPrefixes(a.to, b.to)
  );
}

function coversTransport(a: AclMatch, b: AclMatch): boolean {
  const isSame = a.proto === undefined || a.proto === b.proto || (a.proto === "icmp" && b.proto === "icmpv6");
  // Types are numbers of one family, and a rule without types matches both.
  const types =
    a.types === undefined ||
    (a.proto === b.proto &&
      b.types?.every(({ type, code }) =>
        a.types?.some((own) => own.type === type && (own.code === undefined || own.code === code)),
      ) === true);
  const ports =
    a.ports.length === 0 ||
    (b.ports.length > 0 &&
      b.ports.every(({ first, last }) => a.ports.some((own) => own.first <= first && own.last >= last)));
  return isSame && types && ports;
}

function coversPrefixes(a: readonly Prefix[], b: readonly Prefix[]): boolean {
  return a.length === 0 || (b.length > 0 && b.every((prefix) => a.some((own) => isIn(own, prefix))));
}

function isIn(own: Prefix, prefix: Prefix): boolean {
  return family(own.ip) === family(prefix.ip) && prefixCovers(own, prefix);
}
