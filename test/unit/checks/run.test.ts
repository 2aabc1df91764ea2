import { describe, expect, it } from "vitest";
import type { Finding } from "../../../server/src/checks/check.ts";
import { runChecks } from "../../../server/src/checks/run.ts";
import { check, shown, world } from "./harness.ts";

const run = (text: string, cancelled = () => false): readonly Finding[] => runChecks({ ...world(text), cancelled });

describe("runChecks", () => {
  it("has nothing to say about an empty file", () => {
    expect(run("")).toEqual([]);
    expect(run("# nothing\n")).toEqual([]);
  });

  it("reports at most a thousand findings of a code, and how many more there are", () => {
    const found = run(`segment x { cidr 10.0.0.0/24 }\n${"nonsense\n".repeat(3000)}`);
    expect(found).toHaveLength(1001);
    expect(found.at(-1)).toMatchObject({
      code: "KN002",
      severity: "info",
      message: "there are 2,000 more findings like this one",
    });
  });

  it("stops when it is cancelled", () => {
    const text = "segment a { cidr 10.0.0.0/24 }\nsegment b { cidr 10.0.0.0/24 }\nrouter r { attach a; attach b }\n";
    expect(run(text).map(({ code }) => code)).toContain("KN107");
    expect(run(text, () => true)).toEqual([]);
  });

  it("puts causes before consequences", () => {
    const codes = run(`segment a { cidr 10.0.0.1/24; nonsense }
segment b { cidr 10.0.0.0/24 }
router r { attach a; attach b }
expect r -> 10.9.9.9 reachable
`).map(({ code }) => code);
    expect(codes).toEqual(["KN002", "KN014", "KN107", "KN701"]);
  });

  it("merges the problems of a pool's nodes", () => {
    const found = check(`segment lan { cidr 192.168.10.0/24; gateway 192.168.10.1 }
cluster prod {
  pods 10.244.0.0/16 per-node /24
  cni flannel { backend vxlan; iface eth5 }
  nodes w 1..50 { attach lan }
}
`);
    expect(found.map(shown)).toEqual([expect.stringMatching(/^KN224 error line 4: .* \(and 49 more here\)$/)]);
  });

  it("says nothing of what follows from a broken part", () => {
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

  it("places stray brackets at the top of a file", () => {
    for (const text of ["}", "\n\n}\n", "segment lan { cidr 10.0.0.0/24 }\n}\n"]) {
      expect(check(text).map(({ code, start }) => [code, start])).toEqual([["KN001", text.lastIndexOf("}")]]);
    }
  });
});
