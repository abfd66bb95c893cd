from server import Case, Server, now

TOPIC = "less/topics/t/s/__init__.py"
OTHER = "less/topics/t/other/__init__.py"
WAITING = "from less import kvs\n{} process(m):\n    {}kvs.get{}('a')\n    print('done', m)"
DEF = WAITING.format("def", "", "")
ASYNC = WAITING.format("async def", "await ", "_async")


class Lifecycle(Case):
    def answer(self, server, nth=-1):
        server.send({"type": "answer", "call": server.calls()[nth]["call"], "ok": "null"})

    def test_a_handler_is_marked_on_the_board_before_it_runs(self):
        for source in (DEF, ASYNC):
            server = self.serve({TOPIC: source}, answer=lambda _: None)
            number = server.begin("topics/t/s", slot=5)
            server.call_of("get")
            self.assertEqual(server.marked(5), number)

    def test_what_waited_too_long_is_marked_and_handed_back(self):
        for source in (DEF, ASYNC):
            server = self.serve({TOPIC: source})
            number = server.begin("topics/t/s", sent_at=now() - 10_000, slot=5)
            server.returned(number)
            server.ping()
            self.assertEqual((server.marked(5), server.calls()), (number, []))

    def test_a_handler_that_is_loaded_has_its_place_on_the_board(self):
        server = Server(self, {TOPIC: "def process(m): pass", "less/topics/t/z/__init__.py": "import os; os._exit(4)"})
        with self.assertRaises(EOFError):
            server.load()
        self.assertEqual((server.exited(), server.marked(0)), (4, 2))

    def test_pings_are_answered_while_a_def_handler_waits_for_an_answer(self):
        server = self.serve({TOPIC: DEF}, answer=lambda _: None)
        number = server.begin("topics/t/s")
        server.call_of("get")
        server.ping()
        self.answer(server)
        self.assertEqual(server.reply(number)["status"], 0)

    def test_a_nonce_of_64_bits_comes_back(self):
        server = self.serve({TOPIC: DEF})
        server.send({"type": "ping", "nonce": str(2**64 - 1)})
        server.frame(lambda frame: frame["type"] == "pong" and frame["nonce"] == str(2**64 - 1))

    def test_async_def_handlers_run_at_once(self):
        server = self.serve({TOPIC: ASYNC}, answer=lambda _: None)
        numbers = [server.begin("topics/t/s", message=i) for i in range(50)]
        server.frame(lambda frame: len(server.calls()) == 50)
        for i in reversed(range(50)):
            self.answer(server, i)
        for number in numbers:
            self.assertEqual(server.reply(number)["status"], 0)

    def test_a_def_handler_among_async_def_ones_runs_and_may_have_a_loop_of_its_own(self):
        own = (
            "import asyncio\n"
            "from less import kvs\n"
            "async def main():\n"
            "    await asyncio.sleep(0)\n"
            "    return await kvs.get_async('b')\n"
            "def process(m):\n"
            "    print('own', asyncio.run(main()))"
        )
        server = self.serve(
            {TOPIC: ASYNC, OTHER: own}, answer=lambda call: {"ok": "null"} if '"b"' in call["options"] else None
        )
        waiting = server.begin("topics/t/s")
        server.call_of("get")
        self.assertEqual(server.run("topics/t/other")["status"], 0)
        self.assertEqual(server.run("topics/t/other")["status"], 0)
        self.answer(server, 0)
        self.assertEqual(server.reply(waiting)["status"], 0)

    def test_what_is_left_in_the_background_goes_on(self):
        source = (
            "import asyncio\n"
            "async def process(m):\n"
            "    global kept\n"
            "    kept = asyncio.create_task(later())\n"
            "async def later():\n"
            "    for i in range(20): await asyncio.sleep(0.001)\n"
            "    print('later')"
        )
        server = self.serve({TOPIC: source})
        server.run("topics/t/s")
        server.logged("later")

    def test_a_def_that_returns_an_awaitable_is_awaited_all_the_same(self):
        source = (
            "from less import kvs\n"
            "async def inner(m):\n"
            "    print(await kvs.get_async('a'))\n"
            "def process(m):\n"
            "    return inner(m)"
        )
        server = self.serve({TOPIC: source}, answer=lambda _: {"ok": "null"})
        self.assertEqual(server.run("topics/t/s")["status"], 0)
        self.assertEqual(server.logs(1), ["None"])
        self.assertEqual(server.run("topics/t/s")["status"], 0)

    def test_a_plain_call_in_an_async_def_handler_works_too(self):
        source = "from less import kvs\nasync def process(m): print(kvs.get('a'))"
        server = self.serve({TOPIC: source}, answer=lambda _: {"ok": "null"})
        numbers = [server.begin("topics/t/s") for _ in range(20)]
        for number in numbers:
            self.assertEqual(server.reply(number)["status"], 0)
        self.assertFalse([frame for frame in server.frames if frame["type"] == "returned"])

    def test_a_function_called_without_await_in_an_async_def_handler_is_refused_with_the_way_out(self):
        source = "from less import functions\nasync def process(m):\n    functions.f(1)"
        server = self.serve({TOPIC: source}, functions=["f"])
        reply = server.run("topics/t/s")
        self.assertEqual(reply["status"], 1)
        self.assertIn("await functions.f.call_async(…)", reply["thrown"]["message"])
        self.assertFalse(server.calls())

    def test_an_invocation_ends_when_the_calls_that_it_started_have(self):
        source = "from less import topics\nasync def process(m): topics.t.publish_async(1)"
        server = self.serve({TOPIC: source}, answer=lambda _: None)
        number = server.begin("topics/t/s")
        server.call_of("t")
        server.ping()
        self.assertFalse([frame for frame in server.frames if frame["type"] == "reply"])
        server.send({"type": "answer", "call": server.calls()[0]["call"], "ok": '{"id":"m"}'})
        self.assertEqual(server.reply(number)["status"], 0)

    def test_calls_that_follow_in_the_background_are_waited_for_too(self):
        for way in ("await one", "await asyncio.gather(one, asyncio.sleep(0))", "await asyncio.wait_for(one, 60)"):
            with self.subTest(way):
                source = f"""
import asyncio
from less import topics
async def chain():
    for i in range(5):
        one = topics.t.publish_async(i)
        {way}
async def process(m):
    global kept
    kept = asyncio.create_task(chain())
    await asyncio.sleep(0)
"""
                server = self.serve({TOPIC: source})
                self.assertEqual(server.run("topics/t/s")["status"], 0)
                self.assertEqual(len(server.calls()), 5)

    def test_a_call_after_the_end_is_refused(self):
        source = (
            "import asyncio\n"
            "from less import topics, CallError\n"
            "async def late():\n"
            "    await asyncio.sleep(0.01)\n"
            "    try: await topics.t.publish_async(1)\n"
            "    except CallError as e: print(e.code)\n"
            "async def process(m):\n"
            "    global kept\n"
            "    kept = asyncio.create_task(late())"
        )
        server = self.serve({TOPIC: source})
        server.run("topics/t/s")
        server.logged("invocation_ended")
        self.assertEqual(server.calls(), [])

    def test_a_withdrawn_invocation_is_not_heard_any_more(self):
        for keyword, wait in (("def", "kvs.get('a')"), ("async def", "await kvs.get_async('a')")):
            source = (
                f"from less import kvs, CallError\n"
                f"{keyword} process(m):\n"
                f"    try: {wait}\n"
                f"    except CallError as e: print(e.code)\n"
                f"    try: {wait}\n"
                f"    except CallError as e: print(e.code, 'again')"
            )
            with self.subTest(keyword):
                server = self.serve({TOPIC: source}, answer=lambda _: None)
                number = server.begin("topics/t/s")
                server.call_of("get")
                server.send({"type": "withdraw", "id": number})
                server.logged("invocation_ended again")
                server.ping()
                self.assertFalse([frame for frame in server.frames if frame["type"] == "reply"])
                self.assertEqual(len(server.calls()), 1)

    def test_an_invocation_that_is_withdrawn_before_it_begins_never_does(self):
        for source in (DEF, ASYNC):
            server = self.serve({TOPIC: source}, answer=lambda _: None)
            invocation = server.invocation("topics/t/s")
            server.send(invocation, {"type": "withdraw", "id": invocation["id"]})
            server.ping()
            server.ping()
            self.assertEqual((server.calls(), server.marked(invocation["slot"])), ([], 0))

    def test_stop_lets_finish_what_runs_and_then_exits_with_0(self):
        for source in (DEF, ASYNC):
            server = self.serve({TOPIC: source}, answer=lambda _: None)
            running = server.begin("topics/t/s")
            server.call_of("get")
            server.send({"type": "stop"})
            late = server.begin("topics/t/s")
            server.returned(late)
            self.answer(server)
            self.assertEqual(server.reply(running)["status"], 0)
            self.assertEqual(server.exited(), 0)
            self.assertEqual(server.logs(running), ["done {}"])

    def test_stop_gives_back_what_has_not_begun(self):
        for source in (DEF, ASYNC):
            server = self.serve({TOPIC: source}, answer=lambda _: {"ok": "null"})
            invocations = [server.invocation("topics/t/s") for _ in range(3)]
            server.send(*invocations, {"type": "stop"})
            for invocation in invocations:
                server.returned(invocation["id"])
            self.assertEqual(server.exited(), 0)

    def test_atexit_is_called_on_stop_and_its_lines_are_logged(self):
        server = self.serve({TOPIC: "import atexit\natexit.register(print, 'bye')\nasync def process(m): pass"})
        server.run("topics/t/s")
        server.send({"type": "stop"})
        server.logged("bye")
        self.assertEqual(server.exited(), 0)

    def test_threads_left_behind_do_not_keep_a_stopped_worker(self):
        server = self.serve(
            {TOPIC: "import threading\ndef process(m): threading.Thread(target=threading.Event().wait).start()"}
        )
        server.run("topics/t/s")
        server.send({"type": "stop"})
        self.assertEqual(server.exited(), 0)

    def test_the_end_of_the_stream_ends_the_process(self):
        for source in (DEF, ASYNC):
            server = self.serve({TOPIC: source}, answer=lambda _: None)
            server.begin("topics/t/s")
            server.call_of("get")
            server.socket.shutdown(2)
            self.assertEqual(server.exited(), 0)

    def test_another_version_of_the_protocol_is_refused(self):
        server = Server(self, {TOPIC: DEF})
        with self.assertRaises(EOFError):
            server.load(version=1)
        self.assertEqual(server.exited(), 1)
        self.assertIn("the server speaks version 1 of the protocol, this worker 2", server.printed())

    def test_bytes_that_are_no_frame_end_the_process(self):
        for source in (DEF, ASYNC):
            server = self.serve({TOPIC: source}, answer=lambda _: {"ok": "null"})
            server.run("topics/t/s")
            server.socket.sendall(b"\0\0\0\0")
            self.assertEqual(server.exited(), 1)
            self.assertIn("a frame of 0 bytes", server.printed())

    def test_frames_are_read_wherever_they_were_split(self):
        from frames import encode

        for source in (DEF, ASYNC):
            server = self.serve({TOPIC: source}, answer=lambda _: {"ok": "null"})
            invocation = server.invocation("topics/t/s", message="x" * 1000)
            for byte in encode(invocation):
                server.socket.sendall(bytes([byte]))
            self.assertEqual(server.reply(invocation["id"])["status"], 0)

    def test_a_large_message_arrives(self):
        source = "def process(m): print(len(m))"
        server = self.serve({TOPIC: source})
        server.run("topics/t/s", message="x" * 20_000_000)
        self.assertEqual(server.logs(), ["20000000"])

    def test_without_a_server_the_program_says_so(self):
        import subprocess
        import sys

        from frames import SDK

        done = subprocess.run(
            [sys.executable, "-B", f"{SDK}/less/_worker/main.py"], env={}, capture_output=True, text=True
        )
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stderr, "[less] LESS_FD is missing: the server starts this program, not a person\n")
