/** Names and addresses in statements, with their positions. */
import { addIp } from "../addressing/ip.ts";
import { all, sourceOfRead } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import type { GivenIp, NamedPlace } from "./model.ts";

export function placesIn(file: string, decl: Decl, argument: string): readonly NamedPlace[] {
  return all(decl, argument).flatMap((read) =>
    read.value.kind === "ref" ? [{ name: read.value.text, source: sourceOfRead(file, decl, read) }] : [],
  );
}

/** The argument `addresses`. */
export function addressesIn(file: string, decl: Decl): readonly GivenIp[] {
  return all(decl, "addresses").flatMap((read) =>
    read.value.kind === "address" ? [{ ip: read.value.ip, source: sourceOfRead(file, decl, read) }] : [],
  );
}

/** The same for a node of a pool: the addresses count up. */
export function countedUp(addresses: readonly GivenIp[], position: number): readonly GivenIp[] {
  if (position === 0 || addresses.length === 0) return addresses;
  return addresses.flatMap(({ ip, source }) => {
    const counted = addIp(ip, position);
    return counted === undefined ? [] : [{ ip: counted, source }];
  });
}
