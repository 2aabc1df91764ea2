/** Single failures in messages. */

import type { Related } from "../declared/problem.ts";
import { sourceOfElement, textOf } from "../questions/failures/elements.ts";
import type { Broken } from "../questions/failures/single.ts";
import { t } from "../text/l10n.ts";
import type { Expectation, Topology } from "../topology/model.ts";
import { hopsOf } from "./hops.ts";

/** "web -> api:80": the endpoints of an expectation as written. */
export function endsText({ from, to, port, proto }: Pick<Expectation, "from" | "to" | "port" | "proto">): string {
  const end = port === undefined ? to : `${to}:${port}${proto === "tcp" || proto === "icmp" ? "" : `/${proto}`}`;
  return `${from} -> ${end}`;
}

/** "without router `tor`, …": continues a sentence. */
export function brokenText(topology: Topology, { element, why }: Broken): string {
  return t`without ${textOf(topology, element)}, ${why}`;
}

/** The failed element, and the path of the lost packet. */
export function brokenRelated(topology: Topology, { element, journey }: Broken): readonly Related[] {
  const source = sourceOfElement(topology, element);
  const failed = source ? [{ source, message: t`fails: ${textOf(topology, element)}` }] : [];
  return [...failed, ...(journey ? hopsOf(journey, topology) : [])];
}
