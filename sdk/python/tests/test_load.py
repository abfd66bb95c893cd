import sys
import unittest

from server import Case

TOPIC = "less/topics/t/s/__init__.py"
ROUTE = "less/apis/a/r/{id}/get.py"
SUBSCRIBER_HINT = "\nhint: def process(message): …"


class Imports(Case):
    def test_what_lies_beside_a_handler_is_imported_with_a_dot(self):
        for handler, path in ((TOPIC, "topics/t/s"), (ROUTE, "apis/a/r/{id}/get")):
            with self.subTest(handler):
                folder = handler.rsplit("/", 1)[0]
                source = """
from .schema import NAME
from . import helper
from .deep.inner import deep
from .other import other
def process(*given):
    print(NAME, helper.name(), deep, other)
"""
                files = {
                    handler: source,
                    f"{folder}/schema.py": "NAME = 'schema'",
                    f"{folder}/helper.py": "from .schema import NAME\ndef name(): return NAME + '!'",
                    f"{folder}/deep/inner.py": "from ..schema import NAME as deep",
                    f"{folder}/other/__init__.py": "other = 7",
                }
                server = self.serve(files)
                self.assertEqual(server.run(path)["status"], 0)
                self.assertEqual(server.logs(1), ["schema schema! schema 7"])

    def test_handlers_with_equal_names_are_apart(self):
        files = {}
        for name in ("a", "b"):
            files[f"less/apis/{name}/r/get.py"] = "from .schema import X\ndef process(q, r): return {'body': X}"
            files[f"less/apis/{name}/r/schema.py"] = f"X = '{name}'"
        server = self.serve(files)
        self.assertEqual([server.request(f"apis/{name}/r/get")["body"] for name in "ab"], ["a", "b"])

    def test_shared_modules_are_found_by_their_names_also_by_one_another(self):
        files = {
            TOPIC: "from models import Order\n"
            "from models.deep import DEEP\n"
            "import rules\n"
            "def process(m): print(Order, DEEP, rules.R)",
            "less/shared/models/__init__.py": "from rules import R\nOrder = R + 1",
            "less/shared/models/deep.py": "from . import Order\nDEEP = Order * 10",
            "less/shared/rules/__init__.py": "R = 1",
        }
        server = self.serve(files)
        server.run("topics/t/s")
        self.assertEqual(server.logs(1), ["2 20 1"])

    def test_the_standard_library_is_not_hidden_by_modules_of_the_worker(self):
        server = self.serve(
            {TOPIC: "import http.client, logging.handlers, codecs\ndef process(m): print(http.client.HTTP_PORT)"}
        )
        server.run("topics/t/s")
        self.assertEqual(server.logs(1), ["80"])

    def test_a_handler_may_define_process_in_other_ways(self):
        sources = [
            "process = lambda message: print('ran')",
            "class Handler:\n    def run(self, message): print('ran')\nprocess = Handler().run",
            "class Handler:\n    async def __call__(self, message): print('ran')\nprocess = Handler()",
            "import functools\ndef run(a, message): print('ran')\nprocess = functools.partial(run, 1)",
            "import functools\nasync def run(a, message): print('ran')\nprocess = functools.partial(run, 1)",
            "from .impl import process",
        ]
        for source in sources:
            with self.subTest(source):
                server = self.serve(
                    {TOPIC: source, "less/topics/t/s/impl.py": "async def process(message): print('ran')"}
                )
                server.run("topics/t/s")
                self.assertEqual(server.logs(1), ["ran"])
                self.assertEqual(server.loaded.get("exclusive"), None if "async" in source or "impl" in source else [0])

    def test_exclusive_has_the_places_of_def_handlers(self):
        files = {
            "less/topics/t/a/__init__.py": "def process(m): pass",
            "less/topics/t/b/__init__.py": "async def process(m): pass",
            "less/topics/t/c/__init__.py": "def process(m): pass",
        }
        self.assertEqual(self.serve(files).loaded["exclusive"], [0, 2])

    def test_what_a_module_prints_while_it_is_loaded_is_logged(self):
        server = self.serve({TOPIC: "print('loading')\ndef process(m): pass"})
        self.assertEqual([(frame["id"], frame["text"]) for frame in server.frames[:1]], [(0, "loading")])


# Files beside the handler, and what is told of them.
PROBLEMS = {
    "no process": ({TOPIC: "x = 1"}, (TOPIC, "does not define 'process'" + SUBSCRIBER_HINT)),
    "a process that is none": (
        {TOPIC: "process = 7"},
        (TOPIC, "defines a 'process' that is no function but 7" + SUBSCRIBER_HINT),
    ),
    "a process that yields": (
        {TOPIC: "async def process(message): yield"},
        (TOPIC, "defines a 'process' with a yield in it, which would never run" + SUBSCRIBER_HINT),
    ),
    "too few parameters": (
        {ROUTE: "def process(request): pass"},
        (
            ROUTE,
            "defines a 'process' with one parameter; it is called with 2\n"
            "hint: def process(request, response): …   or with a further parameter, context",
        ),
    ),
    "too many parameters": (
        {TOPIC: "def process(a, b, c): pass"},
        (
            TOPIC,
            "defines a 'process' with 3 parameters; it is called with 2 at most\n"
            "hint: def process(message): …   or with a further parameter, context",
        ),
    ),
    "a syntax error": (
        {TOPIC: "x = 1\ndef process(message:\n    pass"},
        (TOPIC + ":2", "syntax error: '(' was never closed\n    def process(message:\n               ^"),
    ),
    "a syntax error in another file": (
        {TOPIC: "from . import other", "less/topics/t/s/other.py": "\n\n    x = = 1"},
        ("less/topics/t/s/other.py:3", None),
    ),
    "an error while it is loaded": (
        {TOPIC: "def f():\n    raise ValueError('no')\nf()"},
        (
            TOPIC + ":2",
            "fails while it is loaded: ValueError: no\n"
            f'  File "{TOPIC}", line 3, in <module>\n    f()\n'
            f"  File \"{TOPIC}\", line 2, in f\n    raise ValueError('no')",
        ),
    ),
    "a module that ends the process": (
        {TOPIC: "import sys\nsys.exit(3)"},
        (TOPIC + ":2", "calls sys.exit() while it is loaded\nhint: only 'process' may end something"),
    ),
    "a missing package": (
        {TOPIC: "\nimport nosuch.thing"},
        (
            TOPIC + ":2",
            "cannot find the module 'nosuch'\nhint: add it to requirements.txt (its package may have another name than"
            " 'nosuch'); a shared module is a folder less/shared/nosuch",
        ),
    ),
    "a misspelt shared module": (
        {TOPIC: "import model", "less/shared/models/__init__.py": ""},
        (
            TOPIC + ":1",
            "cannot find the module 'model'\nhint: did you mean 'models'? Else add it to requirements.txt"
            " (its package may have another name than 'model')",
        ),
    ),
    "a missing part of a package": (
        {TOPIC: "import json.nosuch"},
        (
            TOPIC + ":1",
            "cannot find the module 'json.nosuch'\nhint: check its name; 'json' is there, but has no such module",
        ),
    ),
    "a file beside it without a dot": (
        {TOPIC: "import helper", "less/topics/t/s/helper.py": ""},
        (
            TOPIC + ":1",
            "cannot find the module 'helper'\n"
            "hint: what lies beside this file is imported with a dot: from . import helper",
        ),
    ),
    "a misspelt file beside it": (
        {TOPIC: "from .helpr import x", "less/topics/t/s/helper.py": "x = 1"},
        (TOPIC + ":1", "cannot find 'less/topics/t/s/helpr.py'\nhint: did you mean 'helper'?"),
    ),
    "a misspelt file beside it, by its folder": (
        {TOPIC: "from . import helpr", "less/topics/t/s/helper.py": "x = 1"},
        (TOPIC + ":1", "cannot import 'helpr' from 'less.topics.t.s'\nhint: did you mean 'helper'?"),
    ),
    "a misspelt name in a shared module": (
        {TOPIC: "from models import Ordr", "less/shared/models/__init__.py": "class Order: pass"},
        (TOPIC + ":1", "cannot import 'Ordr' from 'models'\nhint: did you mean 'Order'?"),
    ),
    "a misspelt name of the SDK": (
        {TOPIC: "from less import topic"},
        (TOPIC + ":1", "cannot import 'topic' from 'less'\nhint: did you mean 'topics'?"),
    ),
    "a shared module with the name of a built-in one": (
        {TOPIC: "def process(m): pass", "less/shared/json/__init__.py": ""},
        ("less/shared/json", "'json' is a built-in module's name\nhint: give the shared module another one"),
    ),
    "a misspelt middlewares": (
        {ROUTE: "middleware = []\ndef process(a, b): pass"},
        (
            ROUTE,
            "defines 'middleware', which is not used; did you mean 'middlewares'?\n"
            "hint: middlewares = [check]   where   def check(request, response, next): …",
        ),
    ),
    "middlewares that are no list": (
        {ROUTE: "middlewares = 7\ndef process(a, b): pass"},
        (
            ROUTE,
            "defines 'middlewares' that are no list but 7\n"
            "hint: middlewares = [check]   where   def check(request, response, next): …",
        ),
    ),
    "a middleware that is no function": (
        {ROUTE: "middlewares = [print, 'x']\ndef process(a, b): pass"},
        (
            ROUTE,
            "item 2 of 'middlewares' is no function but the string 'x'\n"
            "hint: middlewares = [check]   where   def check(request, response, next): …",
        ),
    ),
}


class Problems(Case):
    @unittest.skipIf(sys.version_info < (3, 10), "words of syntax errors as of Python 3.10")
    def test_a_problem_has_its_place_and_a_way_out(self):
        for name, (files, (file, message)) in PROBLEMS.items():
            with self.subTest(name):
                self.assertEqual(len(found := self.problems(files)), 1, found)
                self.assertEqual(found[0][0], file)
                if message is not None:
                    self.assertEqual(found[0][1], message)

    def test_all_problems_are_told_at_once_and_one_of_a_shared_module_once(self):
        files = {
            "less/topics/t/a/__init__.py": "import models",
            "less/topics/t/b/__init__.py": "import models",
            "less/topics/t/c/__init__.py": "x = 1",
            "less/shared/models/__init__.py": "import nosuch",
        }
        self.assertEqual(
            [file for file, _ in self.problems(files)],
            ["less/shared/models/__init__.py:1", "less/topics/t/c/__init__.py"],
        )

    def test_middleware_that_is_another_module_is_none_of_ours(self):
        source = "from . import middleware\nmiddlewares = [middleware.check]\ndef process(q, r): pass"
        helper = "def check(q, r, next): return {'body': 'ok'}"
        server = self.serve({"less/apis/a/r/get.py": source, "less/apis/a/r/middleware.py": helper})
        self.assertEqual(server.request("apis/a/r/get")["body"], "ok")

    def test_a_missing_part_of_a_dependency_is_told_with_what_needs_it(self):
        from server import Server

        server = Server(
            self,
            {TOPIC: "import needy", "lib/site-packages/needy.py": "import nosuch"},
            env={"PYTHONPATH": "lib/site-packages"},
        )
        problem = server.load()["problems"][0]
        self.assertEqual(problem["file"], TOPIC + ":1")
        self.assertTrue(
            problem["message"].startswith("cannot find the module 'nosuch', which needy.py needs\n"), problem
        )
