/** The command line: arguments to one command each; exit code 2 and one line for wrong usage (the contract). */
import { Command, CommanderError, InvalidArgumentError, Option } from "commander";
import { installLocale, localeOf } from "../bundles.ts";
import { VERSION } from "../version.ts";
import { check } from "./check.ts";
import { LabError, UsageError } from "./errors.ts";
import { explain } from "./explain.ts";
import { fmt } from "./fmt.ts";
import { lab } from "./lab.ts";
import { matrix } from "./matrix.ts";
import { routes } from "./routes.ts";
import { rules } from "./rules.ts";
import { trace } from "./trace.ts";

function integer(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isInteger(value) || value < least || value > most)
      throw new InvalidArgumentError(`a whole number from ${least} to ${most} is needed.`);
    return value;
  };
}

/** Builds the commands; `done` receives the exit code of the one that ran. */
function commands(done: (code: number) => void): Command {
  const program = new Command("knet");
  program
    .description(
      "Design, check and understand Kubernetes networks: analyses .knet topologies, traces packets through them.",
    )
    .version(VERSION)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "knet: ")) })
    .addHelpText(
      "after",
      "\nExit codes: 0 all well; 1 problems found (see each command); 2 wrong usage or a file that cannot be read.\nFILE may be - for standard input.",
    );

  program
    .command("check")
    .description("report the diagnostics of files and folders")
    .argument("[path...]", "files, or folders with .knet files (default: this folder)")
    .addOption(
      new Option("--format <format>", "how to print them").choices(["text", "json", "sarif", "github"]).default("text"),
    )
    .addOption(
      new Option("--fail-on <severity>", "exit with 1 from this severity on")
        .choices(["error", "warning"])
        .default("error"),
    )
    .addHelpText("after", "\nExample: knet check samples --format json")
    .action((paths, options) => done(check(paths, options)));

  program
    .command("trace")
    .description("follow one packet and its reply, hop by hop, over every path that it may take")
    .argument("<file>", "a .knet file")
    .argument("<from>", "pod, container, node, daemon, router or host: shop/web, prod/n1, p1/c1.1")
    .argument("<to>", "likewise, or an address")
    .addOption(
      new Option("--port <n>", "destination port (default: the first on which the target listens, else 80)").argParser(
        integer(1, 65535),
      ),
    )
    .addOption(
      new Option("--proto <proto>", "transport (default: that of the port, else tcp)").choices([
        "tcp",
        "udp",
        "sctp",
        "icmp",
      ]),
    )
    .addOption(new Option("--size <bytes>", "length of the IP packet").argParser(integer(28, 65535)))
    .option("--df", "set the don't-fragment bit (TCP sets it anyway)", false)
    .addOption(new Option("-4, --ipv4", "to the target's IPv4 address").conflicts("ipv6"))
    .addOption(
      new Option("-6, --ipv6", "to its IPv6 address (default: the family that the cluster names first)").conflicts(
        "ipv4",
      ),
    )
    .addOption(
      new Option("--format <format>", "how to print it")
        .choices(["text", "json", "mermaid", "svg", "html"])
        .default("text"),
    )
    .addHelpText(
      "after",
      "\nExit code 0: delivered and answered on every path.\nExample: knet trace samples/k1.knet p1/c1.1 10.1.2.1 --port 8080",
    )
    .action((file, from, to, options) =>
      done(
        trace(file, from, to, {
          port: undefined,
          proto: undefined,
          size: undefined,
          family: options.ipv4 === true ? 4 : options.ipv6 === true ? 6 : undefined,
          ...options,
        }),
      ),
    );

  program
    .command("routes")
    .description("print a namespace's addresses, routes, neighbours and forwarding entries as iproute2 prints them")
    .argument("<file>", "a .knet file")
    .argument("<where>", "node, pod, router or host")
    .addOption(new Option("--format <format>", "how to print them").choices(["text", "json", "fib"]).default("text"))
    .addHelpText(
      "after",
      "\nfib: the table of a Network Graph switch, [src sport dst dport action], first match decides.\nExample: knet routes samples/flannel-vxlan.knet node1",
    )
    .action((file, where, options) => done(routes(file, where, options)));

  program
    .command("matrix")
    .description("list who reaches whom on which ports")
    .argument("<file>", "a .knet file")
    .addOption(new Option("--from <sel>", "only these senders: shop, shop/web, app=web, 10.0.0.0/8"))
    .addOption(new Option("--to <sel>", "only these receivers"))
    .addOption(new Option("--by <unit>", "one row for each").choices(["workload", "pod"]).default("workload"))
    .option("--policy-only", "what network policies allow, without asking the data plane", false)
    .addOption(new Option("--format <format>", "how to print it").choices(["text", "json", "csv"]).default("text"))
    .addHelpText(
      "after",
      "\nA workload is listed where some of its pods reach some of the other's.\nExample: knet matrix samples/policy.knet --policy-only",
    )
    .action((file, options) => done(matrix(file, { from: undefined, to: undefined, ...options })));

  program
    .command("rules")
    .description("print a namespace's rules as iptables-save, nft, ipvsadm and ipset print them")
    .argument("<file>", "a .knet file")
    .argument("<where>", "node, pod, router or host")
    .addOption(new Option("--format <format>", "how to print them").choices(["text", "json"]).default("text"))
    .addHelpText("after", "\nExample: knet rules samples/services.knet n1")
    .action((file, where, options) => done(rules(file, where, options)));

  program
    .command("fmt")
    .description("format files in place; standard input (-) goes to standard output")
    .argument("<path...>", "files or folders")
    .option("--check", "change nothing, list unformatted files and exit with 1 if there are any", false)
    .action((paths, options) => done(fmt(paths, options)));

  program
    .command("explain")
    .description("explain a diagnostic, or list all")
    .argument("[code]", "KN101, or its name: pod-service-overlap")
    .action((code) => done(explain(code)));

  program
    .command("lab")
    .description("build the topology in network namespaces of this machine: a script, or a comparison with the kernel")
    .argument("<file>", "a .knet file")
    .option("--run", "build it, send packets, capture on every device, compare with the traces, remove it", false)
    .option("-o, --output <script>", "write the script there (default: standard output)")
    .addOption(
      new Option("--probes <n>", "random packets to send besides the file's expectations")
        .argParser(integer(0, 5000))
        .default(40),
    )
    .addOption(
      new Option("--seed <n>", "of the random packets").argParser(integer(0, Number.MAX_SAFE_INTEGER)).default(1),
    )
    .addOption(
      new Option("--nodes <n>", "build only so many nodes of each cluster (default: all)").argParser(integer(1, 10000)),
    )
    .addOption(
      new Option("--pods <n>", "build only so many pods of each node (default: all)").argParser(integer(0, 10000)),
    )
    .option("--name <name>", "name of the lab on this machine (default: the file's)")
    .option("--pcap <folder>", "keep the captures of --run there, a file for each namespace")
    .addHelpText(
      "after",
      "\nThe script is for root: sudo bash SCRIPT up | names | exec WHERE COMMAND | listen | down. So is --run.\nExit code 0: the script was written, or all is as predicted; 1: a difference, or the lab cannot be built.\nExample: sudo npx knet lab samples/flannel-vxlan.knet --run --probes 100 --seed 7",
    )
    .action(async (file, options) => done(await lab(file, options)));

  program
    .command("lsp")
    .description("run the language server")
    .option("--stdio", "talk over standard input and output (the only way, and the default)")
    .action(async () => {
      const { startStdio } = await import("../lsp/start.ts");
      startStdio();
    });

  program.on("command:*", (words: string[]) => {
    throw new UsageError(`there is no command ${words[0] ?? ""}; see knet --help`);
  });
  return program;
}

async function main(): Promise<void> {
  installLocale(localeOf(process.env));
  try {
    await commands((code) => {
      process.exitCode = code;
    }).parseAsync(process.argv);
  } catch (error) {
    if (error instanceof CommanderError) {
      // Help and version end well; everything else is wrong usage and was said already.
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    if (error instanceof UsageError) {
      process.stderr.write(`knet: ${error.message.split("\n").join(" ")}\n`);
      process.exitCode = 2;
      return;
    }
    if (error instanceof LabError) {
      process.stderr.write(`knet: ${error.message}\n`);
      process.exitCode = 1;
      return;
    }
    throw error;
  }
}

// A reader that closes early (`| head`) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(0);
  throw error;
});
void main();
