from server import Case

TOPIC = "less/topics/t/s/__init__.py"


class Logs(Case):
    def lines(self, source, head="", keyword="def", **options):
        """What a handler with this body logs: text and whether it is an error."""
        body = "\n".join(f"    {line}" for line in source.strip("\n").split("\n"))
        server = self.serve({TOPIC: f"import sys\n{head}\n{keyword} process(message):\n{body}\n"}, **options)
        self.assertEqual(server.run("topics/t/s")["status"], 0)
        return [(one["text"], one["error"]) for one in server.frames if one["type"] == "log" and one["id"] == 1]

    def texts(self, source, **options):
        return [text for text, _ in self.lines(source, **options)]

    def test_what_is_printed_belongs_to_its_invocation_and_stream(self):
        for keyword in ("def", "async def"):
            source = "print('a', 1, sep='-')\nprint('b', file=sys.stderr)\nprint()\nprint('c\\nd\\r\\n', end='')"
            expected = [("a-1", False), ("b", True), ("", False), ("c", False), ("d", False)]
            self.assertEqual(self.lines(source, keyword=keyword), expected)

    def test_a_line_may_come_in_parts_and_its_end_may_miss(self):
        source = "sys.stdout.write('a')\nprint('b', end='', flush=True)\nsys.stdout.write('c\\nd')\nsys.stdout.flush()"
        self.assertEqual(self.texts(source), ["abc", "d"])

    def test_bytes_are_taken_to_be_utf_8(self):
        self.assertEqual(self.texts("sys.stdout.buffer.write('é\\n'.encode() + b'\\xff\\n')"), ["é", "�"])

    def test_logging_and_warnings_belong_to_the_invocation(self):
        head = (
            "import logging, warnings\nlogging.basicConfig(level='INFO', format='%(levelname)s %(name)s %(message)s')"
        )
        source = "logging.getLogger('mine').info('a')\nlogging.warning('b')\nwarnings.warn('c')"
        found = self.lines(source, head=head)
        self.assertEqual(found[:2], [("INFO mine a", True), ("WARNING root b", True)])
        self.assertIn("UserWarning: c", found[2][0])

    def test_loggings_last_resort_belongs_to_the_invocation(self):
        source = "import logging\nlogging.getLogger(__name__).error('a')"
        self.assertEqual(self.lines(source), [("a", True)])

    def test_a_traceback_is_printed_line_by_line(self):
        source = "import traceback\ntry: 1 / 0\nexcept ZeroDivisionError: traceback.print_exc()"
        self.assertEqual(self.texts(source)[-1], "ZeroDivisionError: division by zero")

    def test_a_line_is_told_at_once_while_the_handler_goes_on(self):
        source = "from less import kvs\ndef process(m):\n    print('begun')\n    kvs.get('a')\n    print('done')"
        server = self.serve({TOPIC: source}, answer=lambda _: None)
        number = server.begin("topics/t/s")
        server.logged("begun")
        server.send({"type": "answer", "call": server.call_of("get")["call"], "ok": "null"})
        server.reply(number)
        self.assertEqual(server.logs(number), ["begun", "done"])

    def test_lines_come_before_the_reply(self):
        server = self.serve({TOPIC: "async def process(m):\n    for i in range(1000): print(i)"})
        server.run("topics/t/s")
        self.assertEqual(server.logs(1), [str(i) for i in range(1000)])

    def test_too_many_lines_are_counted(self):
        limits = {"log_lines": 3, "log_bytes": 100, "log_line_bytes": 20}
        shown = self.texts("for i in range(5): print(i)\nprint('x', end='')", limits=limits)
        told = "the limits are 3 lines and 100 bytes an invocation, 20 bytes a line"
        self.assertEqual(shown, ["0", "1", "2", f"[less] 3 lines of this log were left out; {told}"])

    def test_too_many_bytes_are_counted_and_leave_no_gaps(self):
        limits = {"log_lines": 100, "log_bytes": 10, "log_line_bytes": 20}
        shown = self.texts("print('é' * 4)\nprint('é' * 2)\nprint('a')", limits=limits)
        self.assertEqual(shown[0], "éééé")
        self.assertTrue(shown[1].startswith("[less] 2 lines of this log were left out"))

    def test_a_line_that_is_too_long_is_cut_between_characters(self):
        limits = {"log_lines": 100, "log_bytes": 1000, "log_line_bytes": 5}
        shown = self.texts("print('ééé')\nfor _ in range(10): print('abc', end='')", limits=limits)
        self.assertEqual(shown[:2], ["éé", "abcab"])
        self.assertTrue(shown[2].startswith("[less] 27 bytes of this log were left out"), shown[2])

    def test_lines_of_invocations_that_run_at_once_are_apart(self):
        source = (
            "import asyncio\n"
            "async def process(m):\n"
            "    for i in range(3):\n"
            "        print(m, i, end='')\n"
            "        await asyncio.sleep(0)\n"
            "        print()"
        )
        server = self.serve({TOPIC: source})
        numbers = [server.begin("topics/t/s", message=i) for i in range(1, 6)]
        for number in numbers:
            server.reply(number)
            self.assertEqual(server.logs(number), [f"{number} {i}" for i in range(3)])

    def test_what_is_printed_after_the_end_says_so(self):
        source = (
            "import asyncio\n"
            "async def late():\n"
            "    await asyncio.sleep(0.01)\n"
            "    print('late')\n"
            "async def process(m):\n"
            "    global kept\n"
            "    kept = asyncio.create_task(late())"
        )
        server = self.serve({TOPIC: source})
        self.assertEqual(server.run("topics/t/s")["status"], 0)
        line = server.logged("late")
        self.assertEqual((line["id"], line["text"]), (0, "[topics/t/s, after its end] late"))

    def test_programs_that_a_handler_starts_write_to_the_processs_own_streams(self):
        source = (
            "import subprocess\n"
            "subprocess.run(['echo', 'a'])\n"
            "subprocess.run(['echo', 'b'], stdout=sys.stdout, stderr=sys.stderr)"
        )
        server = self.serve({TOPIC: "import sys\ndef process(m):\n    " + source.replace("\n", "\n    ")})
        server.run("topics/t/s")
        self.assertEqual((server.logs(), server.printed()), ([], "a\nb\n"))

    def test_streams_can_be_redirected_by_a_handler(self):
        source = (
            "import io, contextlib\n"
            "with contextlib.redirect_stdout(io.StringIO()) as out: print('a')\n"
            "print(out.getvalue().strip() + 'b')"
        )
        self.assertEqual(self.texts(source), ["ab"])

    def test_closing_a_stream_closes_nothing(self):
        self.assertEqual(self.texts("sys.stdout.close()\nprint('a')"), ["a"])
