import json
import os
import random
import socket
import struct
import unittest

import frames
from less._worker import codec
from less._worker.connection import Connection

GOLDEN = os.path.join(os.path.dirname(__file__), "../../../crates/less-protocol/golden/frames.json")
SERVICES = {name: number for number, name in frames.SERVICES.items()}


def golden(direction):
    with open(GOLDEN, encoding="utf-8") as file:
        return [one for one in json.load(file) if one["direction"] == direction]


def encoded(fields):
    """What the worker writes for these fields."""
    kind, number = fields["type"], fields.get("id")
    if kind == "loaded":
        return codec.loaded(fields["problems"], fields.get("exclusive", ()))
    if kind == "reply":
        return codec.reply(number, fields["status"], reply_body(fields))
    if kind == "returned":
        return codec.returned(number)
    if kind == "call":
        service = SERVICES[fields["service"]]
        options, payload = fields["options"].encode(), fields["payload"].encode()
        return codec.call(fields["call"], number, service, fields["target"], options, payload)
    if kind == "log":
        return codec.log(number, fields["error"], fields["time"], fields["text"].encode())
    return codec.pong(int(fields["nonce"]))


def reply_body(fields):
    if "thrown" in fields:
        return codec.to_json(fields["thrown"])
    if "response" in fields:
        response = fields["response"]
        return codec.response(response["status"], response["headers"], bytes.fromhex(response["body_hex"]))
    return fields.get("result", "").encode()


class Golden(unittest.TestCase):
    def test_what_the_worker_writes_is_what_the_golden_frames_have(self):
        for one in golden("from_worker"):
            with self.subTest(one["name"]):
                self.assertEqual(encoded(one["fields"]).hex(), one["hex"])

    def test_what_the_golden_frames_have_is_what_the_worker_reads(self):
        for one in golden("to_worker"):
            with self.subTest(one["name"]):
                data = b"before" + bytes.fromhex(one["hex"])
                self.check(one["fields"], data[10], data, 11, len(data))

    def check(self, fields, kind, data, at, end):
        name = fields["type"]
        self.assertEqual(kind, getattr(codec, name.upper()))
        if name == "load":
            self.assertEqual(json.loads(data[at:end]), fields["load"])
        elif name == "answer":
            ok = "ok" in fields
            answer = fields["ok"].encode() if ok else frames.dumps(fields["error"]).encode()
            self.assertEqual(codec.read_answer(data, at, end), (fields["call"], ok, answer))
        elif name == "invoke":
            self.check_invoke(fields, codec.Invoke(data, at, end))
        elif name != "stop":
            self.assertEqual(codec.read_u64(data, at), int(fields.get("id", fields.get("nonce"))))

    def check_invoke(self, fields, invoke):
        for name in ("id", "slot", "handler", "deadline", "sent_at"):
            self.assertEqual(getattr(invoke, name), fields[name])
        self.assertEqual(invoke.kind, frames.KINDS[fields["kind"]])
        is_message = fields["kind"] == "message"
        context = invoke.context("p", "h")
        self.assertEqual(
            context,
            {
                "project": "p",
                "handler": "h",
                "invocation_id": fields["invocation"],
                "trace_id": fields["trace"],
                "message_id": fields["message"] if is_message else None,
                "attempt": fields.get("attempt", 1),
                "published_at": fields["published_at"] if is_message else None,
                "deadline": fields["deadline"],
            },
        )
        if fields["kind"] == "request":
            self.assertEqual(invoke.head(), fields["head"])
            body = bytes.fromhex(fields["body_hex"])
            is_base64 = fields["head"]["is_base64"]
            self.assertEqual(invoke.body(is_base64), "/wD+" if is_base64 else body.decode())
        else:
            self.assertEqual(invoke.json(), json.loads(fields["payload"]))

    def test_the_servers_side_of_the_tests_is_held_to_them_too(self):
        for one in golden("to_worker"):
            with self.subTest(one["name"]):
                self.assertEqual(frames.encode(one["fields"]).hex(), one["hex"])
        for one in golden("from_worker"):
            with self.subTest(one["name"]):
                kind = "request" if "response" in one["fields"] else "call" if "result" in one["fields"] else "message"
                self.assertEqual(frames.decode(bytes.fromhex(one["hex"])[4:], lambda _, kind=kind: kind), one["fields"])

    def test_an_invoke_that_ends_early_is_refused(self):
        data = bytes(codec._INVOKE.size - 4) + b"\xff\0\0\0"
        with self.assertRaisesRegex(ValueError, "ends early"):
            codec.Invoke(data, 0, len(data))


class Damaged(unittest.TestCase):
    def test_a_damaged_stream_is_read_the_same_however_it_is_cut(self):
        whole = [bytes.fromhex(one["hex"]) for one in golden("to_worker")]
        for seed in range(500):
            chance = random.Random(seed)
            parts = [one[: chance.randrange(len(one))] if chance.random() < 0.2 else one for one in whole]
            stream = bytearray(b"".join(parts))
            for _ in range(chance.randrange(6)):
                stream[chance.randrange(len(stream))] = chance.choice((0, chance.randrange(256)))
            cuts = sorted(chance.sample(range(1, len(stream)), 20))
            pieces = [bytes(stream[a:b]) for a, b in zip([0, *cuts], [*cuts, len(stream)])]
            with self.subTest(seed=seed):
                self.assertEqual(self.read(pieces), self.read([bytes(stream)]))

    def read(self, pieces):
        """What a worker makes of it: frames, and the error that ended it."""
        ours, theirs = socket.socketpair()
        with ours, theirs:
            seen, ended = [], []

            def take(kind, data, at, end):
                body = data[at:end]
                seen.append((kind, body))
                if kind == codec.INVOKE:
                    codec.Invoke(body, 0, len(body))
                elif kind == codec.ANSWER:
                    codec.read_answer(body, 0, len(body))

            connection = Connection(ours, take, lambda error: ended.append(error))
            for piece in pieces:
                theirs.sendall(piece)
                connection.receive()
                if ended:
                    self.assertIsInstance(ended[0], (ValueError, struct.error))
                    break
            return seen, [type(error) for error in ended]
