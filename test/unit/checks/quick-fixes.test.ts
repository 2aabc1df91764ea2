/** The text after the first proven fix of a finding. */
import { expect, it } from "vitest";
import type { Levels } from "../../../server/src/findings/levels.ts";
import { provenFixes } from "../../../server/src/service/features/fixes.ts";
import { createService } from "../../../server/src/service/service.ts";
import { check, shown } from "./harness.ts";

function fixed(code: string, text: string, levels: Levels = new Map()): string {
  const service = createService({ resolveImport: () => undefined });
  service.configure(levels);
  service.setText("a.knet", text);
  const analysis = service.analysisOf("a.knet");
  const found = analysis?.findings(() => false)?.find((one) => one.code === code);
  const [fix] = (analysis && found && provenFixes(analysis, found, () => false)) ?? [];
  if (!fix) throw new Error(`${code} ${found ? "has no proven fix" : "is not found"}`);
  const edits = [...(fix.edits.get("a.knet") ?? [])].sort((a, b) => b.start - a.start);
  return edits.reduce((done, { start, end, text: put }) => done.slice(0, start) + put + done.slice(end), text);
}

const lan = (rest: string): string => `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }\n${rest}`;
const cluster = (inside: string): string =>
  lan(`cluster c {\n  cni flannel { backend host-gw }\n  nodes n 1..2 { attach lan }\n${inside}}\n`);

it("closes unclosed blocks, lists, and comments at their probable end", () => {
  expect(fixed("KN001", "segment lan {\n  cidr 192.168.10.0/24\n\nhost a { attach lan }\n")).toBe(
    "segment lan {\n  cidr 192.168.10.0/24\n\n}\nhost a { attach lan }\n",
  );
  expect(fixed("KN001", "segment lan {\n  cidr 192.168.10.0/24")).toBe("segment lan {\n  cidr 192.168.10.0/24\n}\n");
  expect(fixed("KN001", "segment lan { cidr [192.168.10.0/24 }\n")).toBe("segment lan { cidr [192.168.10.0/24] }\n");
  expect(fixed("KN001", "/* a note\nsegment lan { cidr 192.168.10.0/24 }\n")).toBe(
    "/* a note */\nsegment lan { cidr 192.168.10.0/24 }\n",
  );
  expect(fixed("KN001", "segment lan { cidr 192.168.10.0/24 } ]\n")).toBe("segment lan { cidr 192.168.10.0/24 }\n");
});

it("fixes loosely written addresses", () => {
  expect(fixed("KN006", "segment lan { cidr 192.168.10.0/255.255.255.0 }\n")).toBe(
    "segment lan { cidr 192.168.10.0/24 }\n",
  );
  expect(fixed("KN006", lan("router r { attach lan; loopback 10.0.0.1/32 }\n"))).toBe(
    lan("router r { attach lan; loopback 10.0.0.1 }\n"),
  );
  expect(fixed("KN006", lan("host a { attach lan 192.168.010.009 }\n"))).toBe(
    lan("host a { attach lan 192.168.10.9 }\n"),
  );
});

it("separates an address and its port", () => {
  const forward = (to: string): string =>
    lan(`router r { attach lan 192.168.10.1; port-forward 443 -> ${to} in lan }\n`);
  expect(fixed("KN006", forward("192.168.10.20:8443"))).toBe(forward("192.168.10.20 port 8443"));
  expect(fixed("KN006", forward('"[fd00::1]:8443"'))).toBe(forward("fd00::1 port 8443"));
  expect(check(forward("192.168.10.20:8443")).map(shown)).toEqual([
    "KN006 error line 2: invalid argument `192.168.10.20:8443` for `port-forward`: expected an address (`10.0.0.1`); did you mean `192.168.10.20 port 8443`?",
  ]);
  expect(check(forward("192.168.10.20:0")).map(shown)).toEqual([
    "KN006 error line 2: invalid argument `192.168.10.20:0` for `port-forward`: expected an address (`10.0.0.1`); an address cannot have a port (:0)",
  ]);
});

it("adds the missing CIDR of a cluster without overlapping existing ranges", () => {
  expect(fixed("KN011", cluster("  pod a { listen 80 }\n"))).toBe(
    cluster("  pod a { listen 80 }\n  pods 10.244.0.0/16\n"),
  );
  const inside = "  pods 10.96.0.0/16\n  pod a { listen 80; labels app=a }\n  service a { select app=a; port 80 }\n";
  expect(fixed("KN011", cluster(inside))).toBe(cluster(`${inside}  services 10.97.0.0/16\n`));
});

it("names the address family that a service requests and the cluster does not have", () => {
  const inside =
    "  pods 10.244.0.0/16\n  services 10.96.0.0/16\n  pod a { listen 80; labels app=a }\n  service a { select app=a; families ipv4 ipv6; port 80 }\n";
  const service = createService({ resolveImport: () => undefined });
  service.setText("a.knet", cluster(inside));
  const found = service.analysisOf("a.knet")?.findings(() => false) ?? [];
  expect(found.map(({ code, message }) => `${code} ${message}`)).toEqual([
    "KN011 service `a` requests an IPv6 address, but cluster `c` has no IPv6 service CIDR; add `services PREFIX`, or remove the family from the service",
  ]);
});

it("splits a peer that combines addresses and labels", () => {
  const namespace = (rule: string): string =>
    cluster(
      `  pods 10.244.0.0/16\n  network-policy calico\n  pod web { labels app=web; listen 80 }\n  pod api { labels app=api; listen 90 }\n  policy p { select app=api; ${rule} }\n`,
    );
  expect(fixed("KN610", namespace("ingress from app=web cidr 10.9.0.0/24 to 90"))).toBe(
    namespace("ingress { from app=web; from cidr 10.9.0.0/24; to 90 }"),
  );
  expect(fixed("KN610", namespace("ingress { from app=web cidr 10.9.0.0/24 }"))).toBe(
    namespace("ingress { from app=web; from cidr 10.9.0.0/24 }"),
  );
});

it("moves the first flannel subnet to a boundary", () => {
  const flannel = (min: string): string =>
    lan(
      `cluster c {\n  pods 10.244.0.0/16\n  cni flannel { subnet-manager etcd; subnet-min ${min}; backend host-gw }\n  nodes n 1..2 { attach lan }\n}\n`,
    );
  expect(fixed("KN130", flannel("10.244.16.5"))).toBe(flannel("10.244.16.0"));
});

it("offers a fix that adds a finding only if that finding is suppressed or off", () => {
  const shop = (service: string): string =>
    `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster c {
  pods 10.244.0.0/16 per-node /24
  services 10.96.0.0/16
  cni flannel { backend vxlan }
  node n { attach lan 192.168.10.2 }
  pod web { labels app=web; listen 80/tcp }
  ${service}
}
`;
  const wrong = shop("service web { select app=wep; port 8080 }");
  expect(() => fixed("KN501", wrong)).toThrow("KN501 has no proven fix");
  expect(fixed("KN501", shop("service web { select app=wep; port 8080 } # knet-ignore KN502 (later)"))).toBe(
    shop("service web { select app=web; port 8080 } # knet-ignore KN502 (later)"),
  );
  expect(fixed("KN501", wrong, new Map([["KN502", "off"]]))).toBe(wrong.replace("wep", "web"));
});

it("leaves the analyses of the current and the next text as they are", () => {
  const text = lan(
    `host a { attach lan 192.168.10.5 }\nhost b { attach lan 192.168.10.5 }\nhost c { attach lan 192.168.10.7 }\n`,
  );
  const service = createService({ resolveImport: () => undefined });
  const messages = (): readonly string[] =>
    (service.analysisOf("a.knet")?.findings(() => false) ?? []).map(({ message }) => message);
  const prove = (): number => {
    const analysis = service.analysisOf("a.knet");
    const found = analysis?.findings(() => false) ?? [];
    return analysis ? found.flatMap((one) => provenFixes(analysis, one, () => false) ?? []).length : 0;
  };
  service.setText("a.knet", text);
  const before = messages();
  expect(prove()).toBeGreaterThan(0);
  expect(service.analysisOf("a.knet")?.topology.hosts.map((host) => host.interfaces[0]?.addresses[0]?.ip)).toEqual(
    [5, 5, 7].map((last) => 0xc0a80a00 + last),
  );
  expect(messages()).toEqual(before);
  const at = text.indexOf("10.7") + 3;
  service.edit("a.knet", [{ start: at, end: at + 1, text: "5" }]);
  expect(messages()).toEqual(check(text.replace("10.7", "10.5")).map(({ finding }) => finding.message));
  expect(prove()).toBeGreaterThan(0);
});
