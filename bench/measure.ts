/** One measurement in its own process: `measure <name> [input]`; prints its results as JSON. */
import { locator } from "../server/src/cli/locate.ts";
import { parse } from "../server/src/frontends/knet/parser.ts";
import { policyMatrix } from "../server/src/kubernetes/matrix/matrix.ts";
import type { Analysis } from "../server/src/service/analysis.ts";
import { compare } from "../server/src/service/diff/diff.ts";
import { completionsAt } from "../server/src/service/features/completion/index.ts";
import { hoverAt } from "../server/src/service/features/hover/index.ts";
import { createService, type Service } from "../server/src/service/service.ts";
import { ask } from "../server/src/trace/trace.ts";
import { answers, steady, type Typed } from "./editing.ts";
import { type ClusterData, type InputName, inputs, largeData, serviceData, writtenOut } from "./generate.ts";
import { type Stroke, typists } from "./keystrokes.ts";
import { names } from "./names.ts";
import type { Result } from "./schema.ts";
import { result, timed } from "./statistics.ts";
import { dumps, formatting, largest, manyFiles, proofs, starts } from "./whole.ts";

const FILE = "bench.knet";
/** The built program, as published; `KNET_BENCH_PROGRAM` replaces it, such as with another version. */
const PROGRAM = process.env["KNET_BENCH_PROGRAM"] ?? "dist/knet.cjs";

/** Accumulates results, so the JIT compiler cannot remove unused work. */
let seen = 0;

function fresh(): Service {
  return createService({ resolveImport: () => undefined });
}

function analysed(service: Service): Analysis {
  const analysis = service.analysisOf(FILE);
  if (!analysis) throw new Error("no analysis of an open file");
  return analysis;
}

function findings(service: Service): void {
  seen += analysed(service).findings(() => false)?.length ?? 0;
}

/** From text to findings, without caches. */
function fullCheck(text: string): void {
  const service = fresh();
  service.setText(FILE, text);
  findings(service);
}

function repeat(times: number, work: (index: number) => void): number[] {
  return Array.from({ length: times }, (_, index) => timed(() => work(index)));
}

/* ---------------------------------------------------------------- measures */

function cold(input: InputName): Result[] {
  const text = inputs[input]();
  return [result(names.cold(input), "ms", [timed(() => fullCheck(text))])];
}

function check(input: InputName, times: number): Result[] {
  const text = inputs[input]();
  repeat(5, () => fullCheck(text));
  const parsing: number[] = [];
  const checking: number[] = [];
  for (let run = 0; run < times; run += 1) {
    parsing.push(timed(() => (seen += parse(text).text.length)));
    checking.push(timed(() => fullCheck(text)));
  }
  return [result(names.parse(input), "ms", parsing), result(names.check(input), "ms", checking)];
}

/** JSON.parse of the same data, alternating with the check: both run under the same machine load. */
function against(times: number): Result[] {
  const data = largeData();
  const text = writtenOut(data);
  const json = JSON.stringify(data);
  const read = (): void => {
    const value: unknown = JSON.parse(json);
    seen += typeof value === "object" ? 1 : 0;
  };
  repeat(5, () => fullCheck(text));
  repeat(20, read);
  const reading: number[] = [];
  const parsing: number[] = [];
  const checking: number[] = [];
  for (let run = 0; run < times; run += 1) {
    reading.push(...repeat(3, read));
    parsing.push(timed(() => (seen += parse(text).text.length)));
    checking.push(timed(() => fullCheck(text)));
  }
  return [
    result(names.json, "ms", reading),
    result(names.parse("written"), "ms", parsing),
    result(names.check("written"), "ms", checking),
  ];
}

function type(input: Typed, times: number): Result[] {
  const service = fresh();
  service.setText(FILE, inputs[input]());
  findings(service);
  const all: number[] = [];
  const each: Record<Stroke, number[]> = { address: [], port: [], label: [], line: [] };
  const warmUp = Math.max(40, Math.floor(times / 4));
  const typing = typists[input]();
  for (let run = 0; run < warmUp + times; run += 1) {
    const { stroke, edit } = typing.next().value;
    const one = edit(service.textOf(FILE) ?? "");
    const took = timed(() => {
      service.edit(FILE, [one]);
      findings(service);
    });
    if (run < warmUp) continue;
    all.push(took);
    each[stroke].push(took);
  }
  return [
    result(names.keystroke(input), "ms", all),
    ...(Object.keys(each) as Stroke[]).flatMap((stroke) =>
      each[stroke].length === 0 ? [] : [result(names.stroke(input, stroke), "ms", each[stroke])],
    ),
  ];
}

/** Runs `times` times as warm-up, then measures the same number of runs. */
function warmed(times: number, work: (index: number) => void): number[] {
  repeat(times, work);
  return repeat(times, (index) => work(index + times));
}

function podOf({ cluster, namespaces }: ClusterData, index: number): string {
  const space = namespaces[index % namespaces.length];
  const deployment = space?.deployments[index % space.deployments.length];
  return `${cluster}/${space?.name}/${deployment?.name}-${(index * 7) % (deployment?.replicas ?? 1)}`;
}

function serviceOf({ cluster, namespaces }: ClusterData, index: number): string {
  const space = namespaces[index % namespaces.length];
  return `${cluster}/${space?.name}/${space?.deployments[(index * 3) % space.deployments.length]?.name}`;
}

/** Traces between two endpoints; a packet that is not delivered is an error. */
function tracer(analysis: Analysis, ends: (index: number) => readonly [string, string]): (index: number) => void {
  const world = { topology: analysis.topology, network: analysis.network, locate: locator(analysis).source };
  return (index) => {
    const [from, to] = ends(index);
    const answer = ask(world, { from, to });
    if (!answer.ok) throw new Error(answer.error);
    if (answer.trace.verdict !== "delivered") throw new Error(`${from} to ${to}: ${answer.trace.verdict}`);
    seen += answer.journeys.length;
  };
}

/** Traces to services: a different pod and service each time. Each service has fifteen endpoints, so fifteen paths. */
function serviceTraces(times: number): Result[] {
  const data = serviceData();
  const service = fresh();
  service.setText(FILE, inputs.services());
  findings(service);
  const trace = tracer(analysed(service), (index) => [podOf(data, index), `${serviceOf(data, index * 31 + 11)}:80`]);
  return [
    result(names.firstServiceTrace, "ms", [timed(() => trace(4711))]),
    result(names.serviceTrace, "ms", warmed(times, trace)),
  ];
}

/** Policy-only matrix of all pairs of workloads. */
function matrix(times: number): Result[] {
  const text = inputs.policies();
  return [
    result(
      names.matrix,
      "ms",
      repeat(times, () => {
        const service = fresh();
        service.setText(FILE, text);
        const { topology } = analysed(service);
        const answer = policyMatrix(topology, { from: undefined, to: undefined, byPod: false });
        if (!answer.ok) throw new Error(answer.error);
        for (const { ports } of answer.pairs) seen += ports.tcp.length;
      }),
    ),
  ];
}

/** Two texts compared, without caches: a node less, a firewall that drops the tunnel, and the same text. */
function comparisons(times: number): Result[] {
  const text = inputs.written();
  const last = text.lastIndexOf("\n  node ");
  const changed = {
    node: text.slice(0, last) + text.slice(text.indexOf("\n  }\n", last) + 4),
    firewall: text.replace(/^router \S+ \{/m, (line) => `${line}\n  deny udp port 8472`),
    same: text,
  };
  return (Object.keys(changed) as (keyof typeof changed)[]).map((change) =>
    result(
      names.diff(change),
      "ms",
      repeat(times, () => {
        const sides = [text, changed[change]].map((one) => {
          const service = fresh();
          service.setText(FILE, one);
          return { name: FILE, analysis: analysed(service), locate: () => undefined };
        });
        const [before, after] = sides;
        if (!before || !after) throw new Error("no topology");
        const { connections, routes } = compare(before, after);
        const found = routes.removed.length + connections.removed.length > 0;
        if (found !== (change !== "same")) throw new Error(`${change}: not found`);
        seen += routes.classes.length;
      }),
    ),
  );
}

/** Queries to a finished analysis: a different pod and node each time. */
function queries(times: number): Result[] {
  const data = largeData();
  const service = fresh();
  service.setText(FILE, writtenOut(data));
  findings(service);
  const analysis = analysed(service);
  const text = service.textOf(FILE) ?? "";
  const trace = tracer(analysis, (index) => [podOf(data, index), `${podOf(data, index * 31 + 11)}:8080`]);
  const offset = (index: number, word: string, plus: number): number => {
    const node = data.nodes[(index * 1237) % data.nodes.length];
    return text.indexOf(word, text.indexOf(`node ${node?.name} {`)) + plus;
  };
  const words = ["node ", "attach ", "10.168.", "pod-cidr ", "labels "];
  const places = Array.from({ length: 2 * times }, (_, index) => offset(index, words[index % words.length] ?? "", 1));
  const gaps = places.map((_, index) =>
    offset(index, index % 2 === 0 ? "attach " : "pod-cidr", index % 2 === 0 ? 7 : 0),
  );
  const hover = (index: number): void => {
    seen += hoverAt(analysis, FILE, places[index] ?? 0)?.markdown.length ?? 0;
  };
  const complete = (index: number): void => {
    seen += completionsAt(analysis, FILE, gaps[index] ?? 0, { importable: () => [] }).items.length;
  };
  const warm = (work: (index: number) => void): number[] => warmed(times, work);
  return [
    result(names.firstTrace, "ms", [timed(() => trace(4711))]),
    result(names.trace, "ms", warm(trace)),
    result(names.hover, "ms", warm(hover)),
    result(names.completion, "ms", warm(complete)),
  ];
}

/** Memory of the whole process after one check, like `knet check`. `maxRSS` is in kilobytes. */
function memory(input: InputName): Result[] {
  fullCheck(inputs[input]());
  return [result(names.memory(input), "MB", [process.resourceUsage().maxRSS / 1024])];
}

/* -------------------------------------------------------------------- main */

function measure(name: string | undefined, input: InputName): Result[] {
  switch (name) {
    case "cold":
      return cold(input);
    case "check":
      return check(input, input === "services" || input === "policies" ? 5 : 15);
    case "against":
      return against(15);
    case "type":
      return type(typed(input), input === "small" ? 600 : 160);
    case "queries":
      return queries(150);
    case "service-traces":
      return serviceTraces(100);
    case "matrix":
      return matrix(3);
    case "diff":
      return comparisons(3);
    case "answers":
      return answers(typed(input), 120);
    case "steady":
      return steady(typed(input), input === "small" ? 1 : 20);
    case "starts":
      return starts(PROGRAM, 15);
    case "files":
      return manyFiles(PROGRAM, 2000);
    case "dumps":
      return dumps(PROGRAM, 50_000_000, 3);
    case "formatting":
      return formatting(8000, 15);
    case "largest":
      return largest(20);
    case "proofs":
      return proofs(5);
    case "memory":
      return memory(input);
    default:
      throw new Error(`unknown measurement "${name}"`);
  }
}

function inputNamed(name: string | undefined): InputName {
  return name !== undefined && isInput(name) ? name : "written";
}

function isInput(name: string): name is InputName {
  return Object.hasOwn(inputs, name);
}

function typed(input: InputName): Typed {
  if (input === "pools") throw new Error(`no keystrokes are defined for "${input}"`);
  return input;
}

const [name, input] = process.argv.slice(2);
const results = measure(name, inputNamed(input));
process.stdout.write(JSON.stringify({ results, seen }));
