import { describe, expect, it } from "vitest";
import { hoverAt } from "../../../server/src/service/features/hover/index.ts";
import { CURSOR, fixture } from "./support.ts";

const TEXT = `segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16
  cni kindnet
  node n1 { attach lan 192.168.10.11 }
  namespace shop {
    pod web { labels app=web }
    deployment api replicas 3 {
      labels app=api tier=back
      listen 9090/tcp as http
    }
    pod open
    policy api {
      select app=api
      types ingress egress
      ingress from app=web to http
      ingress from namespaces team=ops
      egress to cidr 10.0.0.0/8 except [10.1.0.0/16] port 53/udp
    }
    policy closed { select tier in [back front] }
  }
}
`;

function hover(piece: string, inside = 1): string {
  const start = TEXT.indexOf(piece) + inside;
  const one = fixture(TEXT.slice(0, start) + CURSOR + TEXT.slice(start));
  return hoverAt(one.analysis, one.file, one.offset)?.markdown ?? "nothing";
}

describe("hovers on policies", () => {
  it("show the selected pods and the allowed traffic", () => {
    expect(hover("policy api", 8)).toMatchInlineSnapshot(`
      "**policy** \`shop/api\` · selects 3 pods by \`app=api\`

      \`shop/api\`

      **ingress**:

      - \`ingress from app=web to http/tcp\`
      - \`ingress from namespaces team=ops\`

      **egress**:

      - \`egress to cidr 10.0.0.0/8 except 10.1.0.0/16 port 53/udp\`"
    `);
    expect(hover("policy closed", 8)).toMatchInlineSnapshot(`
      "**policy** \`shop/closed\` · selects 3 pods by \`tier in [back front]\`

      \`shop/api\`

      **ingress**: this policy allows nothing

      **egress**: unaffected"
    `);
  });

  it("on a pod show the policies that isolate it", () => {
    expect(
      hover("deployment api", 12)
        .split("\n")
        .filter((line) => /gress/.test(line)),
    ).toMatchInlineSnapshot(`
      [
        "- ingress: \`policy shop/api\` and \`policy shop/closed\`",
        "- egress: \`policy shop/api\`",
      ]
    `);
    expect(
      hover("pod open", 5)
        .split("\n")
        .filter((line) => /gress/.test(line)),
    ).toMatchInlineSnapshot(`
      [
        "- ingress: open (no policy selects it)",
        "- egress: open (no policy selects it)",
      ]
    `);
  });

  it("on selector terms, ports, and prefixes show their value", () => {
    expect(hover("tier in", 1)).toContain("`tier in [back front]`");
    expect(hover("to http", 4)).toContain("port `http`");
    expect(hover("select app=api", 9)).toContain("`app=api`");
  });
});
