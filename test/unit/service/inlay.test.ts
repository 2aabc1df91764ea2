import { describe, expect, it } from "vitest";
import { type HintKind, inlayHintsIn } from "../../../server/src/service/features/inlay.ts";
import { edited, fixture, SHOP } from "./support.ts";

const ALL: Readonly<Record<HintKind, boolean>> = { addresses: true, mtu: true, defaults: true };

function hints(text: string, wanted = ALL, within = { start: 0, end: text.length }) {
  const { analysis, file } = fixture(text);
  return inlayHintsIn(analysis, file, within, wanted);
}

/** The lines with hints in them, ‹like this›. */
function shown(text: string, wanted = ALL): string {
  const edits = hints(text, wanted).map(({ offset, text: hint }) => ({
    start: offset,
    end: offset,
    text: ` ‹${hint}›`,
  }));
  return edited(text, edits)
    .split("\n")
    .filter((line) => line.includes("‹"))
    .map((line) => line.trim())
    .join("\n");
}

describe("inlay hints", () => {
  it("show the values that knet fills in", () => {
    expect(shown(SHOP, { addresses: true, mtu: true, defaults: false })).toMatchInlineSnapshot(`
      "cni flannel ‹flannel.1 mtu 1450, cni0 mtu 1450› {
      node n1 ‹pod-cidr 10.244.0.0/24› { attach rack-a 10.168.0.2 }
      node n2 ‹pod-cidr 10.244.1.0/24› { attach rack-b 10.168.1.3 }
      nodes w 1..50 ‹pod-cidr 10.244.2.0/24 … 10.244.51.0/24› { attach rack-a ‹10.168.0.3 … 10.168.0.52› }
      pod web on n1 ‹10.244.0.2› {
      deployment api replicas 3 ‹10.244.0.3 on n1, …› {"
    `);
  });
  it("show the defaults of omitted values", () => {
    const text = "segment lan { cidr 10.0.0.0/24 }\ncluster c {\n  pods 10.244.0.0/16\n  pods fd00::/56\n}\n";
    const defaults = shown(text, { addresses: false, mtu: false, defaults: true });
    expect(defaults).toContain("segment lan ‹mtu 1500› {");
    expect(defaults).toContain("pods 10.244.0.0/16 ‹per-node /24›\npods fd00::/56 ‹per-node /64›");
  });
  it("are of the requested kinds", () => {
    expect(shown(SHOP, { addresses: false, mtu: true, defaults: false })).toMatchInlineSnapshot(
      `"cni flannel ‹flannel.1 mtu 1450, cni0 mtu 1450› {"`,
    );
  });
  it("show both families, the only router as gateway, and the addresses of pool members", () => {
    expect(
      shown(
        `segment lan {
  cidr 10.0.0.0/24 fd00::/64
  mtu 9000
}
router r { attach lan }
cluster c {
  pods 10.244.0.0/16 per-node /26
  pods fd00:1::/56
  nodes w 1..3 { attach lan 10.0.0.11 }
  node x {
    attach lan
    pod-cidr 10.244.9.0/26
  }
  daemonset logs
  pod fixed on x { address 10.244.9.5 }
  pod host { host-network }
}
`,
        { addresses: true, mtu: true, defaults: false },
      ),
    ).toMatchInlineSnapshot(`
      "segment lan ‹gateway 10.0.0.1 fd00::1› {
      router r { attach lan ‹10.0.0.1 fd00::1› ‹mtu 9000› }
      nodes w 1..3 ‹pod-cidr 10.244.0.0/26 … 10.244.0.128/26 fd00:1::/64 … fd00:1:0:2::/64› { attach lan 10.0.0.11 ‹… 10.0.0.13› ‹mtu 9000› }
      node x ‹pod-cidr fd00:1:0:3::/64› {
      attach lan ‹10.0.0.2 fd00::2› ‹mtu 9000›"
    `);
  });
  it("insert their value", () => {
    const text = "segment lan { cidr 10.0.0.0/24 }\nhost a { attach lan }\n";
    const edits = hints(text).flatMap(({ edit }) => edit ?? []);
    expect(edited(text, edits)).toBe("segment lan { cidr 10.0.0.0/24 }\nhost a { attach lan 10.0.0.1 }\n");
  });
  it("are shown for a part of the file, and next to syntax errors", () => {
    const broken = `${SHOP}host { attach }\nhost late { attach rack-b }\n} segm`;
    const start = broken.indexOf("host late");
    expect(hints(broken, ALL, { start, end: start + 30 }).map(({ text }) => text)).toEqual(["10.168.1.2"]);
  });
});
