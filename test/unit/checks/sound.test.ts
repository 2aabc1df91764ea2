/**
 * Sound designs after the guides of vendors and projects: no finding of any severity. Each file starts with a comment that states
 * what it shows and its source; its expectations hold.
 */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { check, shown, world } from "./harness.ts";

const folder = new URL("./sound/", import.meta.url);
const files = readdirSync(folder).filter((one) => one.endsWith(".knet"));
const textOf = (name: string): string => readFileSync(new URL(name, folder), "utf8");

describe("sound designs", () => {
  it.each(files)("%s has no findings", (name) => {
    expect(check(textOf(name)).map(shown)).toEqual([]);
  });

  it.each(files)("%s states what it shows, its source, and what it expects", (name) => {
    const text = textOf(name);
    expect(text).toMatch(/^# .+[.:]\n(# .+\n)*# Source: .+\n/);
    expect(world(text).topology.expectations.length).toBeGreaterThan(0);
  });

  it("are at least 60", () => {
    expect(files.length).toBeGreaterThanOrEqual(60);
  });
});
