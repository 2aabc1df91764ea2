/** "Did you mean": the message and the first fix suggest the same name. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { catalog } from "../../../server/src/checks/catalog.ts";
import { check } from "../checks/harness.ts";
import { titles } from "./proven.ts";

const racks = (attach: string): string => `segment rack-a { cidr 10.168.0.0/24; gateway r }
segment rack-b { cidr 10.168.1.0/24; gateway r }
router r { attach rack-a 10.168.0.1; attach rack-b 10.168.1.1 }
host h { attach ${attach} }
`;
const message = (text: string): readonly string[] =>
  check(text)
    .filter(({ code }) => code === "KN012")
    .map(({ finding }) => finding.message);

describe("a segment that is not declared", () => {
  it("is the one that contains the address", () => {
    const text = racks("rack-c 10.168.1.10");
    expect(message(text)).toEqual(["segment `rack-c` is not declared; did you mean `rack-b`?"]);
    expect(titles(text, "KN012")).toEqual(["Change to `rack-b`"]);
  });

  it("is one of the equally near ones without an address", () => {
    const text = racks("rack-c");
    expect(message(text)).toEqual(["segment `rack-c` is not declared; did you mean `rack-a` or `rack-b`?"]);
    expect(titles(text, "KN012")).toEqual(["Change to `rack-a`", "Change to `rack-b`"]);
  });

  it("is the nearest one if no segment contains the address", () => {
    const text = racks("rack-bb 10.1.1.1");
    expect(message(text)).toEqual(["segment `rack-bb` is not declared; did you mean `rack-b`?"]);
    // The address would be outside of the segment.
    expect(titles(text, "KN012")).toEqual([]);
  });
});

describe("every suggestion", () => {
  const folder = new URL("../../../samples/broken/", import.meta.url);
  const files = readdirSync(folder)
    .filter((name) => name.endsWith(".knet"))
    .map((name) => readFileSync(new URL(name, folder), "utf8"));
  const examples = catalog.filter(({ example }) => example.language === undefined).map(({ example }) => example.bad);

  it("agrees with the first fix", () => {
    const disagreements = [...files, ...examples].flatMap((text) => {
      return check(text).flatMap(({ finding }) => {
        const [, suggested] = / did you mean (.*)\?$/.exec(finding.message) ?? [];
        const first = suggested === undefined ? undefined : titles(text, finding.code, finding.message)[0];
        const [, offered] = /`([^`]+)`$/.exec(first ?? "") ?? [];
        return offered === undefined || suggested?.includes(`\`${offered}\``) ? [] : [`${finding.message} / ${first}`];
      });
    });
    expect(disagreements).toEqual([]);
  });
});
