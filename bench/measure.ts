/** One measurement in a process of its own: `measure <name> [input]`; prints its results as JSON. */
import { locator } from "../server/src/cli/output.ts";
import { parse } from "../server/src/language/parser.ts";
import type { Analysis } from "../server/src/service/analysis.ts";
import { completionsAt } from "../server/src/service/features/completion/index.ts";
import { hoverAt } from "../server/src/service/features/hover/index.ts";
import { createService, type Service } from "../server/src/service/service.ts";
import { ask } from "../server/src/trace/trace.ts";
import { answers, steady } from "./editing.ts";
import { type InputName, inputs, largeData, smallData, writtenOut } from "./generate.ts";
import { keystrokes, type Stroke } from "./keystrokes.ts";
import { names } from "./names.ts";
import type { Result } from "./schema.ts";
import { result, timed } from "./statistics.ts";

const FILE = "bench.knet";

/** Kept so that no work can be left out as unused. */
let seen = 0;

function fresh(): Service {
  return createService({ readFile: () => undefined, resolveImport: () => undefined });
}

function analysed(service: Service): Analysis {
  const analysis = service.analysisOf(FILE);
  if (!analysis) throw new Error("an open file has an analysis");
  return analysis;
}

function findings(service: Service): void {
  seen += analysed(service).findings(() => false)?.length ?? 0;
}

/** Everything from text, with nothing known before. */
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

/** The same data as JSON, in turn with the check, so that both meet the same neighbours on the machine. */
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

function type(input: InputName, times: number): Result[] {
  const data = input === "small" ? smallData() : largeData();
  const service = fresh();
  service.setText(FILE, inputs[input]());
  findings(service);
  const all: number[] = [];
  const each: Record<Stroke, number[]> = { address: [], label: [], line: [] };
  const warmUp = Math.max(40, Math.floor(times / 4));
  const typing = keystrokes(data.nodes.map(({ name }) => name));
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
    result(names.stroke(input, "address"), "ms", each.address),
    result(names.stroke(input, "label"), "ms", each.label),
    result(names.stroke(input, "line"), "ms", each.line),
  ];
}

/** What a reader asks of one finished analysis: another pod, another node each time. */
function questions(times: number): Result[] {
  const data = largeData();
  const service = fresh();
  service.setText(FILE, writtenOut(data));
  findings(service);
  const analysis = analysed(service);
  const text = service.textOf(FILE) ?? "";
  const world = { topology: analysis.topology, network: analysis.network, locate: locator(analysis).source };
  const pod = (index: number): string => {
    const space = data.namespaces[index % data.namespaces.length];
    const deployment = space?.deployments[index % space.deployments.length];
    return `${data.cluster}/${space?.name}/${deployment?.name}-${(index * 7) % (deployment?.replicas ?? 1)}`;
  };
  const trace = (index: number): void => {
    const answer = ask(world, { from: pod(index), to: `${pod(index * 31 + 11)}:8080` });
    if (!answer.ok) throw new Error(answer.error);
    if (answer.trace.verdict !== "delivered") throw new Error(`${pod(index)}: ${answer.trace.verdict}`);
    seen += answer.journeys.length;
  };
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
  const warm = (work: (index: number) => void): number[] => {
    repeat(times, work);
    return repeat(times, (index) => work(index + times));
  };
  return [
    result(names.firstTrace, "ms", [timed(() => trace(4711))]),
    result(names.trace, "ms", warm(trace)),
    result(names.hover, "ms", warm(hover)),
    result(names.completion, "ms", warm(complete)),
  ];
}

/** Of the whole process: one check, as `knet check` does it. `maxRSS` is in kilobytes. */
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
      return check(input, 15);
    case "against":
      return against(15);
    case "type":
      return type(input, input === "small" ? 600 : 160);
    case "questions":
      return questions(150);
    case "answers":
      return answers(input, 120);
    case "steady":
      return steady(input, input === "small" ? 1 : 20);
    case "memory":
      return memory(input);
    default:
      throw new Error(`there is no measurement "${name}"`);
  }
}

function inputNamed(name: string | undefined): InputName {
  return name === "pools" || name === "small" ? name : "written";
}

const [name, input] = process.argv.slice(2);
const results = measure(name, inputNamed(input));
process.stdout.write(JSON.stringify({ results, seen }));
