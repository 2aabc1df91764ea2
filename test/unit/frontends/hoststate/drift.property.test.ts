/** One change of the state of a machine of a random topology is reported: that change, and nothing else. */
import { describe, expect, it } from "vitest";
import type { Finding } from "../../../../server/src/findings/finding.ts";
import { readState, type TextFile } from "../../../../server/src/frontends/hoststate/index.ts";
import { type Random, seeded } from "../../../../server/src/lab/random.ts";
import { topologyText } from "../../../kernel/generator.ts";
import { world } from "../../checks/harness.ts";
import { driftFindings, filesOf } from "./support.ts";

const SEEDS = Array.from({ length: 60 }, (_, index) => index + 1);

interface Changed {
  readonly files: readonly TextFile[];
  /** The file that was changed. */
  readonly file: string;
  /** Part of the message. */
  readonly about: string;
}

type Entry = Readonly<Record<string, unknown>>;
type Change = (files: readonly TextFile[], random: Random) => Changed | undefined;

/** Replaces one entry of the JSON files with a name. */
function changed(
  name: string,
  isWanted: (entry: Entry) => boolean,
  replace: (entry: Entry) => Entry | readonly Entry[] | undefined,
  about: (entry: Entry) => string,
): Change {
  return (files, random) => {
    const all = files.flatMap(({ file, text }) =>
      file.endsWith(`/${name}`)
        ? (JSON.parse(text) as readonly Entry[]).flatMap((entry, index) =>
            isWanted(entry) ? [{ file, index, entry }] : [],
          )
        : [],
    );
    const picked = random.pick(all);
    if (!picked) return undefined;
    const { file, index, entry } = picked;
    const next = replace(entry);
    const edited = files.map((one) => {
      if (one.file !== file) return one;
      const entries = JSON.parse(one.text) as Entry[];
      entries.splice(index, 1, ...[next ?? []].flat());
      return { file, text: JSON.stringify(entries) };
    });
    return { files: edited, file, about: about(entry) };
  };
}

/** Replaces one line of the text files with a name. */
function changedLine(
  name: string,
  isWanted: (line: string) => boolean,
  replace: (line: string) => string | undefined,
  about: (line: string) => string,
): Change {
  return (files, random) => {
    const all = files.flatMap(({ file, text }) =>
      file.endsWith(`/${name}`)
        ? text.split("\n").flatMap((line, index) => (isWanted(line) ? [{ file, index, line }] : []))
        : [],
    );
    const picked = random.pick(all);
    if (!picked) return undefined;
    const { file, index, line } = picked;
    const next = replace(line);
    const edited = files.map((one) => {
      if (one.file !== file) return one;
      const lines = one.text.split("\n");
      lines.splice(index, 1, ...(next === undefined ? [] : [next]));
      return { file, text: lines.join("\n") };
    });
    return { files: edited, file, about: about(line) };
  };
}

const isRoute = (entry: Entry): boolean =>
  entry["table"] === undefined && entry["protocol"] !== "kernel" && !String(entry["dst"]).startsWith("fe80");
const linkKind = (entry: Entry): unknown => (entry["linkinfo"] as { info_kind?: string } | undefined)?.info_kind;
const isInterface = (entry: Entry): boolean =>
  entry["link_type"] === "ether" && /^(?:eth|cni|flannel)/.test(String(entry["ifname"]));

/** By what they change. */
const CHANGES: Readonly<Record<string, Change>> = {
  "a route is deleted": changed(
    "route4.json",
    isRoute,
    () => undefined,
    ({ dst }) => `no route to ${dst}`,
  ),
  "an IPv6 route is deleted": changed(
    "route6.json",
    isRoute,
    () => undefined,
    ({ dst }) => `no route to ${dst}`,
  ),
  "a route has another next hop": changed(
    "route4.json",
    (entry) => isRoute(entry) && typeof entry["gateway"] === "string",
    (entry) => ({ ...entry, gateway: "198.51.100.7" }),
    ({ dst }) => `${dst} via 198.51.100.7`,
  ),
  "a route is added": changed(
    "route4.json",
    (entry) => isRoute(entry) && typeof entry["gateway"] === "string",
    (entry) => [entry, { ...entry, dst: "203.0.113.0/24" }],
    () => "has `203.0.113.0/24 via",
  ),
  "a neighbor entry is deleted": changed(
    "neigh.json",
    () => true,
    () => undefined,
    ({ dst }) => `no neighbor entry for ${dst}`,
  ),
  "a neighbor entry has another MAC address": changed(
    "neigh.json",
    () => true,
    (entry) => ({ ...entry, lladdr: "02:00:00:00:00:99" }),
    ({ dst }) => `${dst} dev`,
  ),
  "an FDB entry is deleted": changed(
    "fdb.json",
    ({ dst }) => dst !== undefined,
    () => undefined,
    ({ dst }) => `no FDB entry for ${dst}`,
  ),
  "an FDB entry has another remote address": changed(
    "fdb.json",
    ({ dst, mac }) => dst !== undefined && mac !== "00:00:00:00:00:00",
    (entry) => ({ ...entry, dst: "198.51.100.7" }),
    ({ mac }) => `${mac} dev`,
  ),
  "an MTU differs": (files, random) => {
    const one = changed(
      "addr.json",
      isInterface,
      (entry) => ({ ...entry, mtu: 1337 }),
      ({ ifname }) => `\`${ifname} mtu 1337\``,
    )(files, random);
    return one;
  },
  "a VNI differs": changed(
    "link.json",
    (entry) => linkKind(entry) === "vxlan",
    (entry) => ({
      ...entry,
      linkinfo: {
        info_kind: "vxlan",
        info_data: { ...(entry["linkinfo"] as { info_data: object }).info_data, id: 77 },
      },
    }),
    ({ ifname }) => `\`${ifname} vxlan id 77\``,
  ),
  "an address is deleted": changed(
    "addr.json",
    (entry) => isInterface(entry) && (entry["addr_info"] as readonly unknown[]).length === 1,
    (entry) => ({ ...entry, addr_info: [] }),
    ({ ifname }) => `no address on \`${ifname}\``,
  ),
  // The kernel deletes the connected route with its address.
  "an address and its route are deleted": (files, random) => {
    const without = changed(
      "addr.json",
      (entry) => isInterface(entry) && (entry["addr_info"] as readonly unknown[]).length === 1,
      (entry) => ({ ...entry, addr_info: [] }),
      ({ ifname }) => `no address on \`${ifname}\``,
    )(files, random);
    const device = /`(.*)`/.exec(without?.about ?? "")?.[1];
    const routes = without?.file.replace("addr.json", "route4.json");
    return (
      without && {
        ...without,
        files: without.files.map((one) =>
          one.file === routes
            ? {
                ...one,
                text: JSON.stringify(
                  (JSON.parse(one.text) as readonly Entry[]).filter(
                    ({ dev, protocol }) => dev !== device || protocol !== "kernel",
                  ),
                ),
              }
            : one,
        ),
      }
    );
  },
  "a rule is deleted": changedLine(
    "iptables-save.txt",
    (line) => line.startsWith("-A "),
    () => undefined,
    () => "",
  ),
  "a rule drops packets": changedLine(
    "iptables-save.txt",
    (line) => line.startsWith("-A FORWARD"),
    (line) => `-A FORWARD -s 203.0.113.0/24 -j DROP\n${line}`,
    () => "`-t filter -A FORWARD -s 203.0.113.0/24 -j DROP`",
  ),
  "a policy is DROP": changedLine(
    "iptables-save.txt",
    (line) => line.startsWith(":FORWARD ACCEPT"),
    (line) => line.replace("ACCEPT", "DROP"),
    () => "-P FORWARD DROP",
  ),
  "a sysctl differs": changedLine(
    "sysctl.txt",
    (line) => line.startsWith("net.ipv4.ip_forward"),
    (line) => (line.endsWith("1") ? line.replace("1", "0") : line.replace("= 0", "= 1")),
    () => "net.ipv4.ip_forward",
  ),
  "a policy rule is added": changed(
    "rule4.json",
    ({ priority }) => priority === 32766,
    (entry) => [{ ...entry, priority: 90, src: "203.0.113.0", srclen: 24, table: "90" }, entry],
    () => "90: from 203.0.113.0/24 lookup 90",
  ),
};

function warnings(found: readonly Finding[]): readonly string[] {
  return found.filter(({ severity }) => severity === "warning").map(({ message }) => message);
}

describe("a change of the state", () => {
  it.each(Object.entries(CHANGES))("in which %s is reported alone", (name, change) => {
    let count = 0;
    for (const seed of SEEDS) {
      if (count === 10) break;
      const text = topologyText(seed, "complete");
      const found = world(text);
      const result = change(filesOf(found), seeded(seed));
      if (!result) continue;
      count += 1;
      const findings = driftFindings(found, readState(result.files));
      const messages = warnings(findings);
      expect(messages, `seed ${seed}`).toHaveLength(1);
      expect(messages[0], `seed ${seed}`).toContain(result.about);
      // A setting of a link can be in either of two files.
      const folder = result.file.slice(0, result.file.lastIndexOf("/"));
      expect(findings[0]?.source.file.startsWith(folder), `seed ${seed}: ${findings[0]?.source.file}`).toBe(true);
    }
    expect(count, name).toBeGreaterThan(0);
  });

  it("is not necessary: the state of a random topology has no differences", () => {
    for (const seed of SEEDS.slice(0, 30)) {
      const found = world(topologyText(seed, "complete"));
      const state = readState(filesOf(found));
      expect(state.problems).toEqual([]);
      expect(warnings(driftFindings(found, state)), `seed ${seed}`).toEqual([]);
    }
  });
});
