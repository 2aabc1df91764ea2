/** BIRD daemons in network namespaces, and their control sockets. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";

export interface Daemon {
  /** The reply to a command of birdc, without the reply codes. */
  ask(command: string): Promise<string>;
  stop(): Promise<void>;
}

const PATIENCE = 60_000;

/** Daemons do not outlive this process. */
const children = new Set<ChildProcess>();
process.on("exit", () => {
  for (const child of children) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));

export async function startBird(netns: string, folder: string, index: number, conf: string): Promise<Daemon> {
  const file = join(folder, `${index}.conf`);
  const socket = join(folder, `${index}.ctl`);
  writeFileSync(file, conf);
  const child = spawn(
    "ip",
    ["netns", "exec", netns, "/usr/sbin/bird", "-f", "-c", file, "-s", socket, "-P", join(folder, `${index}.pid`)],
    {
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  children.add(child);
  child.on("exit", () => children.delete(child));
  const errors: Buffer[] = [];
  child.stderr.on("data", (data: Buffer) => errors.push(data));
  const started = performance.now();
  while (!existsSync(socket)) {
    if (child.exitCode !== null || performance.now() - started > PATIENCE) {
      child.kill();
      throw new Error(`bird in ${netns}: ${Buffer.concat(errors).toString().trim()}\n${conf}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return { ask: (command) => ask(socket, command), stop: () => stop(child) };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, "exit");
  child.kill("SIGTERM");
  await ended;
}

/** One command per connection. The reply ends with a line whose code is followed by a space. */
function ask(socket: string, command: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const client = connect(socket);
    let text = "";
    client.setEncoding("utf8");
    client.on("connect", () => client.write(`${command}\n`));
    client.on("data", (data: string) => {
      text += data;
      const lines = text.split("\n");
      const last = lines.at(-2);
      // The first line is the greeting.
      if (
        lines.length > 2 &&
        text.endsWith("\n") &&
        last !== undefined &&
        /^\d{4} /.test(last) &&
        lines.indexOf(last) > 0
      ) {
        client.end();
        resolve(
          lines
            .slice(1)
            .map((line) => line.replace(/^\d{4}[ -]|^[ +]/, ""))
            .join("\n"),
        );
      }
    });
    client.on("error", reject);
  });
}
