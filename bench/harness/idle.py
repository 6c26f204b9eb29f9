"""Idle websockets: an API that takes them and says nothing, and clients that sign in and wait. Only what the handshake
and short frames need (RFC 6455), by hand, so that nothing has to be installed."""

import asyncio
import base64
import hashlib
import json
import os
import resource
import struct
import sys

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
# Streams that are being opened at once.
ABREAST = 64


def raise_limit(files):
    """As many open files as are needed, or as many as the machine allows; how many that is."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard not in (resource.RLIM_INFINITY,) and hard < files:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        except (ValueError, OSError):
            files = hard
    if soft < files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, max(hard, files)))
    return files


def frame(opcode, payload, masked):
    """One unfragmented frame with a short payload."""
    head = bytes([0x80 | opcode])
    bit = 0x80 if masked else 0
    head += bytes([bit | len(payload)]) if len(payload) < 126 else bytes([bit | 126]) + struct.pack("!H", len(payload))
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


async def read_frame(reader):
    """Opcode and payload."""
    first, second = await reader.readexactly(2)
    length = second & 0x7F
    if length == 126:
        (length,) = struct.unpack("!H", await reader.readexactly(2))
    mask = await reader.readexactly(4) if second & 0x80 else bytes(4)
    payload = await reader.readexactly(length)
    return first & 0x0F, bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


async def silent(reader, writer):
    """The API's end: agrees to everything, answers pings, says nothing."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        names = {line.split(b": ", 1)[0].lower(): line.split(b": ", 1)[1] for line in head.split(b"\r\n")[1:-2]}
        if b"mandate-identity" not in fields or b"apca-api-secret-key" in fields:
            raise ValueError("a stream without the signed identity, or with the client's secret")
        accept = base64.b64encode(hashlib.sha1(names[b"sec-websocket-key"] + GUID).digest())
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                     b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n")
        while True:
            opcode, payload = await read_frame(reader)
            if opcode == 9:
                writer.write(frame(10, payload, masked=False))
            elif opcode == 8:
                break
    except (OSError, EOFError):
        pass
    writer.close()


async def upstream(port):
    server = await asyncio.start_server(silent, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


class Idle:
    """Clients that have signed in and wait."""

    def __init__(self, host, path):
        self.host, self.path = host, path
        self.address, _, self.port = host.rpartition(":")
        self.open, self.writers, self.ended = 0, {}, asyncio.Queue()

    async def one(self, key, secret):
        reader, writer = await asyncio.open_connection(self.address, int(self.port))
        nonce = base64.b64encode(os.urandom(16)).decode()
        writer.write((f"GET {self.path} HTTP/1.1\r\nHost: {self.host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                      f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {nonce}\r\n\r\n").encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            raise RuntimeError(head.decode(errors="replace"))
        await read_frame(reader)
        login = json.dumps({"action": "auth", "key": key, "secret": secret}).encode()
        writer.write(frame(1, login, masked=True))
        _, said = await read_frame(reader)
        if b'"authenticated"' not in said:
            raise RuntimeError(said.decode(errors="replace"))
        self.open += 1
        self.writers[key] = writer
        asyncio.get_running_loop().create_task(self.wait(reader, writer, key))

    async def wait(self, reader, writer, key):
        try:
            while True:
                opcode, payload = await read_frame(reader)
                if opcode == 9:
                    writer.write(frame(10, payload, masked=True))
                elif opcode == 8:
                    break
        except (OSError, EOFError):
            pass
        self.open -= 1
        del self.writers[key]
        self.ended.put_nowait(key)

    async def all(self, keys):
        turn = asyncio.Semaphore(ABREAST)

        async def in_turn(key):
            async with turn:
                await self.one(*key)
        await asyncio.gather(*map(in_turn, keys))

    def subscribe(self, count):
        """So many of those that are open ask the API for something."""
        asked = json.dumps({"action": "subscribe", "trades": ["AAPL"]}).encode()
        for writer in list(self.writers.values())[:count]:
            writer.write(frame(1, asked, masked=True))


if __name__ == "__main__":
    raise_limit(100_000)
    asyncio.run(upstream(int(sys.argv[1])))
