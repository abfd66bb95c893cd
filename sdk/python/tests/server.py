"""A server for tests: lays out a project in a temporary folder and talks to a real worker process."""

import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from frames import SDK, decode, dumps, encode

LIMITS = {
    "message_bytes": 262144,
    "socket_message_bytes": 32768,
    "response_bytes": 6291456,
    "value_bytes": 409600,
    "key_bytes": 2048,
    "log_lines": 10000,
    "log_bytes": 1048576,
    "log_line_bytes": 65536,
}
INVOCATION = "0190163d-8694-739b-aea5-966c26f8ad91"
TRACE = "0190163d-8694-739b-aea5-966c26f8ad92"
MESSAGE = "0190163d-8694-739b-aea5-966c26f8ad93"
# How long a test waits for what never comes.
PATIENCE = 30

FOLDERS = [
    ("route", re.compile(r"less/(apis/.+/(?:get|post|put|patch|delete))\.py")),
    ("subscriber", re.compile(r"less/(topics/[^/]+/[^/]+)/__init__\.py")),
    ("cron", re.compile(r"less/(crons/[^/]+)/__init__\.py")),
    ("function", re.compile(r"less/(functions/[^/]+)/__init__\.py")),
    ("socket", re.compile(r"less/(sockets/[^/]+/[^/]+)/__init__\.py")),
]


def now():
    return int(time.clock_gettime(time.CLOCK_MONOTONIC) * 1000)


def fresh():
    """Never stale, however slow the machine that runs the tests."""
    return now() + 3_600_000


class Case(unittest.TestCase):
    def serve(self, files, **options):
        """A worker that serves `files`, loaded; it ends with the test. `options`: limits, topics, functions, answer."""
        server = Server(self, files, **options)
        loaded = server.load()
        if loaded["problems"]:
            raise AssertionError(json.dumps(loaded["problems"], indent=2))
        return server

    def problems(self, files):
        return [(one["file"], one["message"]) for one in Server(self, files).load()["problems"]]


class Server:
    """`answer(call)`: fields of the Answer to a Call, or None to leave it open. By default all succeed."""

    def __init__(self, case, files, limits=None, topics=None, functions=(), sockets=(), answer=None, env=None):
        self.root = tempfile.mkdtemp(prefix="less-python-")
        case.addCleanup(shutil.rmtree, self.root)
        for name, content in files.items():
            path = os.path.join(self.root, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w" if isinstance(content, str) else "wb") as file:
                file.write(content)
        self.handlers = list(discover(files))
        own = {one["path"].split("/")[1] for one in self.handlers if one["kind"] == "subscriber"}
        self.topics = sorted(own) if topics is None else topics
        self.functions = [*functions, *(one["path"][10:] for one in self.handlers if one["kind"] == "function")]
        self.sockets = sorted({*sockets, *(one["path"].split("/")[1] for one in self.handlers if one["kind"] == "socket")})
        self.limits = {**LIMITS, **(limits or {})}
        self.answer = answer or (lambda call: {"ok": dumps({"id": f"m{call['call']}"})})
        self.frames = []
        self.kinds = {}
        self.next_id = 1
        self._start(case, env or {})

    def _start(self, case, env):
        ours, theirs = socket.socketpair()
        self.board = os.memfd_create("board")
        with tempfile.TemporaryFile() as output:
            self.output = os.dup(output.fileno())
        self.process = subprocess.Popen(
            [sys.executable, "-B", "-u", "-X", "utf8", os.path.join(SDK, "less/_worker/main.py")],
            cwd=self.root,
            env={
                "PATH": os.environ["PATH"],
                "LESS_FD": str(theirs.fileno()),
                "LESS_BOARD_FD": str(self.board),
                **env,
            },
            pass_fds=(theirs.fileno(), self.board),
            stdin=subprocess.DEVNULL,
            stdout=self.output,
            stderr=self.output,
        )
        theirs.close()
        self.socket = ours
        ours.settimeout(PATIENCE)
        self.pending = b""
        case.addCleanup(self._end)

    def _end(self):
        self.process.kill()
        self.process.wait()
        self.socket.close()
        os.close(self.board)
        os.close(self.output)

    def printed(self):
        """What reached the process's own streams."""
        return os.pread(self.output, 1 << 20, 0).decode()

    def send(self, *frames):
        self.socket.sendall(b"".join(map(encode, frames)))

    def read(self):
        data = self.socket.recv(1 << 20)
        if not data:
            raise EOFError(f"the worker ended; {self.printed()}")
        data = self.pending + data
        at = 0
        while len(data) - at >= 4:
            end = at + 4 + struct.unpack_from("<I", data, at)[0]
            if end > len(data):
                break
            self._take(decode(data[at + 4 : end], self.kinds.get))
            at = end
        self.pending = data[at:]

    def _take(self, frame):
        self.frames.append(frame)
        if frame["type"] == "call":
            answer = self.answer(frame)
            if answer:
                self.send({"type": "answer", "call": frame["call"], **answer})

    def frame(self, is_wanted):
        """The first frame, also of those that came already, that is wanted."""
        seen = 0
        while True:
            for frame in self.frames[seen:]:
                seen += 1
                if is_wanted(frame):
                    return frame
            self.read()

    def load(self, version=2):
        names = ("root", "handlers", "topics", "functions", "sockets", "limits")
        load = {"version": version, "project": "shop", **{name: getattr(self, name) for name in names}}
        self.send({"type": "load", "load": load})
        self.loaded = self.frame(lambda frame: frame["type"] == "loaded")
        return self.loaded

    def invocation(self, path, /, **given):
        """The fields of an Invoke; `path` names the handler, what else is given replaces defaults."""
        place = next(i for i, one in enumerate(self.handlers) if one["path"] == path)
        kind = {"route": "request", "function": "call", "socket": "call"}.get(self.handlers[place]["kind"], "message")
        number, self.next_id = self.next_id, self.next_id + 1
        self.kinds[number] = kind
        fields = {
            "type": "invoke", "id": number, "slot": number, "handler": place, "kind": kind, "invocation": INVOCATION,
            "trace": TRACE, "deadline": int(time.time() * 1000) + 30_000, "sent_at": fresh(),
        }  # fmt: skip
        if kind == "request":
            body = given.pop("body", b"")
            fields["body_hex"] = (body.encode() if isinstance(body, str) else body).hex()
            head = {"method": "POST", "path": "/", "headers": [], "query": [], "params": [], "is_base64": False}
            fields["head"] = {name: given.pop(name, value) for name, value in head.items()}
        else:
            if kind == "message":
                fields.update(message=MESSAGE, attempt=1, published_at=1700000000000)
            fields["payload"] = given.pop("payload", None) or dumps(given.pop("message", {}))
        return {**fields, **given}

    def begin(self, path, /, **given):
        invocation = self.invocation(path, **given)
        self.send(invocation)
        return invocation["id"]

    def run(self, path, /, **given):
        """Invokes and waits for the Reply."""
        return self.reply(self.begin(path, **given))

    def reply(self, number):
        return self.frame(lambda frame: frame["type"] == "reply" and frame["id"] == number)

    def returned(self, number):
        return self.frame(lambda frame: frame["type"] == "returned" and frame["id"] == number)

    def call_of(self, target):
        return self.frame(lambda frame: frame["type"] == "call" and frame["target"] == target)

    def request(self, path, /, **given):
        """Runs a route; the response with its headers as a dict and its body as text."""
        reply = self.run(path, **given)
        if reply["status"] != 0:
            raise AssertionError(reply["thrown"])
        response = reply["response"]
        body = bytes.fromhex(response["body_hex"]).decode()
        return {"status": response["status"], "headers": dict(map(tuple, response["headers"])), "body": body}

    def result(self, path, /, **given):
        """Runs a function; its result."""
        reply = self.run(path, **given)
        if reply["status"] != 0:
            raise AssertionError(reply["thrown"])
        return json.loads(reply["result"])

    def logs(self, number=None):
        return [one["text"] for one in self.frames if one["type"] == "log" and number in (None, one["id"])]

    def logged(self, text):
        """A log line, of whatever invocation, that contains this."""
        return self.frame(lambda frame: frame["type"] == "log" and text in frame["text"])

    def calls(self):
        return [frame for frame in self.frames if frame["type"] == "call"]

    def ping(self):
        """The answer to a Ping: all that the worker wrote before has come as well."""
        nonce, self.next_id = str(self.next_id), self.next_id + 1
        self.send({"type": "ping", "nonce": nonce})
        return self.frame(lambda frame: frame["type"] == "pong" and frame["nonce"] == nonce)

    def marked(self, slot):
        return struct.unpack("<Q", os.pread(self.board, 8, slot * 8).ljust(8, b"\0"))[0]

    def exited(self):
        return self.process.wait(PATIENCE)


def discover(files):
    """The handlers among a project's files, in alphabetical order."""
    for file in sorted(files):
        for kind, pattern in FOLDERS:
            found = pattern.fullmatch(file)
            if found:
                yield {"path": found.group(1), "file": file, "kind": kind}
