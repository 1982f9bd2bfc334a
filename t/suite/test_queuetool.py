"""The queue as an administrator sees and steers it: queuetool on messages that wait, since nobody delivers them."""

import json
import os
import subprocess
import time
import unittest

from harness import DOMAIN, SBIN, SLOWNESS, Suite, eventually, is_root

ALICE = "alice@" + DOMAIN
BOB = "bob@" + DOMAIN
WAITING = ("tabled", "queued", "smtpd")  # nobody delivers


class Tool(unittest.TestCase):
    services = WAITING + ("deliverd",)

    def setUp(self):
        self.suite = Suite(services=self.services)
        for service in WAITING:
            self.suite.start_service(service)
        self.suite.add_user(ALICE)
        self.suite.add_user(BOB)

    def tearDown(self):
        self.suite.stop()

    def tool(self, *arguments, status=0):
        result = subprocess.run([SBIN / "queuetool", "-c", self.suite.configuration, *arguments], capture_output=True, check=False,
                                timeout=60 * SLOWNESS)
        self.assertEqual(result.returncode, status, result.stderr)
        return result.stdout.decode()

    def json(self, *arguments):
        return json.loads(self.tool(*arguments, "--json"))

    def list(self, *arguments):
        return self.json("list", *arguments)

    def send(self, sender="sender@example.net", recipients=(ALICE,), subject="test", body="text", count=1):
        """Returns the queue ids."""
        with self.suite.smtp() as client:
            client.hello()
            content = f"Subject: {subject}\r\n\r\n{body}\r\n".encode()
            return [client.message(sender, list(recipients), content).text.split()[-1] for _ in range(count)]

    def restart_after_kill(self):
        self.suite.kill_service("queued")
        self.suite.start_service("queued")

    def deliver(self):
        self.suite.start_service("deliverd")


class Showing(Tool):
    def test_an_empty_queue_is_an_empty_list(self):
        self.assertEqual(self.list(), [])
        self.assertEqual(self.tool("list"), "")

    def test_a_message_is_listed_with_what_is_known_of_it(self):
        before = int(time.time())
        name, = self.send(recipients=(ALICE, BOB))
        entry, = self.list()
        self.assertEqual(entry["id"], name)
        self.assertEqual(entry["sender"], "sender@example.net")
        self.assertEqual((entry["recipients"], entry["recipients_left"]), (2, 2))
        self.assertEqual(entry["left"], [ALICE, BOB])
        self.assertGreaterEqual(entry["arrival"], before)
        self.assertIn(name, self.tool("list"))

    def test_a_list_is_in_the_order_of_arrival(self):
        names = self.send(count=50)  # by one session, hence one worker
        self.assertEqual([entry["id"] for entry in self.list()], names)

    def test_filters_choose(self):
        first, = self.send(sender="one@example.net", recipients=(ALICE,))
        second, = self.send(sender="", recipients=(BOB,))
        both = sorted([first, second])

        def found(*filters):
            return sorted(entry["id"] for entry in self.list(*filters))
        self.assertEqual(found("--sender", "ONE@example.net"), [first])
        self.assertEqual(found("--sender", "<>"), [second])
        self.assertEqual(found("--recipient", BOB), [second])
        self.assertEqual(found("--domain", DOMAIN.upper()), both)
        self.assertEqual(found("--domain", "example.net"), [])
        self.assertEqual(found("--newer", "1h"), both)
        self.assertEqual(found("--older", "1h"), [])
        self.assertEqual(found("--sender", "one@example.net", "--recipient", BOB), [])
        self.assertEqual(found(second), [second])

    def test_a_message_is_shown_whole(self):
        name, = self.send(subject="shown", body="the text\r\nof it")
        text = self.tool("show", name, "--message")
        self.assertIn("sender@example.net", text)
        self.assertIn("Subject: shown\n\nthe text\nof it\n", text)
        shown, = self.json("show", name, "--headers")
        self.assertEqual([recipient["address"] for recipient in shown["envelope"]], [ALICE])
        self.assertIn("Subject: shown\r\n", shown["content"])
        self.assertNotIn("the text", shown["content"])
        self.assertEqual(shown["client"], "127.0.0.1")

    def test_a_large_body_is_shown_whole(self):
        body = "\r\n".join(f"line {number} of many" for number in range(20000))
        name, = self.send(body=body)
        shown, = self.json("show", name, "--message")
        self.assertTrue(shown["content"].endswith(body + "\r\n"))
        self.assertEqual(len(shown["content"]), shown["size"])

    def test_what_is_not_there_is_said_so(self):
        self.tool("show", "0000000000000", status=65)
        self.tool("hold", "0000000000000", status=65)
        self.tool("hold", status=64)
        self.tool("hold", "nonsense!", status=64)
        self.tool("juggle", status=64)


class Telling(Tool):
    def events(self, name):
        return [event["event"] for event in self.json("trace", name)]

    def test_a_message_has_a_story_also_after_its_end(self):
        self.suite.dbtool("alias", "add", "both@" + DOMAIN, ALICE, BOB)
        name, = self.send(recipients=("both@" + DOMAIN,))
        self.deliver()
        self.suite.wait_messages(ALICE)
        self.suite.wait_messages(BOB)
        eventually(lambda: self.list() == [], "the queue is empty")
        story = self.json("trace", name)
        self.assertEqual([event["event"] for event in story], ["accepted", "expanded", "delivered", "delivered", "ended"])
        self.assertEqual((story[0]["address"], story[0]["text"]), ("sender@example.net", "127.0.0.1"))
        self.assertEqual(sorted(event["address"] for event in story[2:4]), [ALICE, BOB])
        self.assertEqual(story, sorted(story, key=lambda event: event["when"]))
        self.assertIn("delivered  <" + ALICE + ">", self.tool("trace", name))

    def test_a_story_goes_on_while_it_is_followed(self):
        name, = self.send()
        command = [SBIN / "queuetool", "-c", self.suite.configuration, "trace", name, "--follow", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            self.assertEqual(json.loads(process.stdout.readline())["event"], "accepted")
            self.tool("hold", name)
            self.assertEqual(json.loads(process.stdout.readline())["event"], "held")
            self.tool("delete", name)
            self.assertEqual([json.loads(line)["event"] for line in process.stdout], ["deleted", "ended"])
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.events(name), ["accepted", "held", "deleted", "ended"])

    def test_after_a_restart_the_story_begins_with_what_is_on_disk(self):
        name, = self.send()
        self.tool("hold", name)
        self.restart_after_kill()
        self.assertEqual(self.events(name), ["accepted"])

    def test_numbers_add_up(self):
        self.send(count=3)
        held, = self.send()
        self.tool("hold", held)
        stats = self.json("stats")
        self.assertEqual((stats["messages"], stats["held"], stats["accepted"]), (4, 1, 4))
        self.deliver()
        self.suite.wait_messages(ALICE, 3)
        eventually(lambda: self.json("stats")["messages"] == 1, "only one is left")
        stats = self.json("stats")
        self.assertEqual((stats["delivered"], stats["failed"]), (3, 0))
        self.assertIn("1 held", self.tool("stats"))


class Steering(Tool):
    def test_a_held_message_is_not_delivered_until_it_is_released(self):
        held, = self.send(subject="held")
        self.assertIn("1 message held", self.tool("hold", held))
        self.restart_after_kill()
        self.assertEqual(self.list()[0]["state"], "held")
        self.deliver()
        self.suite.deliver(BOB)
        self.assertEqual([entry["id"] for entry in self.list()], [held])
        self.assertEqual(self.suite.messages(ALICE), [])
        self.assertIn("1 message released", self.tool("release", held))
        self.suite.wait_messages(ALICE)
        eventually(lambda: self.list() == [], "the queue is empty")

    def test_a_released_message_stays_released_after_a_kill(self):
        name, = self.send()
        self.tool("hold", name)
        self.tool("release", name)
        self.restart_after_kill()
        self.deliver()
        self.suite.wait_messages(ALICE)

    def test_a_deferred_message_shows_its_attempts_and_can_be_retried(self):
        full = "full@" + DOMAIN
        self.suite.add_user(full, "--quota", "100")
        self.deliver()
        name, = self.send(recipients=(full,), body="x" * 1000)
        entry = eventually(lambda: next((entry for entry in self.list() if entry["status"]), None), "it is deferred")
        self.assertEqual((entry["state"], entry["attempts"], entry["status"]), ("deferred", 1, "4.2.2"))
        self.assertGreater(entry["next_attempt"], time.time())
        self.assertIn("4.2.2", self.tool("list"))
        self.assertEqual(self.json("retry", "--recipient", full), {"retried": 1})
        eventually(lambda: self.list()[0]["attempts"] == 2, "it was tried again")
        shown, = eventually(lambda: [entry for entry in self.json("show", name) if len(entry["history"]) == 2], "both attempts are shown")
        self.assertEqual([attempt["status"] for attempt in shown["history"]], ["4.2.2", "4.2.2"])
        self.assertEqual([recipient["state"] for recipient in shown["envelope"]], ["waiting"])
        self.restart_after_kill()
        shown, = self.json("show", name)
        self.assertEqual(len(shown["history"]), 2)
        story = [event["event"] for event in self.json("trace", name)]
        self.assertEqual((story[0], story[-1]), ("accepted", "deferred"))
        self.suite.dbtool("user", "set", full, "--quota", "none")
        self.tool("retry", name)
        self.suite.wait_messages(full)

    def test_holding_twice_counts_once(self):
        names = self.send(count=3)
        self.assertEqual(self.json("hold", names[0]), {"held": 1})
        self.assertEqual(self.json("hold", "--all"), {"held": 2})
        self.assertEqual(self.json("hold", "--all"), {"held": 0})
        self.assertEqual(self.json("release", "--all"), {"released": 3})

    def test_a_deleted_message_is_gone_for_good_and_nobody_is_told(self):
        gone, kept = self.send(sender=BOB, count=2)
        self.assertIn("1 message deleted", self.tool("delete", gone))
        self.assertEqual([entry["id"] for entry in self.list()], [kept])
        self.restart_after_kill()
        self.assertEqual([entry["id"] for entry in self.list()], [kept])
        self.deliver()
        self.suite.wait_messages(ALICE)
        eventually(lambda: self.list() == [], "the queue is empty")
        self.assertEqual(len(self.suite.messages(ALICE)), 1)
        self.assertEqual(self.suite.messages(BOB), [])

    def test_a_bounced_message_is_returned_to_its_sender(self):
        name, = self.send(sender=BOB)
        self.assertIn("1 message bounced", self.tool("bounce", name))
        self.restart_after_kill()
        eventually(lambda: [entry["sender"] for entry in self.list()] == [""], "only the bounce is left")
        self.deliver()
        report, = self.suite.wait_messages(BOB)
        self.assertIn(b"Status: 5.7.0", report)
        self.assertIn(b"returned by the administrator", report)
        self.assertEqual(self.suite.messages(ALICE), [])

    def test_a_held_message_can_be_bounced_and_deleted(self):
        bounced, deleted = self.send(sender=BOB, count=2)
        self.tool("hold", "--all")
        self.tool("bounce", bounced)
        self.tool("delete", deleted)
        self.deliver()
        self.suite.wait_messages(BOB)
        eventually(lambda: self.list() == [], "the queue is empty")
        self.assertEqual(self.suite.messages(ALICE), [])

    def test_ten_thousand_messages_are_listed_and_deleted_while_others_are_delivered(self):
        names = []
        for _ in range(10):
            names += self.send(count=1000)
        self.tool("hold", "--all")
        self.deliver()
        lists = [subprocess.Popen([SBIN / "queuetool", "-c", self.suite.configuration, "list", "--json"], stdout=subprocess.PIPE)
                 for _ in range(4)]
        begin = time.monotonic()
        self.suite.deliver(BOB)
        took = time.monotonic() - begin
        for process in lists:
            self.assertIn(len(json.loads(process.communicate()[0])), (len(names), len(names) + 1))
        self.assertLess(took, 5 * SLOWNESS)
        self.assertEqual(self.json("delete", "--sender", "sender@example.net"), {"deleted": len(names)})
        self.assertEqual(self.list(), [])

    @unittest.skipUnless(is_root(), "only root can become another user")
    def test_an_ordinary_user_may_not(self):
        name, = self.send()
        result = subprocess.run([SBIN / "queuetool", "-c", self.suite.configuration, "delete", name], capture_output=True,
                                check=False, user=65534, group=65534, extra_groups=[])
        self.assertEqual(result.returncode, os.EX_NOPERM, result.stderr)
        self.assertEqual([entry["id"] for entry in self.list()], [name])


if __name__ == "__main__":
    unittest.main()
