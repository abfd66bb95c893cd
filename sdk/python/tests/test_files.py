"""`files`: what is asked of the server, and what is refused before."""

import json

from server import Case

TOPIC = "less/topics/t/s/__init__.py"
URL = '"http://localhost:4747/shop/files/a?expires=1&signature=2"'
ENTRY = {"path": "a", "size": 3, "content_type": "text/plain", "etag": "e", "uploaded_at": 7}

# Expression, answer, the operation, what is sent.
SENT = [
    ("files.create_upload_url('a/b.txt')", URL, "create_upload_url", {"path": "a/b.txt"}),
    ("files.create_upload_url('a', {'expires_in': 7200})", URL, "create_upload_url", {"path": "a", "expires_in": 7200}),
    ("files.get_url('é', expires_in=0.5)", URL, "get_url", {"path": "é", "expires_in": 0.5}),
    ("files.list()", json.dumps([ENTRY]), "list", {"path": ""}),
    ("files.list('a/', after='a/7', limit=10)", "[]", "list", {"path": "a/", "after": "a/7", "limit": 10}),
    ("files.delete('a')", "true", "delete", {"path": "a"}),
]
REFUSED = [
    ("files.get_url('')", "bad_path", "files.get_url: a path must be a string that is not empty, not the string ''"),
    ("files.delete(7)", "bad_path", "files.delete: a path must be a string that is not empty, not 7"),
    ("files.get_url('é' * 513)", "bad_path", "files.get_url: a path must be at most 1,024 bytes long; it has 1,026 bytes"),
    ("files.list(None)", "bad_path", "files.list: a prefix must be a string, not None"),
    ("files.get_url('a', expires_in=0)", "bad_option", "files.get_url: expires_in must be a number of seconds, more than 0, not 0"),
    ("files.get_url('a', 60)", "bad_option", "files.get_url: options must be a dict of expires_in, not 60"),
    ("files.get_url('a', {'expires_in': 1}, expires_in=1)", "bad_option", "files.get_url: expires_in must be given once; it is there twice"),
    ("files.get_ulr('a')", "unknown_method", "files has no method 'get_ulr'; did you mean 'get_url'? Its methods: create_upload_url, get_url, list, delete"),
]  # fmt: skip


def body(source, declared="def process(message)"):
    lines = "\n    ".join(source.splitlines())
    return f"from less import CallError, files\n\n{declared}:\n    {lines}\n"


class Files(Case):
    def test_what_is_asked_and_what_is_given(self):
        source = "\n".join(f"if message == {i}: print(repr({one[0]}))" for i, one in enumerate(SENT))
        asked = {}
        server = self.serve({TOPIC: body(source)}, answer=lambda _: {"ok": asked["answer"]})
        for i, (expression, answer, target, options) in enumerate(SENT):
            with self.subTest(expression):
                asked["answer"] = answer
                number = server.begin("topics/t/s", payload=str(i))
                self.assertEqual(server.reply(number)["status"], 0)
                call = server.calls()[-1]
                sent = (call["service"], call["target"], json.loads(call["options"]), call["payload"])
                self.assertEqual(sent, ("files", target, options, ""))
                self.assertEqual(server.logs(number), [repr(json.loads(answer))])

    def test_entries_have_attributes(self):
        source = "print([(entry.path, entry.size) for entry in files.list()])"
        server = self.serve({TOPIC: body(source)}, answer=lambda _: {"ok": json.dumps([ENTRY])})
        self.assertEqual(server.run("topics/t/s")["status"], 0)
        self.assertEqual(server.logs(1), ["[('a', 3)]"])

    def test_every_call_can_be_awaited(self):
        source = (
            "print(await files.create_upload_url_async('a'), await files.get_url_async('a'), "
            "await files.list_async(), await files.delete_async('a'))"
        )
        answers = {"create_upload_url": '"u"', "get_url": '"g"', "list": "[]", "delete": "false"}
        handler = body(source, "async def process(message)")
        server = self.serve({TOPIC: handler}, answer=lambda call: {"ok": answers[call["target"]]})
        self.assertEqual(server.run("topics/t/s")["status"], 0)
        self.assertEqual(server.logs(1), ["u g [] False"])

    def test_what_is_wrong_is_refused_before_anything_is_sent(self):
        source = "\n".join(f"if message == {i}: {one[0]}" for i, one in enumerate(REFUSED))
        source = "try:\n  " + source.replace("\n", "\n  ") + "\nexcept CallError as e: print(e.code); raise"
        server = self.serve({TOPIC: body(source)})
        for i, (expression, code, message) in enumerate(REFUSED):
            with self.subTest(expression):
                number = server.begin("topics/t/s", payload=str(i))
                self.assertEqual(server.reply(number)["thrown"]["message"], message)
                self.assertEqual(server.logs(number), [code])
        self.assertEqual(server.calls(), [])
