/**
 * The command line: one function per command; exit code 2 and one line on standard error for invalid usage. A command's code is
 * loaded when the command runs.
 */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { installLocale, localeOf } from "../bundles.ts";
import { t } from "../text/l10n.ts";
import { VERSION } from "../version.ts";
import { LabError, UsageError } from "./errors.ts";
import { EXPORT_FORMATS } from "./export-formats.ts";
import { KERNELS } from "./kernels.ts";
import { complain, sayError, writeOut } from "./output.ts";
import { usageText } from "./usage.ts";
import { WORKER_COMMAND } from "./worker-command.ts";

function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(t`expected a whole number from ${least} to ${most}`);
    return value;
  };
}

/** "2/5": the second of five shards. */
function shard(text: string): { readonly index: number; readonly count: number } {
  const [, index = 0, count = 0] = (/^([1-9]\d{0,5})\/([1-9]\d{0,5})$/.exec(text) ?? []).map(Number);
  if (index < 1 || index > count)
    throw new InvalidArgumentError(t`expected I/N, with I from 1 to N and N up to 999999, such as 1/4`);
  return { index, count };
}

function unknownCommand(name: string): UsageError {
  return new UsageError(t`unknown command \`${name}\`; run \`knet --help\``);
}

/** Of all commands that read a topology. */
function versionOption(): Option {
  return new Option("--kubernetes-version <release>", t`Kubernetes release of clusters that do not state one (1.34)`);
}

/** The last line of a command's help. */
function example(command: string): string {
  return `\n${t`Example: ${command}`}`;
}

function stateOption(): Option {
  return new Option(
    "--state <path>",
    t`state of real machines, to compare with the topology: the folder of \`knet collect\``,
  );
}

function realOption(): Option {
  return new Option("--real", t`print the real state instead of the derived state (requires --state)`).default(false);
}

/** Receives the exit code of the command that ran. */
type Done = (code: number) => void;

/** In the order of the help text. */
const COMMANDS: readonly ((program: Command, done: Done) => void)[] = [
  addCheck,
  addWorker,
  addTrace,
  addRoutes,
  addMatrix,
  addDiff,
  addRules,
  addPlan,
  addFmt,
  addExplain,
  addImport,
  addExport,
  addCollect,
  addLab,
  addLsp,
];

function commands(done: Done): Command {
  const program = new Command("knet");
  program
    .description(t`Design, check, and understand Kubernetes networks: analyze .knet topologies and trace packets.`)
    .version(VERSION)
    .exitOverride()
    .configureOutput({
      writeOut,
      writeErr: sayError,
      outputError: (text) => complain(usageText(text.trimEnd().replace(/^error: /, ""))),
    })
    .addHelpText(
      "after",
      `\n${t`Exit codes: 0 success; 1 problems found (see each command); 2 invalid usage, or a file that cannot be read.`}\n${t`FILE can be - (standard input). Kubernetes manifests can be in an archive: tar, tar.gz, gz, or zip.`}`,
    );
  for (const add of COMMANDS) add(program, done);
  program.on("command:*", (words: string[]) => {
    throw unknownCommand(words[0] ?? "");
  });
  return program;
}

function addCheck(program: Command, done: Done): void {
  program
    .command("check")
    .description(t`Check files or folders and report diagnostics`)
    .argument("[path...]", t`files, archives, or folders (default: current folder)`)
    .addOption(
      new Option("--format <format>", t`output format`)
        .choices(["text", "json", "sarif", "github", "junit"])
        .default("text"),
    )
    .addOption(
      new Option("--fail-on <severity>", t`minimum severity that causes exit code 1`)
        .choices(["error", "warning"])
        .default("error"),
    )
    .addOption(new Option("--no-fixes", t`do not verify and report fixes (faster)`))
    .addOption(versionOption())
    .addOption(
      new Option("--shard <i/n>", t`check part I of N of the topologies, for N parallel jobs (1/4)`).argParser(shard),
    )
    .addOption(stateOption())
    .addOption(
      new Option(
        "--failures <n>",
        t`evaluate expectations and node pairs again after every N failures of links, machines, or BGP sessions (1)`,
      ).argParser(integer(1, 1)),
    )
    .addHelpText("after", example("knet check samples --format json"))
    .action(async (paths, options) => {
      const { check } = await import("./check.ts");
      done(await check(paths, options));
    });
}

function addWorker(program: Command): void {
  program.command(WORKER_COMMAND, { hidden: true }).action(async () => {
    const { answerRequests } = await import("./check-worker.ts");
    if (!answerRequests()) throw unknownCommand(WORKER_COMMAND);
  });
}

function addTrace(program: Command, done: Done): void {
  program
    .command("trace")
    .description(t`Trace a packet and its reply, hop by hop, over all paths`)
    .argument("<file>", t`.knet file, or Kubernetes manifests: a YAML or JSON file or a folder (- for standard input)`)
    .argument("<from>", t`source: pod, container, node, daemon, router, or host (shop/web, prod/n1, pod/web)`)
    .argument(
      "<to>",
      t`destination: same as source, or a service (service/web), DNS name, URL, or address; with a port: api:80, dns:53/udp`,
    )
    .addOption(
      new Option(
        "--port <n>",
        t`destination port (default: the first port that the target listens on, or 80)`,
      ).argParser(integer(1, 65535)),
    )
    .addOption(
      new Option("--proto <proto>", t`transport protocol (default: the protocol of the port, or tcp)`).choices([
        "tcp",
        "udp",
        "sctp",
        "icmp",
      ]),
    )
    .addOption(new Option("--size <bytes>", t`IP packet size in bytes`).argParser(integer(28, 65535)))
    .option("--df", t`set the don't-fragment bit (always set for TCP and SCTP, and without --size)`, false)
    .addOption(new Option("-4, --ipv4", t`use the target's IPv4 address`).conflicts("ipv6"))
    .addOption(
      new Option("-6, --ipv6", t`use the target's IPv6 address (default: the cluster's first family)`).conflicts(
        "ipv4",
      ),
    )
    .addOption(
      new Option("--format <format>", t`output format`)
        .choices(["text", "json", "mermaid", "svg", "html"])
        .default("text"),
    )
    .addOption(stateOption())
    .addOption(
      new Option("--on <state>", t`state to trace over (default: both with --state, else derived)`).choices([
        "derived",
        "real",
        "both",
      ]),
    )
    .addOption(versionOption())
    .addHelpText(
      "after",
      `\n${t`Exit code 0: delivered, and the reply is received, on every path.`}${example("knet trace samples/k1.knet p1/c1.1 10.1.2.1 --port 8080")}`,
    )
    .action(async (file, from, to, options) => {
      const { trace } = await import("./trace.ts");
      done(
        trace(file, from, to, {
          port: undefined,
          proto: undefined,
          size: undefined,
          family: options.ipv4 === true ? 4 : options.ipv6 === true ? 6 : undefined,
          state: undefined,
          on: undefined,
          ...options,
        }),
      );
    });
}

function addRoutes(program: Command, done: Done): void {
  program
    .command("routes")
    .description(
      t`Print addresses, routes, neighbor entries, and FDB entries of a network namespace, in iproute2 format`,
    )
    .argument("<file>", t`.knet file, or Kubernetes manifests: a YAML or JSON file or a folder (- for standard input)`)
    .argument("<where>", t`node, pod, router, or host`)
    .addOption(new Option("--format <format>", t`output format`).choices(["text", "json", "fib"]).default("text"))
    .addOption(stateOption())
    .addOption(realOption())
    .addOption(versionOption())
    .addHelpText(
      "after",
      `\n${t`fib: one table with rows of src, sport, dst, dport, and action, in the notation of the Network Graph (samples/k1.knet); the first matching row applies.`}${example("knet routes samples/flannel-vxlan.knet node1")}`,
    )
    .action(async (file, where, options) => {
      const { routes } = await import("./routes.ts");
      done(routes(file, where, options));
    });
}

function addMatrix(program: Command, done: Done): void {
  program
    .command("matrix")
    .description(t`Print which workloads can reach which others, and on which ports`)
    .argument("<file>", t`.knet file, or Kubernetes manifests: a YAML or JSON file or a folder (- for standard input)`)
    .addOption(new Option("--from <sel>", t`source filter: shop, shop/web, pod/web, app=web, 10.0.0.0/8`))
    .addOption(new Option("--to <sel>", t`destination filter`))
    .addOption(new Option("--by <unit>", t`unit of rows and columns`).choices(["workload", "pod"]).default("workload"))
    .option("--policy-only", t`evaluate network policies only, ignoring the data plane`, false)
    .addOption(new Option("--format <format>", t`output format`).choices(["text", "json", "csv"]).default("text"))
    .addOption(versionOption())
    .addHelpText(
      "after",
      `\n${t`Two workloads are listed if any pod of one can reach any pod of the other.`}${example("knet matrix samples/policy.knet --policy-only")}`,
    )
    .action(async (file, options) => {
      const { matrix } = await import("./matrix.ts");
      done(matrix(file, { from: undefined, to: undefined, ...options }));
    });
}

function addDiff(program: Command, done: Done): void {
  program
    .command("diff")
    .description(t`Print the connections, routes, rules, and findings that a change adds and removes`)
    .argument(
      "<old>",
      t`.knet file, or Kubernetes manifests: a YAML or JSON file or a folder, also of a git revision (HEAD~1:prod.knet, main:deploy)`,
    )
    .argument("<new>", t`the same (- for standard input)`)
    .addOption(new Option("--format <format>", t`output format`).choices(["text", "json", "markdown"]).default("text"))
    .addOption(versionOption())
    .addHelpText(
      "after",
      `\n${t`markdown: for a comment on a pull request. Exit code 0: no change; 1: changes.`}${example("knet diff HEAD:samples/policy.knet samples/policy.knet")}`,
    )
    .action(async (before, after, options) => {
      const { diff } = await import("./diff.ts");
      done(diff(before, after, options));
    });
}

function addRules(program: Command, done: Done): void {
  program
    .command("rules")
    .description(t`Print the rules of a network namespace, in iptables-save, nft, ipvsadm, and ipset format`)
    .argument("<file>", t`.knet file, or Kubernetes manifests: a YAML or JSON file or a folder (- for standard input)`)
    .argument("<where>", t`node, pod, router, or host`)
    .addOption(new Option("--format <format>", t`output format`).choices(["text", "json"]).default("text"))
    .addOption(stateOption())
    .addOption(realOption())
    .addOption(versionOption())
    .addHelpText("after", example("knet rules samples/services.knet n1"))
    .action(async (file, where, options) => {
      const { rules } = await import("./rules.ts");
      done(rules(file, where, options));
    });
}

function addPlan(program: Command, done: Done): void {
  program
    .command("plan")
    .description(
      t`Print how full every range is, and how many nodes and pods other prefix lengths per node would allow`,
    )
    .argument("<file>", t`.knet file, or Kubernetes manifests: a YAML or JSON file or a folder (- for standard input)`)
    .addOption(
      new Option("--format <format>", t`output format (csv: the ranges)`)
        .choices(["text", "json", "csv"])
        .default("text"),
    )
    .addOption(versionOption())
    .addHelpText("after", example("knet plan samples/flannel-vxlan.knet"))
    .action(async (file, options) => {
      const { plan } = await import("./plan.ts");
      done(plan(file, options));
    });
}

function addFmt(program: Command, done: Done): void {
  program
    .command("fmt")
    .description(t`Format files in place (- formats standard input to standard output)`)
    .argument("<path...>", t`files or folders`)
    .option("--check", t`list unformatted files without changing them; exit code 1 if there are any`, false)
    .action(async (paths, options) => {
      const { fmt } = await import("./fmt.ts");
      done(fmt(paths, options));
    });
}

function addExplain(program: Command, done: Done): void {
  program
    .command("explain")
    .description(t`Explain a diagnostic, or list all diagnostics`)
    .argument("[code]", t`diagnostic code or name (KN101, pod-service-overlap)`)
    .action(async (code) => {
      const { explain } = await import("./explain.ts");
      done(explain(code));
    });
}

function addImport(program: Command, done: Done): void {
  program
    .command("import")
    .description(t`Convert Kubernetes manifests or a dump to a .knet file`)
    .argument("<source...>", t`YAML or JSON files, archives, or folders of them (- for standard input)`)
    .option("-o, --output <file>", t`output file (default: -, standard output)`)
    .addHelpText(
      "after",
      `\n${t`Values that the source does not show are defaults; they are listed on standard error and at the top of the file.`}\n${t`Exit code 0: every object was converted; 1: some were not.`}${example("kubectl get nodes,ns,pods,svc,netpol,cm -A -o json | npx knet import - -o prod.knet")}`,
    )
    .action(async (sources, options) => {
      const { importFiles } = await import("./import.ts");
      done(importFiles(sources, options.output));
    });
}

function addExport(program: Command, done: Done): void {
  program
    .command("export")
    .description(t`Convert a topology to Kubernetes objects, configuration files, a diagram, or ip commands`)
    .argument("<file>", t`.knet file, or Kubernetes manifests: a YAML or JSON file or a folder (- for standard input)`)
    .addOption(new Option("--to <format>", t`output format`).choices(EXPORT_FORMATS).makeOptionMandatory())
    .option("-o, --output <dir>", t`output directory (default: standard output, if the output is one file)`)
    .option(
      "--from-expectations",
      t`with networkpolicy: least-privilege policies for the file's expectations (default if the file has no policies)`,
    )
    .addOption(versionOption())
    .addHelpText(
      "after",
      `\n${t`What the format cannot express is listed on standard error.`}${example("npx knet export samples/flannel-vxlan.knet --to net-conf")}`,
    )
    .action(async (file, options) => {
      const { exportFile } = await import("./export.ts");
      done(exportFile(file, { output: undefined, ...options }));
    });
}

function addCollect(program: Command, done: Done): void {
  program
    .command("collect")
    .description(t`Print a script that collects what knet reads from a cluster, without Secrets (POSIX sh, kubectl)`)
    .option("--nodes", t`also collect the state of the nodes, with kubectl debug or ssh`, false)
    .option("-o, --output <script>", t`output file for the script (default: -, standard output)`)
    .addHelpText(
      "after",
      `\n${t`The script writes one folder: cluster/KIND.json, and with --nodes also nodes/NODE/COMMAND.txt or .json.`}${example("npx knet collect --nodes -o collect.sh && sh collect.sh prod")}`,
    )
    .action(async (options) => {
      const { collect } = await import("./collect.ts");
      done(collect({ output: undefined, ...options }));
    });
}

function addLab(program: Command, done: Done): void {
  program
    .command("lab")
    .description(
      t`Build the topology in network namespaces and compare it with the kernel, or print the script that builds it`,
    )
    .argument("<file>", t`.knet file, or Kubernetes manifests: a YAML or JSON file or a folder (- for standard input)`)
    .option(
      "--run",
      t`build, send packets, capture on every device, compare with the traces, and clean up (requires root)`,
      false,
    )
    .addOption(
      new Option(
        "--kernel <kernel>",
        t`kernel for --run: this machine's, User-Mode Linux, or Debian's full kernel in QEMU (slow)`,
      )
        .choices(KERNELS)
        .default("host"),
    )
    .option("-o, --output <script>", t`output file for the script (default: -, standard output)`)
    .addOption(
      new Option("--probes <n>", t`number of random packets, in addition to the file's expectations`)
        .argParser(integer(0, 5000))
        .default(40),
    )
    .addOption(
      new Option("--seed <n>", t`seed for the random packets`)
        .argParser(integer(0, Number.MAX_SAFE_INTEGER))
        .default(1),
    )
    .addOption(
      new Option("--nodes <n>", t`maximum number of nodes to build per cluster (default: all)`).argParser(
        integer(1, 10000),
      ),
    )
    .addOption(
      new Option("--pods <n>", t`maximum number of pods to build per node (default: all)`).argParser(integer(0, 10000)),
    )
    .option("--name <name>", t`lab name on this machine (default: the file name)`)
    .option("--pcap <folder>", t`folder for the captures of --run, one file per network namespace`)
    .addOption(versionOption())
    .addHelpText(
      "after",
      `\n${t`The script requires root: sudo bash SCRIPT up | names | exec WHERE COMMAND | listen | down. So does --run.`}\n${t`Exit code 0: the script was written, or every packet was as predicted; 1: a packet differed, or the lab cannot be built.`}${example("sudo npx knet lab samples/flannel-vxlan.knet --run --probes 100 --seed 7")}`,
    )
    .action(async (file, options, command) => {
      const { lab } = await import("./lab.ts");
      const stated = new Set(Object.keys(options).filter((name) => command.getOptionValueSource(name) === "cli"));
      done(await lab(file, options, stated));
    });
}

function addLsp(program: Command): void {
  program
    .command("lsp")
    .description(t`Run the language server`)
    .option("--stdio", t`use standard input and output (the only transport, and the default)`)
    .action(async () => {
      await import("../lsp/main.ts");
    });
}

async function main(): Promise<void> {
  installLocale(localeOf(process.env));
  try {
    await commands((code) => {
      process.exitCode = code;
    }).parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version are successes; commander has already printed every other error.
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    if (error instanceof UsageError) {
      complain(error.message.split("\n").join(" "));
      process.exitCode = 2;
      return;
    }
    if (error instanceof LabError) {
      sayError(`knet: ${error.message}\n`);
      process.exitCode = 1;
      return;
    }
    throw error;
  }
}

void main();
