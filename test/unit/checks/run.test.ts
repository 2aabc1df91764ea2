import { describe, expect, it } from "vitest";
import { runChecks } from "../../../server/src/checks/run.ts";
import type { Finding } from "../../../server/src/findings/finding.ts";
import { check, shown, world } from "./harness.ts";

const run = (text: string, cancelled = () => false): readonly Finding[] => runChecks({ ...world(text), cancelled });

describe("runChecks", () => {
  it("has no findings for an empty file", () => {
    expect(run("")).toEqual([]);
    expect(run("# nothing\n")).toEqual([]);
  });

  it("reports at most 1,000 findings per code, and the number of omitted findings", () => {
    const found = run(`segment x { cidr 10.0.0.0/24 }\n${"nonsense\n".repeat(3000)}`);
    expect(found).toHaveLength(1001);
    expect(found.at(-1)).toMatchObject({
      code: "KN002",
      severity: "info",
      message: "2,000 more diagnostics of this kind are not shown",
    });
  });

  it("stops when it is canceled", () => {
    const text = "segment a { cidr 10.0.0.0/24 }\nsegment b { cidr 10.0.0.0/24 }\nrouter r { attach a; attach b }\n";
    expect(run(text).map(({ code }) => code)).toContain("KN107");
    expect(run(text, () => true)).toEqual([]);
  });

  it("reports causes before consequences", () => {
    const codes = run(`segment a { cidr 10.0.0.1/24; nonsense }
segment b { cidr 10.0.0.0/24 }
router r { attach a; attach b }
expect r -> 10.9.9.9 reachable
`).map(({ code }) => code);
    expect(codes).toEqual(["KN002", "KN014", "KN107", "KN701"]);
  });

  it("merges the problems of the nodes of a pool", () => {
    const found = check(`segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  cni flannel { backend vxlan; iface eth5 }
  nodes w 1..50 { attach lan }
}
`);
    expect(found.map(shown)).toEqual([
      expect.stringMatching(/^KN224 error line 4: .* \(49 more like this at this location\)$/),
    ]);
  });

  it("does not report consequences of an invalid argument", () => {
    const found = check(`segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  cni flannel { backend vxlam }
  nodes w 1..3 { attach lan }
  daemonset agent
}
`);
    expect(found.map(({ code }) => code)).toEqual(["KN006"]);
  });

  it("locates unmatched braces at the top level of a file", () => {
    for (const text of ["}", "\n\n}\n", "segment lan { cidr 10.0.0.0/24 }\n}\n"]) {
      expect(check(text).map(({ code, start }) => [code, start])).toEqual([["KN001", text.lastIndexOf("}")]]);
    }
  });
});
