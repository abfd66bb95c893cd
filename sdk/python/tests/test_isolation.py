"""What handlers do wrong, and whom it harms."""

from server import Case

TOPIC = "less/topics/t/s/__init__.py"
WELL = {"less/topics/t/well/__init__.py": "async def process(m): pass"}
SDK = "from less import topics, functions, kvs, CallError, NonRetriableError\nimport asyncio, sys, os, threading\n"


class Isolation(Case):
    def subscriber(self, source, keyword="def", **options):
        body = "\n".join(f"    {line}" for line in source.strip("\n").split("\n"))
        return self.serve({TOPIC: f"{SDK}{keyword} process(message):\n{body}\n", **WELL}, **options)

    def check_well(self, server):
        self.assertEqual(server.run("topics/t/well")["status"], 0)

    def test_what_a_handler_raises_is_told_with_the_lines_of_its_author_only(self):
        source = (
            "def inner():\n"
            "    try: 1 / 0\n"
            "    except Exception as e: raise ValueError('too far') from e\n"
            "{} process(m):\n"
            "    inner()\n"
        )
        for keyword in ("def", "async def"):
            server = self.serve({TOPIC: source.format(keyword)})
            reply = server.run("topics/t/s")
            thrown = reply["thrown"]
            self.assertEqual((reply["status"], thrown["name"], thrown["message"]), (1, "ValueError", "too far"))
            lines = [line for line in thrown["stack"].split("\n") if line.strip(" ^~")]
            self.assertEqual(
                lines,
                [
                    "Traceback (most recent call last):",
                    f'  File "{TOPIC}", line 2, in inner',
                    "    try: 1 / 0",
                    "ZeroDivisionError: division by zero",
                    "The above exception was the direct cause of the following exception:",
                    "Traceback (most recent call last):",
                    f'  File "{TOPIC}", line 5, in process',
                    "    inner()",
                    f'  File "{TOPIC}", line 3, in inner',
                    "    except Exception as e: raise ValueError('too far') from e",
                    "ValueError: too far",
                ],
            )

    def test_anything_can_be_raised(self):
        told = {
            "sys.exit(3)": ("SystemExit", "sys.exit(3) was called: it ends the invocation, not the process"),
            "exit()": ("SystemExit", "sys.exit() was called: it ends the invocation, not the process"),
            "raise KeyboardInterrupt": ("KeyboardInterrupt", ""),
            "raise MemoryError": ("MemoryError", ""),
            "raise asyncio.CancelledError": ("CancelledError", ""),
            "raise GeneratorExit": ("GeneratorExit", ""),
            "f = lambda: f()\nf()": ("RecursionError", "maximum recursion depth exceeded"),
            "raise type('Odd', (Exception,), {'__str__': lambda self: 1 / 0})": (
                "Error",
                "something that cannot be described was raised",
            ),
            "raise 7": ("TypeError", "exceptions must derive from BaseException"),
        }
        for keyword in ("def", "async def"):
            for source, expected in told.items():
                with self.subTest(source, keyword=keyword):
                    server = self.subscriber(source, keyword)
                    reply = server.run("topics/t/s")
                    self.assertEqual(
                        (reply["status"], reply["thrown"]["name"], reply["thrown"]["message"]), (1, *expected)
                    )
                    self.check_well(server)

    def test_a_message_that_is_too_deep_for_python_is_the_handlers_error(self):
        server = self.subscriber("pass")
        reply = server.run("topics/t/s", payload="[" * 100_000 + "]" * 100_000)
        self.assertEqual((reply["status"], reply["thrown"]["name"]), (1, "RecursionError"))
        self.check_well(server)

    def test_a_failed_call_that_nobody_awaits_fails_the_invocation(self):
        answer = {"error": {"code": "store_full", "message": "full"}}
        for source in (
            "topics.t.publish_async(1)",
            "kvs.get_async('a')",
            "functions.f.call_async()",
            "asyncio.create_task(topics.t.publish_async(1))",
            "asyncio.ensure_future(topics.t.publish_async(1))",
        ):
            with self.subTest(source):
                server = self.subscriber(source, "async def", answer=lambda _: answer, functions=["f"])
                reply = server.run("topics/t/s")
                self.assertEqual((reply["status"], reply["thrown"]["message"]), (1, "full"))
                self.check_well(server)

    def test_a_failed_task_that_nobody_awaits_fails_the_invocation(self):
        source = (
            "async def lost(): raise ValueError('lost')\n"
            "kept = asyncio.create_task(lost())\n"
            "await asyncio.sleep(0)\n"
            "await asyncio.sleep(0)"
        )
        reply = self.subscriber(source, "async def").run("topics/t/s")
        self.assertEqual((reply["status"], reply["thrown"]["message"]), (1, "lost"))

    def test_a_failed_call_that_is_looked_at_fails_nobody(self):
        answer = {"error": {"code": "store_full", "message": "full"}}
        for source in (
            "a, b = topics.t.publish_async(1), topics.t.publish_async(2)\n"
            "for one in (a, b):\n"
            "    try: await one\n"
            "    except CallError: print('caught')",
            "for one in await asyncio.gather(topics.t.publish_async(1), topics.t.publish_async(2), return_exceptions=True): print('caught')",
            "done, _ = await asyncio.wait({asyncio.ensure_future(topics.t.publish_async(i)) for i in (1, 2)})\n"
            "for one in done:\n"
            "    if one.exception(): print('caught')",
        ):
            with self.subTest(source):
                server = self.subscriber(source, "async def", answer=lambda _: answer)
                self.assertEqual(server.run("topics/t/s")["status"], 0)
                self.assertEqual(server.logs(1), ["caught", "caught"])

    def test_a_callback_of_the_loop_that_raises_fails_its_own_invocation_and_no_other(self):
        source = (
            "def lost(): raise ValueError('lost')\n"
            "asyncio.get_running_loop().call_later(0.005, lost)\n"
            "await asyncio.sleep(60)"
        )
        server = self.subscriber(source, "async def")
        number = server.begin("topics/t/s")
        self.check_well(server)
        reply = server.reply(number)
        self.assertEqual((reply["status"], reply["thrown"]["message"]), (1, "lost"))
        self.check_well(server)

    def test_what_goes_wrong_after_the_end_is_logged_and_harms_nobody(self):
        source = "def lost(): raise ValueError('too late')\nasyncio.get_running_loop().call_later(0.005, lost)"
        server = self.subscriber(source, "async def")
        self.assertEqual(server.run("topics/t/s")["status"], 0)
        line = server.logged("ValueError: too late")
        self.assertEqual((line["id"], line["error"]), (0, True))
        self.check_well(server)

    def test_sys_exit_in_a_task_harms_nobody_else(self):
        source = (
            "async def lost(): sys.exit(3)\nkept = asyncio.create_task(lost())\nawait asyncio.sleep(0.01)\nprint('on')"
        )
        server = self.subscriber(source, "async def")
        reply = server.run("topics/t/s")
        self.assertEqual((reply["status"], reply["thrown"]["name"], server.logs(1)), (1, "SystemExit", ["on"]))
        self.check_well(server)

    def test_os_exit_ends_the_process_with_its_code_after_the_lines_printed_before(self):
        server = self.subscriber("print('last words')\nos._exit(3)")
        server.begin("topics/t/s")
        server.logged("last words")
        self.assertEqual(server.exited(), 3)

    def test_the_process_outlives_signals_to_its_group(self):
        server = self.subscriber("import signal, time\nfor s in (2, 15, 1): os.kill(os.getpid(), s)\nprint('on')")
        self.assertEqual(server.run("topics/t/s")["status"], 0)
        self.assertEqual(server.logs(1), ["on"])

    def test_programs_that_a_handler_starts_hear_signals_and_inherit_nothing_of_ours(self):
        source = """
import subprocess
child = subprocess.Popen(['sleep', '60'])
child.terminate()
print(child.wait())
print(subprocess.run(['ls', '/proc/self/fd'], capture_output=True, text=True).stdout.split(), 'LESS_FD' in os.environ)
"""
        server = self.subscriber(source)
        server.run("topics/t/s")
        self.assertEqual(server.logs(1), ["-15", "['0', '1', '2', '3'] False"])

    def test_variables_of_a_context_do_not_leak_to_other_invocations(self):
        head = "import contextvars\nv = contextvars.ContextVar('v', default=0)\n"
        for keyword in ("def", "async def"):
            server = self.serve({TOPIC: f"{head}{keyword} process(m):\n    print(v.get())\n    v.set(1)"})
            server.run("topics/t/s")
            server.run("topics/t/s")
            self.assertEqual(server.logs(), ["0", "0"])

    def test_a_forked_child_is_no_worker(self):
        sources = {
            "if os.fork() == 0: raise ValueError('child')\nprint(os.wait()[1] >> 8)": ("1", "ValueError: child"),
            "if os.fork() == 0: sys.exit(7)\nprint(os.wait()[1] >> 8)": ("7", ""),
            "if os.fork() == 0: print('child'); return\nprint(os.wait()[1] >> 8)": ("0", "child"),
            "if os.fork() == 0: topics.t.publish(1)\nprint(os.wait()[1] >> 8)": ("1", "outside any invocation"),
        }
        for source, (code, printed) in sources.items():
            with self.subTest(source):
                server = self.subscriber(source)
                self.assertEqual(server.run("topics/t/s")["status"], 0)
                self.assertEqual(server.logs(1), [code])
                self.assertIn(printed, server.printed())
                self.check_well(server)

    def test_processes_of_multiprocessing_work(self):
        source = """
import multiprocessing, os
def double(n): return n * 2
def process(m):
    with multiprocessing.get_context('fork').Pool(2) as pool: print(pool.map(double, [1, 2]))
"""
        server = self.serve({TOPIC: source})
        self.assertEqual(server.run("topics/t/s")["status"], 0)
        self.assertEqual(server.logs(1), ["[2, 4]"])


class Threads(Case):
    def subscriber(self, source, **options):
        body = "\n".join(f"    {line}" for line in source.strip("\n").split("\n"))
        return self.serve({TOPIC: f"{SDK}def process(message):\n{body}\n", **WELL}, **options)

    def test_threads_and_pools_belong_to_the_invocation(self):
        source = """
from concurrent.futures import ThreadPoolExecutor
thread = threading.Thread(target=print, args=('thread',))
thread.start()
thread.join()
global pool
pool = globals().get('pool') or ThreadPoolExecutor(1)
pool.submit(print, 'pool').result()
"""
        server = self.subscriber(source)
        for number in (1, 2):
            server.run("topics/t/s")
            self.assertEqual(server.logs(number), ["thread", "pool"])

    def test_threads_of_a_def_handler_may_call_all_at_once(self):
        source = """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    found = list(pool.map(lambda i: topics.t.publish(i).id, range(200)))
print(len(set(found)), topics.t.publish('last').id)
"""
        server = self.subscriber(source)
        self.assertEqual(server.run("topics/t/s")["status"], 0)
        self.assertEqual(server.logs(1), ["200 m201"])

    def test_a_thread_that_calls_while_the_handler_itself_does(self):
        source = """
thread = threading.Thread(target=lambda: [topics.t.publish(i) for i in range(200)])
thread.start()
for i in range(200): kvs.get('a')
thread.join()
"""
        server = self.subscriber(source, answer=lambda call: {"ok": '{"id":"m"}' if call["target"] == "t" else "null"})
        self.assertEqual(server.run("topics/t/s")["status"], 0)
        self.assertEqual(len(server.calls()), 400)

    def test_an_invocation_waits_for_the_call_of_a_thread_that_it_did_not_join(self):
        source = "threading.Thread(target=topics.t.publish, args=(1,)).start()\nwhile not started(): pass"
        head = "import less._worker.invocations as i\ndef started(): return i.current.get().calls"
        server = self.serve(
            {TOPIC: f"{SDK}{head}\ndef process(m):\n    " + source.replace("\n", "\n    "), **WELL},
            answer=lambda _: None,
        )
        number = server.begin("topics/t/s")
        call = server.call_of("t")
        server.ping()
        self.assertFalse([frame for frame in server.frames if frame["type"] == "reply"])
        server.send({"type": "answer", "call": call["call"], "ok": '{"id":"m"}'})
        self.assertEqual(server.reply(number)["status"], 0)
        self.check_well(server)

    def check_well(self, server):
        self.assertEqual(server.run("topics/t/well")["status"], 0)

    def test_a_thread_of_an_async_def_handler_may_call(self):
        source = (
            "def work(): return [topics.t.publish(i).id for i in range(50)]\n"
            "async def process(m):\n"
            "    print(len(await asyncio.to_thread(work)), len(await asyncio.gather(*(asyncio.to_thread(work) for _ in range(3)))))"
        )
        server = self.serve({TOPIC: SDK + source})
        self.assertEqual(server.run("topics/t/s")["status"], 0)
        self.assertEqual(server.logs(1), ["50 3"])

    def test_an_error_that_ends_a_thread_fails_the_invocation(self):
        source = (
            "def lost(): raise ValueError('lost')\n"
            "thread = threading.Thread(target=lost)\n"
            "thread.start()\n"
            "thread.join()"
        )
        server = self.subscriber(source)
        reply = server.run("topics/t/s")
        self.assertEqual((reply["status"], reply["thrown"]["message"]), (1, "lost"))
        self.check_well(server)
