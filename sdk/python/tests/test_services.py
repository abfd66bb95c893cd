"""Functions, the key-value store and crons."""

import json

from server import INVOCATION, TRACE, Case

TOPIC = "less/topics/t/s/__init__.py"
FUNCTION = "less/functions/f/__init__.py"
SDK = "from less import functions, kvs, CallError, FunctionError, NonRetriableError\n"


def body(source, parameter="message"):
    lines = "\n".join(f"    {line}" for line in source.strip("\n").split("\n"))
    return f"{SDK}def process({parameter}):\n{lines}\n"


class Called(Case):
    def function(self, source, **options):
        return self.serve({FUNCTION: body(source, "payload")}, **options)

    def test_a_function_gets_its_argument_and_its_result_is_the_reply(self):
        server = self.function("return {'got': payload}")
        for payload in ({"note": "café 🍕"}, [1, None], "text", 0, False, None, ""):
            self.assertEqual(server.result("functions/f", message=payload), {"got": payload})

    def test_any_json_value_can_be_a_result_and_nothing_is_null(self):
        server = self.function("return [None, 0, False, '', [], (1, 2), 'é'][payload]")
        results = [server.result("functions/f", message=i) for i in range(7)]
        self.assertEqual(results, [None, 0, False, "", [], [1, 2], "é"])

    def test_a_result_that_is_no_json_is_an_error_of_the_function_that_names_the_type(self):
        reply = self.function("return {'a': {1}}").run("functions/f")
        message = (
            "functions/f: the result cannot be written as JSON: at a is a set, which JSON does not have; use list(…)"
        )
        self.assertEqual((reply["status"], reply["thrown"]["message"]), (1, message))

    def test_a_result_of_exactly_the_limit_is_sent_a_larger_one_is_not(self):
        server = self.function("return 'e' * payload", limits={"response_bytes": 1000})
        self.assertEqual(len(server.result("functions/f", message=998)), 998)
        reply = server.run("functions/f", message=999)
        sizes = "the result has 1,001 bytes, the limit is 1,000 bytes; its caller gets an error"
        self.assertEqual((reply["status"], reply["thrown"]["message"]), (3, f"functions/f: {sizes}"))

    def test_a_function_that_raises_says_whether_to_try_again(self):
        server = self.function("raise NonRetriableError('never') if payload else TypeError('no card')")
        reply = server.run("functions/f", message=False)
        self.assertEqual(
            (reply["status"], reply["thrown"]["name"], reply["thrown"]["message"]), (1, "TypeError", "no card")
        )
        self.assertEqual(server.run("functions/f", message=True)["status"], 2)

    def test_a_function_that_declares_a_context_is_given_one(self):
        server = self.serve({FUNCTION: "def process(payload, context): return context"})
        context = server.result("functions/f")
        self.assertIsInstance(context.pop("deadline"), int)
        ids = {"invocation_id": INVOCATION, "trace_id": TRACE, "message_id": None, "published_at": None}
        self.assertEqual(context, {"project": "shop", "handler": "functions/f", "attempt": 1, **ids})


class Calling(Case):
    def calling(self, source, **options):
        return self.serve({TOPIC: body(source)}, functions=["charge-card", "refund"], **options)

    def test_a_call_sends_the_argument_as_json_and_gives_the_result(self):
        source = "print(functions['charge-card']({'card': '4…2'}), functions.charge_card())"
        server = self.calling(source, answer=lambda call: {"ok": call["payload"]})
        self.assertEqual(server.run("topics/t/s")["status"], 0)
        sent = [(call["service"], call["target"], call["options"], call["payload"]) for call in server.calls()]
        common = ("function", "charge-card", "")
        self.assertEqual(sent, [(*common, '{"card":"4…2"}'), (*common, "null")])
        self.assertEqual(server.logs(1), ["{'card': '4…2'} None"])

    def failed(self, source, **error):
        answer = {"error": {"code": "function_failed", "message": "no card", **error}}
        return self.calling(source, answer=lambda _: answer)

    def test_what_the_callee_raised_is_raised_with_its_message_and_name(self):
        source = (
            "try: functions.refund(1)\nexcept FunctionError as e: print(type(e).__name__, e, e.name, e.code); raise"
        )
        server = self.failed(source, name="TypeError")
        thrown = server.run("topics/t/s")["thrown"]
        self.assertEqual(server.logs(1), ["FunctionError no card TypeError function_failed"])
        self.assertEqual((thrown["name"], thrown["message"]), ("TypeError", "no card"))

    def test_a_callees_non_retriable_error_is_one_in_the_caller(self):
        server = self.failed("functions.refund(1)", name="NonRetriableError")
        self.assertEqual(server.run("topics/t/s")["status"], 2)

    def test_other_refusals_keep_their_code(self):
        server = self.calling(
            "try: functions.refund(1)\nexcept CallError as e: print(e.code, isinstance(e, FunctionError))",
            answer=lambda _: {"error": {"code": "busy", "message": "too deep"}},
        )
        server.run("topics/t/s")
        self.assertEqual(server.logs(1), ["busy False"])

    def test_a_misspelt_function_names_the_nearest_and_the_existing_ones(self):
        thrown = self.calling("functions.charge_cart(1)").run("topics/t/s")["thrown"]
        names = "did you mean 'charge-card'? The project's functions: charge-card, refund"
        self.assertEqual(thrown["message"], f"there is no function 'charge_cart'; {names}")

    def test_an_argument_is_checked_before_it_is_sent(self):
        server = self.calling("functions.refund(message or {1})", limits={"response_bytes": 10})
        thrown = server.run("topics/t/s", payload='"123456789"')["thrown"]
        sizes = "the argument has 11 bytes, the limit is 10 bytes; nothing was called"
        self.assertEqual(thrown["message"], f"functions.refund: {sizes}")
        self.assertIn("cannot be written as JSON: it is a set", server.run("topics/t/s")["thrown"]["message"])
        self.assertEqual(server.calls(), [])

    def test_what_has_not_begun_goes_elsewhere_while_a_call_waits(self):
        server = self.calling("functions.refund(1)", answer=lambda _: None)
        first = server.begin("topics/t/s")
        call = server.call_of("refund")
        second = server.begin("topics/t/s")
        server.returned(second)
        server.send({"type": "answer", "call": call["call"], "ok": "1"})
        self.assertEqual(server.reply(first)["status"], 0)
        self.assertEqual(server.marked(second), 0)


# Expression, answer, what is sent, what is given.
KVS = [
    ("kvs.get('a')", '{"value":{"b":1},"version":3}', ("get", {"key": "a"}, ""), {"b": 1}),
    ("kvs.get('a')", "null", ("get", {"key": "a"}, ""), None),
    ("kvs.get('a')", '{"value":0,"version":3}', ("get", {"key": "a"}, ""), 0),
    ("kvs.get_with_version('a').version", '{"value":null,"version":3}', ("get", {"key": "a"}, ""), 3),
    ("kvs.get_with_version('a')", "null", ("get", {"key": "a"}, ""), None),
    ("kvs.set('a', {'b': 'é'})", '{"version":4}', ("set", {"key": "a"}, '{"b":"é"}'), {"version": 4}),
    ("kvs.set('a', None, 0.5)", '{"version":4}', ("set", {"key": "a", "ttl": 0.5}, "null"), {"version": 4}),
    ("kvs.set('a', 1, ttl=60, if_version=0)", '{"version":4}', ("set", {"key": "a", "ttl": 60, "if_version": 0}, "1"), {"version": 4}),
    ("kvs.set('a', 1, {'ttl': 60})", '{"version":4}', ("set", {"key": "a", "ttl": 60}, "1"), {"version": 4}),
    ("kvs.set('a', '', ttl_seconds=5)", '{"version":4}', ("set", {"key": "a", "ttl": 5}, '""'), {"version": 4}),
    ("kvs.delete('a')", "true", ("delete", {"key": "a"}, ""), True),
    ("kvs.delete(\"it's é\\n\")", "false", ("delete", {"key": "it's é\n"}, ""), False),
    ("kvs.increment('a')", "5", ("increment", {"key": "a", "by": 1}, ""), 5),
    ("kvs.increment('a', -0.5)", "4.5", ("increment", {"key": "a", "by": -0.5}, ""), 4.5),
    ("kvs.list()", '["a","b"]', ("list", {"key": ""}, ""), ["a", "b"]),
    ("kvs.list('u:', after='u:7', limit=10)", "[]", ("list", {"key": "u:", "after": "u:7", "limit": 10}, ""), []),
]  # fmt: skip
NOT_KVS = [
    ("kvs.get('')", "bad_key", "kvs.get: a key must be a string that is not empty, not the string ''"),
    ("kvs.delete(7)", "bad_key", "kvs.delete: a key must be a string that is not empty, not 7"),
    ("kvs.set('ééééé1', 1)", "bad_key", "kvs.set: a key must be at most 10 bytes long; it has 11 bytes"),
    ("kvs.get('a\\ud800')", "bad_key", "kvs.get: a key must be text, and 'a\\ud800' has half a surrogate pair"),
    ("kvs.list(None)", "bad_key", "kvs.list: a prefix must be a string, not None"),
    ("kvs.set('a', {1})", "value_not_json", "kvs.set: the value cannot be written as JSON: it is a set, which JSON does not have; use list(…)"),
    ("kvs.set('a', 'e' * 99)", "value_too_large", "kvs.set: the value has 101 bytes, the limit is 100 bytes; nothing was set"),
    ("kvs.set('a', 1, 0)", "bad_option", "kvs.set: ttl must be a number of seconds, more than 0, not 0"),
    ("kvs.set('a', 1, '60')", "bad_option", "kvs.set: ttl must be a number of seconds, more than 0, not the string '60'"),
    ("kvs.set('a', 1, 5, ttl=5)", "bad_option", "kvs.set: ttl must be given once; it is there twice"),
    ("kvs.set('a', 1, if_version=1.5)", "bad_option", "kvs.set: if_version must be a whole number, 0 or more, not 1.5"),
    ("kvs.set('a', 1, {'tll': 60})", "bad_option", "kvs.set has no option 'tll'; did you mean 'ttl'? Its options: ttl, if_version"),
    ("kvs.increment('a', '1')", "bad_option", "kvs.increment: by must be a finite number, not the string '1'"),
    ("kvs.increment('a', 10**400)", "bad_option", "kvs.increment: by must be a finite number, not an int of many digits"),
    ("kvs.list('', limit=0)", "bad_option", "kvs.list: limit must be a whole number, 1 or more, not 0"),
    ("kvs.list('', after=7)", "bad_option", "kvs.list: after must be a string, not 7"),
    ("kvs.gett('a')", "unknown_method", "kvs has no method 'gett'; did you mean 'get'? Its methods: get, get_with_version, set, delete, increment, list"),
]  # fmt: skip


class Kvs(Case):
    def test_what_is_asked_and_what_is_given(self):
        source = "\n".join(f"if message == {i}: print(repr({one[0]}))" for i, one in enumerate(KVS))
        asked = {}
        server = self.serve({TOPIC: body(source)}, answer=lambda _: {"ok": asked["answer"]})
        for i, (expression, answer, (target, options, payload), given) in enumerate(KVS):
            with self.subTest(expression):
                asked["answer"] = answer
                number = server.begin("topics/t/s", payload=str(i))
                self.assertEqual(server.reply(number)["status"], 0)
                call = server.calls()[-1]
                sent = (call["service"], call["target"], json.loads(call["options"]), call["payload"])
                self.assertEqual(sent, ("kvs", target, options, payload))
                self.assertEqual(server.logs(number), [repr(given)])

    def test_what_is_wrong_is_refused_before_anything_is_sent(self):
        source = "\n".join(f"if message == {i}: {one[0]}" for i, one in enumerate(NOT_KVS))
        source = "try:\n  " + source.replace("\n", "\n  ") + "\nexcept CallError as e: print(e.code); raise"
        server = self.serve({TOPIC: body(source)}, limits={"key_bytes": 10, "value_bytes": 100})
        for i, (expression, code, message) in enumerate(NOT_KVS):
            with self.subTest(expression):
                number = server.begin("topics/t/s", payload=str(i))
                self.assertEqual(server.reply(number)["thrown"]["message"], message)
                self.assertEqual(server.logs(number), [code])
        self.assertEqual(server.calls(), [])

    def test_a_key_and_a_value_of_exactly_the_limit_are_sent(self):
        limits = {"key_bytes": 10, "value_bytes": 100}
        server = self.serve(
            {TOPIC: body("kvs.set('ééééé', 'é' * 49)")}, limits=limits, answer=lambda _: {"ok": '{"version":1}'}
        )
        self.assertEqual(server.run("topics/t/s")["status"], 0)

    def test_a_conflict_is_raised_with_its_code(self):
        source = "try: kvs.set('a', 1, if_version=3)\nexcept CallError as e: print(e.code, e)"
        refusal = {"error": {"code": "version_conflict", "message": "the version of a is 4"}}
        server = self.serve({TOPIC: body(source)}, answer=lambda _: refusal)
        server.run("topics/t/s")
        self.assertEqual(server.logs(1), ["version_conflict the version of a is 4"])


class Crons(Case):
    def test_a_cron_takes_nothing_or_its_context(self):
        for declared, expected in {"": "{}", "context": "shop", "event": "shop", "context=None": "shop"}.items():
            with self.subTest(declared):
                shown = "print(list(locals().values())[0]['project'])" if declared else "print(locals())"
                server = self.serve({"less/crons/daily/__init__.py": f"def process({declared}):\n    {shown}"})
                self.assertEqual(server.run("crons/daily", payload="null")["status"], 0)
                self.assertEqual(server.logs(1), [expected])
