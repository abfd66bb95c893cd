import json

from server import INVOCATION, Case

POST = "less/apis/a/r/post.py"
PATH = "apis/a/r/post"


class Requests(Case):
    def test_a_handler_sees_the_request(self):
        source = (
            "import json\ndef process(request, response):\n    response.body = json.dumps(request)\n    return response"
        )
        server = self.serve({POST: source})
        given = {
            "method": "POST", "path": "/r/7", "headers": [["Content-Type", "a/b"], ["X-Request-Id", "ä"]],
            "query": [["a", "1"], ["a", "2"], ["b", ""]], "params": [["id", "7"]], "body": "café",
        }  # fmt: skip
        request = json.loads(server.request(PATH, **given)["body"])
        self.assertEqual(
            request,
            {
                "method": "POST",
                "path": "/r/7",
                "headers": {"Content-Type": "a/b", "X-Request-Id": "ä"},
                "query": {"a": "2", "b": ""},
                "query_all": {"a": ["1", "2"], "b": [""]},
                "params": {"id": "7"},
                "body": "café",
                "is_base64": False,
            },
        )

    def test_keys_are_attributes_and_headers_are_found_in_any_case(self):
        source = """
def process(request, response):
    h = request.headers
    assert h["content-type"] == h["Content-Type"] == h.get("CONTENT-TYPE") == h.content_type == "a/b"
    assert "content-TYPE" in h and "accept" not in h and h.get("accept") is None and h.get("accept", 7) == 7
    assert request.params.id == request["params"]["id"] == "7"
    try: h["accept"]
    except KeyError: pass
    try: request.bdy
    except AttributeError as error: return {"body": str(error)}
"""
        server = self.serve({POST: source})
        given = server.request(PATH, headers=[["Content-Type", "a/b"]], params=[["id", "7"]])
        there = "method, path, headers, query, query_all, params, body, is_base64"
        self.assertEqual(given["body"], f"there is no 'bdy' here, but {there}")

    def test_bytes_that_are_no_text_come_in_base64(self):
        server = self.serve({POST: "def process(q, r): return {'body': [q.body, q.is_base64]}"})
        self.assertEqual(json.loads(server.request(PATH, body=b"\xff\0\xfe", is_base64=True)["body"]), ["/wD+", True])

    def test_a_route_that_declares_a_context_is_given_one(self):
        for declared in ("q, r, c", "q, r, context=None"):
            server = self.serve(
                {POST: f"def process({declared}): return {{'body': {declared.split()[-1].split('=')[0]}}}"}
            )
            context = json.loads(server.request(PATH)["body"])
            self.assertEqual((context["invocation_id"], context["handler"]), (INVOCATION, PATH))
            self.assertEqual((context["message_id"], context["published_at"]), (None, None))


# What is returned: status, headers, body.
RESPONSES = {
    "None": (200, {}, ""),
    "r": (200, {}, ""),
    "{'body': 'é'}": (200, {"content-type": "text/plain; charset=utf-8"}, "é"),
    "{'body': 7}": (200, {"content-type": "text/plain; charset=utf-8"}, "7"),
    "{'body': 7.5}": (200, {"content-type": "text/plain; charset=utf-8"}, "7.5"),
    "{'body': True}": (200, {"content-type": "application/json"}, "true"),
    "{'body': {'a': [1, None, 'é']}}": (200, {"content-type": "application/json"}, '{"a":[1,null,"é"]}'),
    "{'body': (1, 2)}": (200, {"content-type": "application/json"}, "[1,2]"),
    "{'body': b'abc'}": (200, {"content-type": "application/octet-stream"}, "abc"),
    "{'body': None}": (200, {}, ""),
    "{'status_code': 201}": (201, {}, ""),
    "{'statusCode': '404', 'body': ''}": (404, {}, ""),
    "{'status_code': __import__('http').HTTPStatus.CREATED}": (201, {}, ""),
    "{'status_code': 204, 'body': 'x'}": (204, {}, ""),
    "{'headers': {'X-A': 1, 'x-b': None, 'x-c': True}}": (200, {"X-A": "1", "x-c": "true"}, ""),
    "{'headers': [('x-a', 'é')]}": (200, {"x-a": "é"}, ""),
    "{'headers': {'Content-Type': 'a/b'}, 'body': {}}": (200, {"Content-Type": "a/b"}, "{}"),
    "{'headers': {'x-a': '1', 'X-A': '2'}}": (200, {"X-A": "2"}, ""),
    "(setattr(r, 'status_code', 418), r)[1]": (418, {}, ""),
    "(r.__setitem__('statusCode', 419), {'status_code': r.status_code})[1]": (419, {}, ""),
    "(r.headers.__setitem__('x', 'y'), None)[1]": (200, {"x": "y"}, ""),
}
WRONG = {
    "'hello'": "process returned the string 'hello', which is no response: ",
    "{'error': 1}": "process returned a dict, which is no response: ",
    "('x', 200)": "process returned a tuple, which is no response: ",
    "{'status_code': 99}": "status_code is 99; it must be a whole number from 200 to 599",
    "{'status_code': True}": "status_code is True; it must be a whole number from 200 to 599",
    "{'status_code': 'ok'}": "status_code is the string 'ok'; it must be a whole number from 200 to 599",
    "{'headers': 'x'}": "headers is the string 'x'; it must be a dict of names and values",
    "{'headers': {'a b': 1}}": "'a b' is no name of a header",
    "{'headers': {'a': {}}}": "the header 'a' is a dict; it must be a string, a number or a list of them",
    "{'headers': {'a': 'x\\r\\ny: z'}}": "the header 'a' has a line break or another control character in its value",
    "{'headers': {'a': 'x' * 70000}}": "headers take 70005 bytes; the limit is 65536",
    "{'body': {1}}": "body cannot be written as JSON: it is a set, which JSON does not have; use list(…)",
    "{'body': open('/dev/null')}": "body is a stream; read it and return its content",
    "{'body': (i for i in 'a')}": "body is a stream; read it and return its content",
}


class Responses(Case):
    def routes(self, expressions, keyword):
        branches = "".join(f"    if q.path == '{i}': return {one}\n" for i, one in enumerate(expressions))
        return self.serve({POST: f"{keyword} process(q, r):\n{branches}"})

    def test_what_is_returned_is_what_is_sent(self):
        for keyword in ("def", "async def"):
            server = self.routes(RESPONSES, keyword)
            for i, (expression, (status, headers, body)) in enumerate(RESPONSES.items()):
                with self.subTest(expression):
                    given = server.request(PATH, path=str(i))
                    self.assertEqual(given, {"status": status, "headers": headers, "body": body})

    def test_what_is_wrong_is_the_handlers_error(self):
        server = self.routes(WRONG, "def")
        for i, (expression, message) in enumerate(WRONG.items()):
            with self.subTest(expression):
                reply = server.run(PATH, path=str(i))
                self.assertEqual((reply["status"], reply["thrown"]["name"]), (1, "TypeError"))
                self.assertTrue(reply["thrown"]["message"].startswith(message), reply["thrown"]["message"])

    def test_a_header_may_have_several_values(self):
        server = self.serve({POST: "def process(q, r): r.headers['set-cookie'] = ['a=1', 'b=2']"})
        self.assertEqual(server.run(PATH)["response"]["headers"], [["set-cookie", "a=1"], ["set-cookie", "b=2"]])

    def test_bytes_are_sent_as_they_are(self):
        server = self.serve({POST: "def process(q, r): return {'body': bytearray(b'\\xff\\x00')}"})
        self.assertEqual(server.run(PATH)["response"]["body_hex"], "ff00")

    def test_a_response_that_is_too_large_is_told_as_such(self):
        server = self.serve(
            {POST: "def process(q, r): return {'body': 'e' * int(q.body)}"}, limits={"response_bytes": 100}
        )
        self.assertEqual(server.run(PATH, body="100")["status"], 0)
        reply = server.run(PATH, body="101")
        self.assertEqual((reply["status"], reply["thrown"]["name"]), (3, "ResponseTooLarge"))
        self.assertEqual(reply["thrown"]["message"], "the response of 101 bytes is larger than the limit of 100 bytes")


# The middlewares and process of a route; what its answer's body is. `{async}` and `{await}` are filled in.
CHAINS = {
    "in order, with one request and response": (
        """
{d} first(request, response, next):
    request.seen = ["first"]
    response.headers["x-first"] = "1"
    return {a}next()
{d} second(request, response, next):
    request.seen.append("second")
    result = {a}next()
    result.body += "!"
    return result
middlewares = [first, second]
{d} process(request, response):
    response.body = ",".join(request.seen) + response.headers["x-first"]
""",
        "first,second1!",
    ),
    "one that answers ends the request": (
        """
{d} check(request, response, next): return {{"status_code": 200, "body": "stop"}}
middlewares = (check,)
{d} process(request, response): raise ValueError
""",
        "stop",
    ),
    "one that neither answers nor goes on gives the response as it stands": (
        """
{d} check(request, response, next): response.body = "stands"
middlewares = [check]
{d} process(request, response): raise ValueError
""",
        "stands",
    ),
    "next need not be awaited nor returned": (
        """
{d} check(request, response, next): next()
middlewares = [check]
{d} process(request, response): return {{"body": "rest"}}
""",
        "rest",
    ),
    "an error of the rest can be caught": (
        """
{d} check(request, response, next):
    try:
        {a}next()
    except ValueError as error:
        response.body = "caught " + str(error)
middlewares = [check]
{d} process(request, response): raise ValueError("it")
""",
        "caught it",
    ),
    "next is called once": (
        """
{d} check(request, response, next):
    {a}next()
    try: {a}next()
    except RuntimeError as error: return {{"body": str(error)}}
middlewares = [check]
{d} process(request, response): pass
""",
        "middleware 1 of 1 called next() twice",
    ),
    "next(error) refuses": (
        """
{d} outer(request, response, next):
    try: {a}next()
    except KeyError as error: return {{"body": repr(error)}}
{d} check(request, response, next): {a}next(KeyError("no"))
middlewares = [outer, check]
{d} process(request, response): return {{"body": "ran"}}
""",
        "KeyError('no')",
    ),
}


class Middlewares(Case):
    def test_middlewares_whether_def_or_async_def(self):
        for name, (source, body) in CHAINS.items():
            for words in ({"d": "def", "a": ""}, {"d": "async def", "a": "await "}):
                with self.subTest(name, **words):
                    self.assertEqual(self.serve({POST: source.format(**words)}).request(PATH)["body"], body)

    def test_def_and_async_def_may_be_mixed(self):
        source = """
def first(request, response, next):
    response.headers["x-first"] = "1"
    return next()
async def second(request, response, next):
    result = await next()
    result.body += "!"
    return result
middlewares = [first, second]
{} process(request, response): response.body = response.headers["x-first"]
"""
        for keyword in ("def", "async def"):
            server = self.serve({POST: source.format(keyword)})
            self.assertEqual(server.request(PATH)["body"], "1!")
            self.assertEqual(server.loaded.get("exclusive"), [0] if keyword == "def" else None)

    def test_an_error_that_nobody_catches_is_the_requests(self):
        for words in (("def", ""), ("async def", ""), ("async def", "await ")):
            source = """
{0} check(request, response, next):
    {1}next()
    return {{"body": "fine"}}
middlewares = [check]
{0} process(request, response): raise ValueError("it")
"""
            reply = self.serve({POST: source.format(*words)}).run(PATH)
            self.assertEqual((reply["status"], reply["thrown"]["message"]), (1, "it"))

    def test_next_can_be_gathered_with_other_work(self):
        source = """
import asyncio
async def check(request, response, next):
    _, result = await asyncio.gather(asyncio.sleep(0), asyncio.create_task(next()))
    return result
middlewares = [check]
async def process(request, response): return {"body": "rest"}
"""
        self.assertEqual(self.serve({POST: source}).request(PATH)["body"], "rest")
