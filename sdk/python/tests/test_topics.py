from server import Case

TOPIC = "less/topics/t/s/__init__.py"


class Topics(Case):
    def test_hello(self):
        server = self.serve({TOPIC: "from less import topics\ndef process(m):\n    print('hi', m)\n    print(topics.t.publish(m))\n"})
        self.assertEqual(server.loaded["exclusive"], [0])
        self.assertEqual(server.run("topics/t/s", message={"a": 1})["status"], 0)
        self.assertEqual(server.logs(1), ["hi {'a': 1}", "{'id': 'm1'}"])

    def test_async(self):
        server = self.serve({TOPIC: "from less import topics\nasync def process(m):\n    print('hi', m)\n    print(await topics.t.publish_async(m))\n"})
        self.assertEqual(server.run("topics/t/s", message={"a": 1})["status"], 0)
        self.assertEqual(server.logs(1), ["hi {'a': 1}", "{'id': 'm1'}"])
