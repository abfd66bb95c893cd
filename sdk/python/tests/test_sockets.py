"""Sockets: what their handlers are told, and messages to their connections."""

from server import Case

PATH = "sockets/live-chat/send"
FILE = f"less/{PATH}/__init__.py"
SDK = "from less import sockets, CallError\n"


def sent(call):
    return {"ok": '{"sent":1,"gone":["b"]}'}


class Sockets(Case):
    def channel(self, source, is_async=False, **options):
        lines = "\n".join(f"    {line}" for line in source.strip("\n").split("\n"))
        head = "async def" if is_async else "def"
        options.setdefault("answer", sent)
        return self.serve({FILE: f"{SDK}{head} process(event):\n{lines}\n"}, **options)

    def asked(self, server):
        return [(call["service"], call["target"], call["options"], call["payload"]) for call in server.calls()]

    def test_a_channel_gets_what_the_client_sent_and_who_it_is(self):
        server = self.channel("print(event.get('data'), event['connection_id'], event.data == {'text': 'é'})")
        self.assertIsNone(server.result(PATH, message={"data": {"text": "é"}, "connection_id": "c1"}))
        self.assertEqual(server.logs(1), ["{'text': 'é'} c1 True"])

    def test_of_what_a_handler_of_connections_returns_only_the_status_counts(self):
        source = "return [{'statusCode': 403, 'body': 'no'}, {'status_code': 401}, {'statusCode': '400'}, {'statusCode': None}, None, 7, object(), {1: {2}}, 'x'][event.data]"
        server = self.channel(source)
        results = [server.result(PATH, message={"data": i}) for i in range(9)]
        self.assertEqual(results, [{"statusCode": 403}, {"statusCode": 401}, {"statusCode": 400}] + [None] * 6)

    def test_who_connects_is_told_with_headers_in_any_case(self):
        server = self.channel(
            "headers = event.headers\nprint(headers['authorization'], headers.get('USER-AGENT'), headers.get('none'), event.query.room)"
        )
        headers = {"Authorization": "x", "User-Agent": "y"}
        server.result(PATH, message={"connection_id": "c", "headers": headers, "query": {"room": "1"}})
        self.assertEqual(server.logs(1), ["x y None 1"])

    def test_publish_names_its_connections_one_or_several_and_says_who_is_gone(self):
        server = self.channel(
            """
answer = sockets['live-chat'].publish({'text': 'é'}, ['a', 'b'])
print(answer, answer.sent, answer.gone)
sockets.live_chat.publish(0, 'a')
sockets.live_chat.publish('x', (id for id in ['a', None]))
sockets.live_chat.publish('x', None)
sockets.live_chat.broadcast(['x'])
"""
        )
        server.result(PATH)
        self.assertEqual(server.logs(1), ["{'sent': 1, 'gone': ['b']} 1 ['b']"])
        to = ("sockets", "live-chat")
        expected = [
            (*to, '{"connections":["a","b"]}', '{"text":"é"}'),
            (*to, '{"connections":["a"]}', "0"),
            (*to, '{"connections":["a",null]}', '"x"'),
            (*to, '{"connections":[]}', '"x"'),
            (*to, "", '["x"]'),
        ]
        self.assertEqual(self.asked(server), expected)

    def test_in_async_def_they_are_awaited(self):
        server = self.channel(
            "print((await sockets.live_chat.publish_async(1, 'a')).sent, (await sockets.live_chat.broadcast_async(2)).gone)",
            is_async=True,
        )
        server.result(PATH)
        self.assertEqual(server.logs(1), ["1 ['b']"])
        self.assertEqual([call["payload"] for call in server.calls()], ["1", "2"])

    def test_what_is_no_id_is_refused_before_anything_is_sent(self):
        server = self.channel(
            """
for to in (7, [7], [['a']]):
    try: sockets.live_chat.publish(1, to)
    except CallError as error: print(error.code, error)
"""
        )
        server.result(PATH)
        what = "bad_option sockets.live-chat.publish:"
        expected = [
            f"{what} connections must be an id or a list of ids, not 7",
            f"{what} the id of a connection must be a string, not 7",
            f"{what} the id of a connection must be a string, not a list",
        ]
        self.assertEqual((server.logs(1), server.calls()), (expected, []))

    def test_a_message_of_exactly_the_limit_is_sent_a_larger_one_is_refused(self):
        server = self.channel(
            """
sockets.live_chat.broadcast('e' * 998)
try: sockets.live_chat.broadcast('e' * 999)
except CallError as error: print(error.code, error)
""",
            limits={"socket_message_bytes": 1000},
        )
        server.result(PATH)
        self.assertEqual(len(server.calls()), 1)
        sizes = "the message has 1,001 bytes, the limit is 1,000 bytes; nothing was sent"
        self.assertEqual(server.logs(1), [f"message_too_large sockets.live-chat.broadcast: {sizes}"])

    def test_a_misspelt_socket_fails_at_once_and_names_the_nearest(self):
        server = self.channel("try: sockets.live_chart\nexcept CallError as error: print(error.code, error)")
        server.result(PATH)
        message = "there is no socket 'live_chart'; did you mean 'live-chat'? The project's sockets: live-chat"
        self.assertEqual(server.logs(1), [f"unknown_socket {message}"])
