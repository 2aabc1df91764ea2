/**
 * Outputs of a real kernel (Linux 6.18, iproute2 6.1, iptables 1.8.9): network namespaces that `knet lab samples/services.knet` built.
 * `real/record.sh` records them again.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { readState, type TextFile } from "../../../../server/src/frontends/hoststate/index.ts";
import { renderText } from "../../../../server/src/trace/render/text.ts";
import { ask } from "../../../../server/src/trace/trace.ts";
import { world } from "../../checks/harness.ts";
import { drift, realOf } from "./support.ts";

const folder = new URL("real/", import.meta.url);
const files: readonly TextFile[] = readdirSync(folder, { recursive: true, encoding: "utf8" })
  .filter((name) => /\.(?:json|txt)$/.test(name))
  .map((name) => ({ file: `real/${name}`, text: readFileSync(new URL(name, folder), "utf8") }));
const services = world(readFileSync(new URL("../../../../samples/services.knet", import.meta.url), "utf8"));

/** The files with a change of one. */
function edited(name: string, from: RegExp | string, to: string): readonly TextFile[] {
  return files.map((one) => (one.file.endsWith(name) ? { ...one, text: one.text.replace(from, to) } : one));
}

function path(all: readonly TextFile[], from: string, to: string): string {
  const answer = ask(
    { topology: services.topology, network: realOf(services, all), locate: () => undefined },
    { from, to },
  );
  return answer.ok ? renderText(answer.trace, { colour: false, decisions: false }) : answer.error;
}

describe("nftables of a real kernel", () => {
  const text = readFileSync(new URL("real-nft/nodes/n1/nft.txt", import.meta.url), "utf8");
  const nftables = world(readFileSync(new URL("../../../../samples/services-nftables.knet", import.meta.url), "utf8"));
  const compared = (changed: string): readonly string[] =>
    drift(nftables, readState([{ file: "nodes/n1/nft.txt", text: changed }]));

  it("have no differences from the topology that they were built from (nft 1.0.6)", () => {
    expect(compared(text)).toEqual([]);
    // Counters and handles, which `nft -a` prints.
    expect(compared(text.replace("ct state new jump", "ct state new counter packets 3 bytes 180 jump"))).toEqual([]);
  });

  it("are compared by rule and by element", () => {
    expect(compared(text.replace(/,\n.*goto service-452DNVGS.*\n/, " }\n"))).toEqual([
      "warning: node `prod/n1` has no nftables entry `ip kube-proxy service-ips 10.96.0.80 . tcp . 80 : goto service-452DNVGS-shop/web/tcp/`; the topology has it",
    ]);
  });
});

describe("the state of a real kernel", () => {
  it("has no differences from the topology that it was built from", () => {
    const state = readState(files);
    expect(state.machines.map(({ name }) => name)).toEqual(["n1", "n2", "n3"]);
    expect(state.problems).toEqual([]);
    expect(drift(services, state)).toEqual([]);
  });

  it("delivers packets like the topology", () => {
    expect(path(files, "web", "api")).toContain("✓ delivered, reply received");
  });

  it("loses the packets to a node whose route is missing", () => {
    const all = edited("n1/route4.json", /\{"dst":"10\.244\.1\.0\/24"[^}]*\},/, "");
    expect(drift(services, readState(all))).toEqual([
      "warning: node `prod/n1` has no route to 10.244.1.0/24; flannel would install `10.244.1.0/24 via 10.244.1.0 dev flannel.1 onlink`",
    ]);
    expect(path(all, "web", "api-1")).toContain("✗");
    expect(path(all, "web", "api-2")).toContain("✓");
  });

  it("has no routes if the output is an empty list", () => {
    const all = edited("n1/route4.json", /^[\s\S]*$/, "[]");
    const found = drift(services, readState(all)).join("\n");
    expect(found).toContain("node `prod/n1` has no route to default and 4 more");
    expect(path(all, "web", "api-1")).toContain("✗");
  });

  it("loses the packets if the MAC address of a VTEP is stale", () => {
    const mac = /"dst":"10\.244\.1\.0","dev":"flannel\.1","lladdr":"([^"]*)"/.exec(
      files.find(({ file }) => file.endsWith("n1/neigh.json"))?.text ?? "",
    )?.[1];
    const all = files.map((one) =>
      one.file.includes("/n1/") ? { ...one, text: one.text.replaceAll(mac ?? "", "0e:00:00:00:00:99") } : one,
    );
    expect(path(all, "web", "api-1")).toContain("✗");
    expect(drift(services, readState(all)).join("\n")).toContain("lladdr 0e:00:00:00:00:99 PERMANENT");
  });

  it("loses the packets to a node whose interface is down", () => {
    // Without the output of routes: the derived routes of the interface do not apply either.
    const down = files.flatMap((one) => {
      if (one.file.endsWith("n2/route4.json")) return [];
      if (!/n2\/(?:addr|link)\.json$/.test(one.file)) return [one];
      const records = JSON.parse(one.text) as { ifname: string; flags: string[]; operstate: string }[];
      const changed = records.map((record) =>
        record.ifname === "eth0"
          ? { ...record, flags: record.flags.filter((flag) => flag !== "UP"), operstate: "DOWN" }
          : record,
      );
      return [{ ...one, text: JSON.stringify(changed) }];
    });
    expect(drift(services, readState(down))).toEqual([
      "warning: node `prod/n2` has `eth0 state DOWN`; the topology has `eth0 state UP`",
    ]);
    expect(path(files, "n1", "192.168.10.12")).toContain("node prod/n2");
    expect(path(down, "n1", "192.168.10.12")).not.toContain("node prod/n2");
    expect(path(files, "n2", "192.168.10.11")).toContain("node prod/n1");
    expect(path(down, "n2", "192.168.10.11")).not.toContain("node prod/n1");
  });

  it("loses the packets to a node that no longer has its address", () => {
    const all = files.map((one) =>
      one.file.endsWith("n2/addr.json")
        ? { ...one, text: one.text.replace('"local":"192.168.10.12"', '"local":"192.168.10.99"') }
        : one,
    );
    expect(drift(services, readState(all))).toEqual([
      "warning: node `prod/n2` has `192.168.10.99/24 dev eth0`; the topology has `192.168.10.12/24 dev eth0`",
    ]);
    expect(path(all, "web", "api-1")).toContain("✗");
    expect(path(all, "n1", "192.168.10.12")).not.toContain("node prod/n2");
    expect(path(all, "n1", "192.168.10.99")).not.toContain("no ARP reply");
  });

  it("names other endpoints of a service", () => {
    const all = edited(
      "n2/iptables-save.txt",
      /-j DNAT --to-destination 10\.244\.2\.2:9090/,
      "-j DNAT --to-destination 10.244.2.9:9090",
    );
    expect(drift(services, readState(all))).toEqual([
      "warning: node `prod/n2` has other endpoints for service shop/api:http: 10.244.0.3:9090, 10.244.1.2:9090, and 10.244.2.9:9090 instead of 10.244.0.3:9090, 10.244.1.2:9090, and 10.244.2.2:9090",
    ]);
  });

  it("groups one cause on many nodes, and names chains of other programs once", () => {
    const all = files.map((one) =>
      one.file.endsWith("iptables-save.txt") && one.text.includes(":FORWARD")
        ? {
            ...one,
            text: one.text
              .replace(":FORWARD ACCEPT", ":FORWARD DROP")
              .replace(
                "-A FORWARD",
                "-A FORWARD -j DOCKER-USER\n-A FORWARD -i docker0 -o docker0 -j ACCEPT\n-A FORWARD",
              ),
          }
        : one,
    );
    expect(drift(services, readState(all))).toEqual([
      "warning: 3 machines (`prod/n1`, `prod/n2`, and `prod/n3`) have `-t filter -P FORWARD DROP`; the topology has `-t filter -P FORWARD ACCEPT`",
      "info: 3 machines have rules that are not part of the topology and not compared: `DOCKER-USER`",
    ]);
  });

  it("is recognized with other names of interfaces and veth pairs", () => {
    const renamed = files.map((one) => ({
      ...one,
      text: one.text
        .replaceAll('"eth0"', '"ens192"')
        .replaceAll("conf.eth0.", "conf.ens192.")
        .replace(/veth([0-9a-f]{6})[0-9a-f]{2}/g, "lxc$1"),
    }));
    expect(drift(services, readState(renamed))).toEqual([]);
    const text = path(renamed, "web", "api-1");
    expect(text).toContain("ens192 out");
    expect(text).toContain("✓ delivered, reply received");
  });

  it("is partial: what a file would show is derived", () => {
    const some = files.filter(({ file }) => file.endsWith("n1/route4.json"));
    expect(drift(services, readState(some))).toEqual([]);
    expect(path(some, "web", "api-1")).toContain("✓ delivered");
  });
});
