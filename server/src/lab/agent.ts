/**
 * The program that runs inside each namespace of a lab: listens as the topology says, and sends probes when told to. Text,
 * because it is written beside the lab's script and run by a plain Node. One JSON object a line in and out.
 */
export const AGENT = String.raw`
const net = require("node:net"), dgram = require("node:dgram"), { execFile } = require("node:child_process");
const say = (o) => process.stdout.write(JSON.stringify(o) + "\n");
const family = (ip) => (ip.includes(":") ? 6 : 4);
function listen({ proto, port, address }) {
  const done = () => say({ listening: port, proto });
  const fail = (e) => say({ listening: port, proto, error: e.code });
  if (proto === "tcp") {
    const server = net.createServer((s) => { s.on("error", () => {}); say({ accepted: (s.remoteAddress ?? "").replace("::ffff:", ""), port: s.remotePort, on: port }); });
    server.on("error", fail); server.listen({ port, host: address ?? "::" }, done);
  } else {
    const s = dgram.createSocket({ type: "udp6", reuseAddr: true });
    s.on("error", fail);
    s.on("message", (m, r) => { say({ accepted: r.address.replace("::ffff:", ""), port: r.port, on: port }); s.send("pong".padEnd(m.length, "."), r.port, r.address, () => {}); });
    s.bind(port, "::", done);
  }
}
function probe({ id, proto, src, dst, dport, sport, size, df, wait }) {
  let over = false;
  const end = (result) => { if (!over) { over = true; say({ id, ...result }); } };
  if (proto === "tcp") {
    const s = net.connect({ host: dst, port: dport, localPort: sport, ...(src ? { localAddress: src } : {}), family: family(dst) });
    const t = setTimeout(() => { s.destroy(); end({ result: "timeout" }); }, wait);
    s.on("connect", () => { clearTimeout(t); end({ result: "answered" }); s.resetAndDestroy(); });
    s.on("error", (e) => { clearTimeout(t); end({ result: "error", errno: e.code }); });
  } else if (proto === "udp") {
    const s = dgram.createSocket(family(dst) === 4 ? "udp4" : "udp6");
    const t = setTimeout(() => { s.close(); end({ result: "timeout" }); }, wait);
    const fail = (e) => { if (over) return; clearTimeout(t); end({ result: "error", errno: e.code }); s.close(); };
    s.on("error", fail);
    s.bind({ port: sport, ...(src ? { address: src } : {}) }, () => s.connect(dport, dst, (e) => {
      if (e) return fail(e);
      s.on("message", () => { clearTimeout(t); end({ result: "answered" }); s.close(); });
      s.send(Buffer.alloc(Math.max(1, (size ?? 60) - (family(dst) === 4 ? 28 : 48))), (e2) => { if (e2) fail(e2); });
    }));
  } else {
    const args = ["-c", "1", "-n", "-e", String(sport), "-W", String(wait / 1000), "-s", String(Math.max(0, (size ?? 84) - (family(dst) === 4 ? 28 : 48))), ...(size ? ["-M", df ? "do" : "dont"] : []), ...(src ? ["-I", src] : []), dst];
    execFile("ping", args, (e, out, err) => end({ result: e ? "error" : "answered", text: out + err }));
  }
}
let rest = "";
process.stdin.on("data", (d) => {
  rest += d;
  for (let i; (i = rest.indexOf("\n")) >= 0; rest = rest.slice(i + 1)) { const m = JSON.parse(rest.slice(0, i)); m.listen ? listen(m.listen) : probe(m.probe); }
});
process.stdin.on("end", () => process.exit(0));
say({ ready: true });
`;
