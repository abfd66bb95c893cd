import json
import unittest

from server import INVOCATION, MESSAGE, TRACE, Case

TOPIC = "less/topics/t/s/__init__.py"
SDK = "from less import topics, functions, kvs, CallError, FunctionError, NonRetriableError\n"
STORE_FULL = {"error": {"code": "store_full", "message": "the store is full"}}


class Topics(Case):
    def subscriber(self, body, **options):
        """A worker with the subscriber `topics/t/s`, whose process has this body."""
        lines = "\n".join(f"    {line}" for line in body.strip("\n").split("\n"))
        return self.serve({TOPIC: f"{SDK}def process(message):\n{lines}\n"}, **options)

    def thrown(self, body, **options):
        reply = self.subscriber(body, **options).run("topics/t/s")
        self.assertEqual(reply["status"], 1)
        return reply["thrown"]

    def test_a_subscriber_gets_the_message_as_it_was_published(self):
        server = self.subscriber("print(ascii(message))")
        for message in ({"note": "café 🍕 '\"$()`;\n"}, [1, None, 2.5], "text", 0, False, None, ""):
            number = server.begin("topics/t/s", message=message)
            self.assertEqual(server.reply(number)["status"], 0)
            self.assertEqual(server.logs(number), [ascii(message)])

    def test_every_plane_of_unicode_and_200_kib_arrive_intact_both_ways(self):
        server = self.subscriber("topics.t.publish(message)")
        text = "".join(map(chr, [*range(0, 0xD800, 5), *range(0xE000, 0x110000, 101), 0x10FFFF])) + "x" * 135_000
        self.assertGreater(len(text.encode()), 200 << 10)
        server.run("topics/t/s", message=text)
        self.assertEqual(json.loads(server.calls()[0]["payload"]), text)

    def test_a_handler_that_declares_a_context_is_given_one(self):
        context = {
            "project": "shop", "handler": "topics/t/s", "invocation_id": INVOCATION, "trace_id": TRACE,
            "message_id": MESSAGE, "attempt": 3, "published_at": 1700000000000,
        }  # fmt: skip
        for declared in ("m, given", "m, *, context", "m, retries=1, context=None", "m, context, more=2"):
            with self.subTest(declared):
                name = "given" if "given" in declared else "context"
                body = (
                    f"def process({declared}):\n"
                    f"    assert {name}.deadline == {name}['deadline']\n"
                    f"    print(dict({name}))"
                )
                server = self.serve({TOPIC: body})
                server.run("topics/t/s", attempt=3)
                given = eval(server.logs(1)[0])
                self.assertIsInstance(given.pop("deadline"), int)
                self.assertEqual(given, context)

    def test_a_handler_that_declares_none_is_called_without_it(self):
        for declared in ("m, given=None", "*args", "m, **more", "context"):
            with self.subTest(declared):
                server = self.serve({TOPIC: f"def process({declared}):\n    print(sorted(locals().values(), key=str))"})
                server.run("topics/t/s", message=7)
                self.assertIn(server.logs(1)[0], ("[7]", "[7, None]", "[(7,)]", "[7, {}]"))

    def test_publish_returns_the_id_that_the_server_gives(self):
        server = self.subscriber("given = topics.t.publish({'a': 1})\nprint(given.id, given['id'])")
        self.assertEqual(server.run("topics/t/s")["status"], 0)
        call = server.calls()[0]
        self.assertEqual((call["service"], call["target"], call["id"]), ("publish", "t", 1))
        self.assertEqual((call["options"], call["payload"]), ("", '{"a":1}'))
        self.assertEqual(server.logs(1), ["m1 m1"])

    def test_calls_of_one_handler_are_in_order(self):
        server = self.subscriber("for i in range(100): topics.t.publish(i)")
        self.assertEqual(server.run("topics/t/s")["status"], 0)
        self.assertEqual([int(call["payload"]) for call in server.calls()], list(range(100)))

    def test_what_the_server_refuses_is_raised_with_its_code_and_the_line_that_asked(self):
        server = self.subscriber("topics.t.publish(1)", answer=lambda call: STORE_FULL)
        thrown = server.run("topics/t/s")["thrown"]
        self.assertEqual((thrown["name"], thrown["message"]), ("CallError", "the store is full"))
        lines = thrown["stack"].split("\n")
        self.assertEqual(lines[1], '  File "less/topics/t/s/__init__.py", line 3, in process')
        self.assertEqual(lines[-1], "less.CallError: the store is full")
        self.assertEqual(thrown["stack"].count("File "), 1)

    def test_what_is_refused_can_be_caught_by_code(self):
        body = "try:\n    topics.t.publish(1)\nexcept CallError as error:\n    print(error.code)"
        server = self.subscriber(body, answer=lambda call: STORE_FULL)
        self.assertEqual(server.run("topics/t/s")["status"], 0)
        self.assertEqual(server.logs(1), ["store_full"])

    def test_a_name_with_a_dash_has_two_spellings(self):
        server = self.subscriber("topics['a-b'].publish(1)\ntopics.a_b.publish(2)", topics=["a-b"])
        self.assertEqual(server.run("topics/t/s")["status"], 0)
        self.assertEqual([call["target"] for call in server.calls()], ["a-b", "a-b"])

    def test_a_misspelt_topic_names_the_nearest_and_the_existing_ones(self):
        message = "there is no topic 'order_placd'; did you mean 'order_placed'? The project's topics: order_placed, t"
        for spelling in ("topics.order_placd", "topics['order_placd']"):
            thrown = self.thrown(f"{spelling}.publish(1)", topics=["order_placed", "t"])
            self.assertEqual((thrown["name"], thrown["message"]), ("UnknownNameError", message))

    def test_what_every_object_has_is_no_topic(self):
        for name in ("__class__", "__init__", "__dict__", "_fill", "_names", "get", "__proto__", "constructor"):
            thrown = self.thrown(f"topics['{name}'].publish(1)", topics=["t"])
            self.assertEqual(thrown["name"], "UnknownNameError", name)
            self.assertIn(f"there is no topic '{name}'", thrown["message"])

    def test_a_misspelt_topic_is_an_attribute_that_is_not_there(self):
        server = self.subscriber("print(hasattr(topics, 'x'), getattr(topics, 't', None), 't' in topics, [*topics])")
        server.run("topics/t/s")
        self.assertEqual(server.logs(1), ["False <topic t> True ['t']"])

    def test_a_message_that_is_no_json_is_told_with_its_place_and_type(self):
        told = "topics.t.publish: the message cannot be written as JSON: "
        cases = {
            "{'at': [1, __import__('datetime').date(2024, 1, 2)]}": "at at[1] is a date, which JSON does not have; use .isoformat()",
            "{1, 2}": "it is a set, which JSON does not have; use list(…)",
            "b'x'": "it is a bytes, which JSON does not have; use base64 or .decode()",
            "{'a': float('nan')}": "at a is nan, which JSON does not have",
            "{(1, 2): 3}": "it is a dict with a key that is a tuple",
            "(lambda a: a.append(a) or a)([])": "Circular reference detected",
            "object()": "it is an object, which JSON does not have",
        }
        server = self.subscriber(f"topics.t.publish([{', '.join(cases)}][message])")
        for i, reason in enumerate(cases.values()):
            thrown = server.run("topics/t/s", payload=str(i))["thrown"]
            self.assertEqual((thrown["name"], thrown["message"]), ("CallError", told + reason))
        self.assertEqual(server.calls(), [])

    def test_half_a_surrogate_pair_is_sent_as_an_escape(self):
        server = self.subscriber("topics.t.publish('\\ud800é')\nprint('a\\ud800b')\nraise ValueError('\\udfff')")
        self.assertEqual(server.run("topics/t/s", payload='"\\ud800"')["status"], 1)
        self.assertEqual(server.calls()[0]["payload"], '"\\ud800\\u00e9"')
        self.assertEqual(server.logs(1), ["a�b"])

    def test_a_message_of_exactly_the_limit_is_sent_a_larger_one_is_not(self):
        server = self.subscriber("topics.t.publish('é' * message)", limits={"message_bytes": 100})
        self.assertEqual(server.run("topics/t/s", payload="49")["status"], 0)
        thrown = server.run("topics/t/s", payload="50")["thrown"]
        sizes = "the message has 102 bytes, the limit is 100 bytes; nothing was published"
        self.assertEqual(thrown["message"], f"topics.t.publish: {sizes}")

    def test_a_non_retriable_error_says_so(self):
        for raised in ("NonRetriableError('no')", "type('Mine', (NonRetriableError,), {})('no')"):
            reply = self.subscriber(f"raise {raised}").run("topics/t/s")
            self.assertEqual((reply["status"], reply["thrown"]["message"]), (2, "no"))

    def test_a_class_of_another_copy_of_the_sdk_counts_by_its_name(self):
        server = self.subscriber("raise type('NonRetriableError', (Exception,), {})('no')")
        self.assertEqual(server.run("topics/t/s")["status"], 2)

    def test_publish_outside_any_invocation_is_refused(self):
        source = f"{SDK}try:\n    topics.t.publish(1)\nexcept CallError as e:\n    print(e.code)\ndef process(m): pass"
        self.assertEqual(self.serve({TOPIC: source}).logs(), ["no_invocation"])


PUBLISHED = {
    "{'delay': 2.5, 'idempotency_key': 'a’b', 'ordering_key': '7'}": {
        "delay": 2.5,
        "idempotency_key": "a’b",
        "ordering_key": "7",
    },
    "delay=2.5, idempotency_key='a’b', ordering_key='7'": {"delay": 2.5, "idempotency_key": "a’b", "ordering_key": "7"},
    "{'delay': 1}, ordering_key='7'": {"delay": 1, "ordering_key": "7"},
    "delay=0": {"delay": 0},
    "{'delay': None}, ordering_key='b'": {"ordering_key": "b"},
    "{}": "",
    "None": "",
}
REFUSED = {
    "delay='5'": "delay must be a number of seconds, 0 or more, not the string '5'",
    "delay=-1": "delay must be a number of seconds, 0 or more, not -1",
    "delay=True": "delay must be a number of seconds, 0 or more, not True",
    "delay=float('inf')": "delay must be a number of seconds, 0 or more, not inf",
    "idempotency_key=''": "idempotency_key must be a string that is not empty, not the string ''",
    "ordering_key=7": "ordering_key must be a string that is not empty, not 7",
    "ordering_key='ééééé1'": "ordering_key must be at most 10 bytes long; it has 11 bytes",
    "{'delay': 1}, delay=2": "delay must be given once; it is there twice",
    "5": "options must be a dict of delay, idempotency_key, ordering_key, not 5",
}


class PublishOptions(Case):
    def publishing(self, options):
        source = (
            f"{SDK}def process(m):\n"
            f"    try: topics.t.publish(1, {options})\n"
            f"    except CallError as e: print(e.code); raise"
        )
        server = self.serve({TOPIC: source}, limits={"key_bytes": 10})
        return server, server.run("topics/t/s")

    def test_options_are_sent(self):
        for options, expected in PUBLISHED.items():
            with self.subTest(options):
                server, reply = self.publishing(options)
                self.assertEqual(reply["status"], 0)
                sent = server.calls()[0]["options"]
                self.assertEqual(sent and json.loads(sent), expected)

    def test_wrong_options_are_refused_before_anything_is_sent(self):
        for options, message in REFUSED.items():
            with self.subTest(options):
                server, reply = self.publishing(options)
                self.assertEqual(reply["thrown"]["message"], f"topics.t.publish: {message}")
                self.assertEqual((server.logs(1), server.calls()), (["bad_option"], []))

    def test_an_unknown_option_names_the_nearest_and_the_existing_ones(self):
        _, reply = self.publishing("{'dealy': 5}")
        names = "did you mean 'delay'? Its options: delay, idempotency_key, ordering_key"
        self.assertEqual(reply["thrown"]["message"], f"topics.t.publish has no option 'dealy'; {names}")


class OutsideLess(unittest.TestCase):
    def test_calls_say_why_they_fail_and_can_be_replaced(self):
        import subprocess
        import sys

        from frames import SDK as folder

        program = """
from unittest import mock
from less import topics, functions, kvs, CallError
for call in (lambda: topics.a.publish(1), lambda: functions.b(1), lambda: kvs.get('k'), lambda: kvs.set_async('k', 1)):
    try: call()
    except CallError as error: print(error.code, str(error).split(' works')[0])
with mock.patch.object(topics.a, 'publish') as publish, mock.patch.object(functions, 'b', return_value=7):
    topics.a.publish({'x': 1})
    print(publish.call_args, functions.b(1))
"""
        done = subprocess.run([sys.executable, "-B", "-c", program], cwd=folder, capture_output=True, text=True)
        self.assertEqual(
            done.stdout.split("\n"),
            [
                "not_in_less topics.a.publish",
                "not_in_less functions.b",
                "not_in_less kvs.get",
                "not_in_less kvs.set",
                "call({'x': 1}) 7",
                "",
            ],
        )
