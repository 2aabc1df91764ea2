"""Listens on a loopback port in each network namespace, and passes connections to a port of this machine.

relay.py PORT TARGET_PORT NAMESPACE...     prints a line when it listens
"""

import asyncio
import ctypes
import os
import socket
import sys

CLONE_NEWNET = 0x40000000
libc = ctypes.CDLL(None, use_errno=True)


def enter(path):
    with open(path) as file:
        if libc.setns(file.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), path)


def listener(namespace, port):
    enter(f"/run/netns/{namespace}")
    try:
        found = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.bind(("127.0.0.1", port))
        found.listen()
        return found
    finally:
        enter(home)


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def main(port, target, namespaces):
    async def serve(reader, writer):
        try:
            there, back = await asyncio.open_connection("127.0.0.1", target)
        except OSError:
            writer.close()
            return
        await asyncio.gather(copy(reader, back), copy(there, writer))

    for namespace in namespaces:
        await asyncio.start_server(serve, sock=listener(namespace, port))
    print("ready", flush=True)
    await asyncio.Event().wait()


# This thread's network namespace remains reachable through an open file.
home = f"/proc/self/fd/{os.open('/proc/self/ns/net', os.O_RDONLY)}"
asyncio.run(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
