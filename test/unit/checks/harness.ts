/** Text → findings, like the service. */

import { runChecks } from "../../../server/src/checks/run.ts";
import { modeAddressing } from "../../../server/src/cni/modes.ts";
import { buildNetwork } from "../../../server/src/cni/network.ts";
import type { Network } from "../../../server/src/dataplane/model.ts";
import type { Document } from "../../../server/src/declared/document.ts";
import { STATE_TOPOLOGY } from "../../../server/src/findings/examples/state.ts";
import type { Finding } from "../../../server/src/findings/finding.ts";
import { readState } from "../../../server/src/frontends/hoststate/index.ts";
import { knetDocument } from "../../../server/src/frontends/knet/document.ts";
import { parse } from "../../../server/src/frontends/knet/parser.ts";
import { kubernetesFrontEnd } from "../../../server/src/frontends/kubernetes/document.ts";
import { kubernetes } from "../../../server/src/kubernetes/contribute.ts";
import { lineIndex } from "../../../server/src/text/line-index.ts";
import { buildTopology } from "../../../server/src/topology/build.ts";
import type { Topology } from "../../../server/src/topology/model.ts";

export interface Found {
  readonly code: string;
  readonly start: number;
  readonly end: number;
  readonly line: number;
  readonly finding: Finding;
}

export interface World {
  readonly files: readonly Document[];
  readonly topology: Topology;
  readonly network: Network;
}

export function world(text: string): World {
  return worldOf([knetDocument("test.knet", parse(text))]);
}

function worldOf(files: readonly Document[]): World {
  const topology = buildTopology(files, modeAddressing);
  return { files, topology, network: buildNetwork(topology, kubernetes()) };
}

/** `failures`: as with `check --failures 1`. */
export function check(text: string, failures = false): readonly Found[] {
  return checkWorld(world(text), text, failures);
}

/** The same for Kubernetes manifests. */
export function checkManifests(text: string): readonly Found[] {
  return checkWorld(worldOf([kubernetesFrontEnd.read("test.yaml", text)]), text);
}

/** The output of a command on a machine of `STATE_TOPOLOGY`; the first line names its file. */
export function checkState(text: string): readonly Found[] {
  const { files, topology, network } = world(STATE_TOPOLOGY);
  const file = /^# (\S+)/.exec(text)?.[1] ?? "";
  const state = readState([{ file, text }]);
  const context = { files, topology, network, state, cancelled: () => false };
  const lines = lineIndex(text);
  return runChecks(context, { extra: state.problems }).map((finding) => {
    const span = finding.span ?? state.documents[0]?.spanOf(finding.source);
    if (!span) throw new Error(`${finding.code} has no place: ${finding.message}`);
    return { code: finding.code, ...span, line: lines.positionAt(span.start).line + 1, finding };
  });
}

function checkWorld({ files, topology, network }: World, text: string, failures = false): readonly Found[] {
  const [file] = files;
  if (!file) throw new Error("no file");
  const extra = file.problems();
  const findings = runChecks({ files, topology, network, cancelled: () => false }, { extra, failures });
  const lines = lineIndex(text);
  return findings.map((finding) => {
    const span = finding.span ?? file.spanOf(finding.source);
    if (!span) throw new Error(`${finding.code} has no place: ${finding.message}`);
    return {
      code: finding.code,
      start: span.start,
      end: span.end,
      line: lines.positionAt(span.start).line + 1,
      finding,
    };
  });
}

export function serious(found: readonly Found[]): readonly Found[] {
  return found.filter(({ finding }) => finding.severity === "error" || finding.severity === "warning");
}

export function shown({ code, line, finding }: Found): string {
  return `${code} ${finding.severity} line ${line}: ${finding.message}`;
}
