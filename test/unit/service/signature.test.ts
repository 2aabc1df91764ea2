import { describe, expect, it } from "vitest";
import { signatureAt } from "../../../server/src/service/features/signature.ts";
import { CURSOR, fixture, SHOP } from "./support.ts";

/** The signature with its active argument marked. */
function signature(line: string, text = SHOP): string {
  const { analysis, file, offset } = fixture(text.replace("attach rack-a 10.168.0.2", line));
  const found = signatureAt(analysis, file, offset);
  const active = found?.parameters[found.active];
  if (!found || !active) return "none";
  const { start, end } = active.span;
  return `${found.label.slice(0, start)}«${found.label.slice(start, end)}»${found.label.slice(end)}`;
}

describe("signature help", () => {
  it("marks the next argument", () => {
    const lines = [
      `attach ${CURSOR}`,
      `attach rack-a ${CURSOR}`,
      `attach rack${CURSOR}-a`,
      `route ${CURSOR}`,
      `route 10.0.0.0/8 ${CURSOR}`,
      `route 10.0.0.0/8 via ${CURSOR}`,
      `route 10.0.0.0/8 via 10.168.0.1 dev ${CURSOR}`,
      `deny udp port ${CURSOR}`,
      `deny udp port 53 from ${CURSOR}`,
      `labels a=b ${CURSOR}`,
    ];
    expect(
      lines.map((line) => `${line.replace(CURSOR, "‸")}  ⇒  ${signature(line)}`).join("\n"),
    ).toMatchInlineSnapshot(`
      "attach ‸  ⇒  attach «segment» [addresses…]
      attach rack-a ‸  ⇒  attach segment «[addresses…]»
      attach rack‸-a  ⇒  attach «segment» [addresses…]
      route ‸  ⇒  route «destination» [via <address>…] [blackhole] [unreachable] [prohibit] [dev <device>] [metric <number>] [table <routing-table>] [src <address>] [mtu <number>] [onlink]
      route 10.0.0.0/8 ‸  ⇒  route destination «[via <address>…]» [blackhole] [unreachable] [prohibit] [dev <device>] [metric <number>] [table <routing-table>] [src <address>] [mtu <number>] [onlink]
      route 10.0.0.0/8 via ‸  ⇒  route destination «[via <address>…]» [blackhole] [unreachable] [prohibit] [dev <device>] [metric <number>] [table <routing-table>] [src <address>] [mtu <number>] [onlink]
      route 10.0.0.0/8 via 10.168.0.1 dev ‸  ⇒  route destination [via <address>…] [blackhole] [unreachable] [prohibit] «[dev <device>]» [metric <number>] [table <routing-table>] [src <address>] [mtu <number>] [onlink]
      deny udp port ‸  ⇒  deny [protocol] [direction] [type <icmp-type>…] «[port <ports>…]» [from <prefix>…] [to <prefix>…] [in <ref>] [out <ref>]
      deny udp port 53 from ‸  ⇒  deny [protocol] [direction] [type <icmp-type>…] [port <ports>…] «[from <prefix>…]» [to <prefix>…] [in <ref>] [out <ref>]
      labels a=b ‸  ⇒  labels «labels…»"
    `);
  });
  it("documents the argument with its type and default", () => {
    const { analysis, file, offset } = fixture(SHOP.replace("attach rack-a 10.168.0.2", `attach rack-a ${CURSOR}`));
    const found = signatureAt(analysis, file, offset);
    expect([found?.documentation, found?.parameters[found.active]?.documentation]).toMatchInlineSnapshot(`
      [
        "An interface on a segment",
        "Own addresses, optionally with a prefix length: an address (\`10.0.0.1\` or \`10.0.0.1/24\`)

      Default: the next free address of the segment, one per address family",
      ]
    `);
  });
  it("is absent on keywords, in comments, in blocks, and if nothing can follow", () => {
    expect(signature(`att${CURSOR}ach rack-a`)).toBe("none");
    expect(signature(`attach rack-a # ${CURSOR}`)).toBe("none");
    expect(signature(`attach rack-a { ${CURSOR} }`)).toBe("none");
    expect(signature(`nonsense ${CURSOR}`)).toBe("none");
    expect(signature(`sysctl net.ipv4.ip_forward 1 ${CURSOR}`)).toBe("none");
  });
});
