/** Kernel state of one machine that its file sets in addition to the state that programs create. */
import { numberOf, oneOf } from "../declared/access.ts";
import type { Decl } from "../declared/decl.ts";
import { sourceOf } from "../declared/origin.ts";
import type { Overrides } from "./model.ts";

/** Without unreadable statements. */
export function readOverrides(file: string, statements: readonly Decl[]): Overrides {
  const mtus: Overrides["mtus"][number][] = [];
  const neighbors: Overrides["neighbors"][number][] = [];
  const fdb: Overrides["fdb"][number][] = [];
  for (const decl of statements) {
    const source = sourceOf(file, decl);
    const mac = oneOf(decl, decl.spec?.keyword === "fdb" ? "mac" : "lladdr", "word")?.text.toLowerCase();
    const device = oneOf(decl, decl.spec?.keyword === "device" ? "name" : "dev", "name")?.text;
    if (device === undefined) continue;
    const mtu = numberOf(decl, "mtu");
    const ip = oneOf(decl, "address", "address")?.ip;
    const dst = oneOf(decl, "dst", "address")?.ip;
    if (mtu !== undefined) mtus.push({ device, mtu, source });
    if (mac !== undefined && ip !== undefined) neighbors.push({ ip, mac, device, source });
    if (mac !== undefined && dst !== undefined) fdb.push({ mac, dst, device, source });
  }
  return { mtus, neighbors, fdb };
}
