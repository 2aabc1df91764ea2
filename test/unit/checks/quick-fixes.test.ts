/** What the first proven fix of a finding makes of the text. */
import { expect, it } from "vitest";
import { provenFixes } from "../../../server/src/service/features/fixes.ts";
import { createService } from "../../../server/src/service/service.ts";

function mended(code: string, text: string): string {
  const service = createService({ readFile: () => undefined, resolveImport: () => undefined });
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

it("closes what is open where it probably ends", () => {
  expect(mended("KN001", "segment lan {\n  cidr 192.168.10.0/24\n\nhost a { attach lan }\n")).toBe(
    "segment lan {\n  cidr 192.168.10.0/24\n\n}\nhost a { attach lan }\n",
  );
  expect(mended("KN001", "segment lan {\n  cidr 192.168.10.0/24")).toBe("segment lan {\n  cidr 192.168.10.0/24\n}\n");
  expect(mended("KN001", "segment lan { cidr [192.168.10.0/24 }\n")).toBe("segment lan { cidr [192.168.10.0/24] }\n");
  expect(mended("KN001", "/* a note\nsegment lan { cidr 192.168.10.0/24 }\n")).toBe(
    "/* a note */\nsegment lan { cidr 192.168.10.0/24 }\n",
  );
  expect(mended("KN001", "segment lan { cidr 192.168.10.0/24 } ]\n")).toBe("segment lan { cidr 192.168.10.0/24 }\n");
});

it("reads addresses as they were probably meant", () => {
  expect(mended("KN006", "segment lan { cidr 192.168.10.0/255.255.255.0 }\n")).toBe(
    "segment lan { cidr 192.168.10.0/24 }\n",
  );
  expect(mended("KN006", lan("router r { attach lan; loopback 10.0.0.1/32 }\n"))).toBe(
    lan("router r { attach lan; loopback 10.0.0.1 }\n"),
  );
  expect(mended("KN006", lan("host a { attach lan 192.168.010.009 }\n"))).toBe(
    lan("host a { attach lan 192.168.10.9 }\n"),
  );
});

it("gives a cluster the range that it lacks, beside those that there are", () => {
  expect(mended("KN011", cluster("  pod a { listen 80 }\n"))).toBe(
    cluster("  pod a { listen 80 }\n  pods 10.244.0.0/16\n"),
  );
  const inside = "  pods 10.96.0.0/16\n  pod a { listen 80; labels app=a }\n  service a { select app=a; port 80 }\n";
  expect(mended("KN011", cluster(inside))).toBe(cluster(`${inside}  services 10.97.0.0/16\n`));
});

it("names the family that a service wants and the cluster has not", () => {
  const inside =
    "  pods 10.244.0.0/16\n  services 10.96.0.0/16\n  pod a { listen 80; labels app=a }\n  service a { select app=a; families ipv4 ipv6; port 80 }\n";
  const service = createService({ readFile: () => undefined, resolveImport: () => undefined });
  service.setText("a.knet", cluster(inside));
  const found = service.analysisOf("a.knet")?.findings(() => false) ?? [];
  expect(found.map(({ code, message }) => `${code} ${message}`)).toEqual([
    "KN011 service a shall have an IPv6 address, and cluster c has no IPv6 range for services; add one (services PREFIX), or leave the family out",
  ]);
});

it("makes two peers of one that is both", () => {
  const namespace = (rule: string): string =>
    cluster(
      `  pods 10.244.0.0/16\n  network-policy calico\n  pod web { labels app=web; listen 80 }\n  pod api { labels app=api; listen 90 }\n  policy p { select app=api; ${rule} }\n`,
    );
  expect(mended("KN610", namespace("ingress from app=web cidr 10.9.0.0/24 to 90"))).toBe(
    namespace("ingress { from app=web; from cidr 10.9.0.0/24; to 90 }"),
  );
  expect(mended("KN610", namespace("ingress { from app=web cidr 10.9.0.0/24 }"))).toBe(
    namespace("ingress { from app=web; from cidr 10.9.0.0/24 }"),
  );
});

it("puts flannel's first subnet on a boundary", () => {
  const flannel = (min: string): string =>
    lan(
      `cluster c {\n  pods 10.244.0.0/16\n  cni flannel { subnet-manager etcd; subnet-min ${min}; backend host-gw }\n  nodes n 1..2 { attach lan }\n}\n`,
    );
  expect(mended("KN130", flannel("10.244.16.5"))).toBe(flannel("10.244.16.0"));
});
