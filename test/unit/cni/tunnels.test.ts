/** Tunnels between machines: the state of both sides, and packets through them. */
import { describe, expect, it } from "vitest";
import { CARRIED, twoSites } from "../../../server/src/findings/examples/tunnels.ts";
import { check, shown } from "../checks/harness.ts";

const findings = (text: string): readonly string[] => check(text).map(shown);

describe("a tunnel between two routers", () => {
  for (const kind of ["wireguard", "ipip", "vxlan", "ipsec"]) {
    const both = (more = ""): string =>
      `${twoSites(`${CARRIED}${more}`, { kind })}expect laptop -> server reachable\nexpect server -> laptop preserves-source\n`;
    it(`carries packets in both directions (${kind})`, () => {
      // Without a route to 10.2.0.0/24, the IPsec policy applies to packets of the default route.
      expect(findings(both())).toEqual([]);
    });

    it(`loses them if the provider drops its packets (${kind})`, () => {
      const text = twoSites(CARRIED, { kind, isp: kind === "ipip" ? "deny ipip" : "deny udp" });
      expect(findings(text).map((one) => one.slice(0, 5))).toEqual(["KN272"]);
    });
  }

  it("lets only its own packets pass through the provider's network", () => {
    const text = `${twoSites(CARRIED, { isp: "allow udp port 51820; deny" })}expect laptop -> server reachable\nexpect hq -> 198.51.100.2 blocked\n`;
    expect(findings(text)).toEqual([]);
  });

  it("rejects packets that exceed its MTU", () => {
    const text = `${twoSites(`${CARRIED}; mtu 1400`)}expect laptop -> server mtu >= 1400\nexpect laptop -> server mtu >= 1401\n`;
    expect(findings(text)).toEqual([
      "KN701 error line 17: expected packets of 1401 bytes to be delivered from `laptop` to `server`, but router hq cannot send 1401 bytes through vpn (MTU 1400) because DF is set",
    ]);
  });

  it("drops packets from a source that it does not carry", () => {
    const text = `${twoSites("carries 10.1.0.0/25 to hq; carries 10.2.0.0/24 to branch")}host far { attach office 10.1.0.200 }\nexpect far -> server reachable\n`;
    expect(findings(text)[0]).toContain("the allowed IPs of peer 203.0.113.2 are 10.1.0.0/25");
  });

  it("uses the given endpoints, port, and addresses", () => {
    const given = "endpoints 203.0.113.2 198.51.100.2; port 51999; addresses 10.99.0.1/30 10.99.0.2/30";
    const text = `${twoSites(`${CARRIED}; ${given}`, { isp: "allow udp port 51999; deny" })}expect hq -> 10.99.0.2 preserves-source\n`;
    expect(findings(text)).toEqual([]);
  });

  it("fails with the link below it", () => {
    const text = `${twoSites(CARRIED)}expect laptop -> server survives any-router\n`;
    expect(findings(text)[0]).toContain(
      "without router `hq`, no ARP reply for 10.1.0.1 on segment office (3 of 3 failures)",
    );
  });
});

describe("a default route through a tunnel", () => {
  const all = (route: string): string =>
    `${twoSites("carries 10.1.0.0/24 to hq; carries 0.0.0.0/0 to branch").replace(
      "route default via 203.0.113.1",
      route,
    )}expect laptop -> server reachable\n`;

  it("loops without a route to the endpoint", () => {
    expect(findings(all("route default via 203.0.113.1"))[0]).toContain(
      "KN274 error line 13: tunnel `vpn` carries 0.0.0.0/0, which contains its own endpoint 198.51.100.2",
    );
  });

  it("works with one", () => {
    expect(findings(all("route 198.51.100.2/32 via 203.0.113.1"))).toEqual([]);
  });
});

describe("a tunnel that cannot be created", () => {
  it("is reported, and ignored", () => {
    const cause = (tunnel: string, kind = "wireguard"): string | undefined =>
      findings(twoSites(tunnel, { kind })).find((one) => one.includes("KN270"));
    expect(cause(CARRIED.replace("to hq", "to laptop"))).toContain("to a machine that is not one of its two");
    expect(findings(twoSites(CARRIED).replace("between hq branch", "between hq hq"))[0]).toContain("with itself");
    expect(cause(`${CARRIED}; endpoints fd00::1 fd00::2`, "ipip")).toContain("requires IPv4 endpoints");
    expect(cause(`${CARRIED}; endpoints 203.0.113.2 fd00::2`)).toContain("no addresses of the same family");
  });

  it("names an unknown machine", () => {
    expect(findings(twoSites(CARRIED).replace("between hq branch", "between hq brunch")).join()).toContain("brunch");
  });
});
