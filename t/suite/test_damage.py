"""Bits that flipped in the spool: what they hit is set aside and named, its sender is told when that can be known, everything else is delivered."""

import random
import subprocess

from harness import ALL_SERVICES, DOMAIN, SBIN, OwnSuiteTest, eventually, free_ports
from remote import Remote

USER = "a@" + DOMAIN
SENDER = "sender@" + DOMAIN
MESSAGES = 12
HEADER = 4096  # bytes of a segment before its first record


def body_of(number):
    return b"Subject: damage\r\n\r\n" + b"message %04d\r\n" % number + b"x" * 70 + b"\r\nend\r\n"


def large_body(number, size=300000):
    return body_of(number) + b"%078d\r\n" % number * (size // 80)


class DamageTest(OwnSuiteTest):
    def send(self, bodies, sender="s@example.net", recipient=USER):
        with self.suite.smtp() as client:
            client.hello()
            for body in bodies:
                client.message(sender, [recipient], body)

    def damaged(self):
        return sorted(path.name for path in (self.suite.directory / "spool" / "damaged").iterdir())

    def flip(self, path, offset, bit):
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 1 << bit]))


class FlippedBits(DamageTest):
    def setUp(self):
        # Mail waits in the spool, since deliverd is not there.
        self.suite = self.start_suite([USER, SENDER], inline_limit="1k")
        self.suite.stop_service("deliverd")

    def segment(self, number):
        """The one with the message of that number."""
        path, = (path for path in (self.suite.directory / "spool" / "segment").iterdir() if b"message %04d" % number in path.read_bytes())
        return path

    def start_and_deliver(self, count):
        self.suite.start_service("queued")
        self.suite.start_service("deliverd")
        return self.suite.wait_messages(USER, count)

    def test_a_message_with_a_flipped_bit_is_set_aside_and_the_others_arrive(self):
        self.send(body_of(number) for number in range(MESSAGES))
        self.suite.stop_service("queued")
        segment = self.segment(5)
        self.flip(segment, segment.read_bytes().index(b"message 0005"), 3)
        texts = self.start_and_deliver(MESSAGES - 1)
        for number in range(MESSAGES):
            self.assertEqual(sum(b"message %04d\n" % number in text for text in texts), 0 if number == 5 else 1, number)
        kept, = self.damaged()
        self.assertTrue(kept.startswith(segment.name + "-"), kept)
        damaged = (self.suite.directory / "spool" / "damaged" / kept).read_bytes()
        self.assertIn(b"end\r\n", damaged)
        self.assertIn("event=queue.damage", self.suite.log("queued"))
        self.assertIn(f"kept={kept}", self.suite.log("queued"))

    def test_flipped_bits_anywhere_in_a_segment_cost_only_the_messages_under_them(self):
        choose = random.Random()
        state = choose.getrandbits(32)
        choose.seed(state)
        self.send(body_of(number) for number in range(MESSAGES))
        self.suite.kill_service("queued")
        for segment in {self.segment(number) for number in range(MESSAGES)}:
            for _ in range(8):  # the segment's header is there twice
                self.flip(segment, choose.randrange(HEADER // 2, HEADER), choose.randrange(8))
        hit = choose.sample(range(0, MESSAGES, 2), 3)  # neighbours would be set aside as one
        for number in hit:
            segment = self.segment(number)
            text = segment.read_bytes()
            middle = text.index(b"message %04d" % number)
            begin, end = text.rindex(b"ANGr", HEADER, middle), text.index(b"end\r\n", middle) + 5
            self.flip(segment, choose.randrange(begin, end), choose.randrange(8))
        texts = self.start_and_deliver(MESSAGES - len(hit))
        for number in range(MESSAGES):
            self.assertEqual(sum(b"message %04d\n" % number in text for text in texts), 0 if number in hit else 1, f"{number}, seed {state}")
        self.assertEqual(len(self.damaged()), len(hit), f"seed {state}")
        self.assertTrue(all(text.endswith(b"\nend\n") for text in texts))
        self.suite.wait_accepting(USER)

    def body(self, number):
        """The file with the body of that number."""
        path, = (path for path in (self.suite.directory / "spool" / "body").iterdir() if b"message %04d" % number in path.read_bytes())
        return path

    def expect_report(self, path):
        """To the sender, whose message in PATH is damaged and kept; its header section is intact, and nothing else of it is returned."""
        report, = self.suite.wait_messages(SENDER)
        self.assertEqual(self.damaged(), sorted([path.name, path.name + ".body"]))
        self.assertIn(b"\nStatus: 5.3.0\n", report)
        self.assertIn(b"Final-Recipient: rfc822; " + USER.encode(), report)
        self.assertIn(b"X-Angarium-Queue-ID: " + path.name.encode(), report)
        self.assertIn(b"\nSubject: damage\n", report)
        self.assertNotIn(b"\nend\n", report)
        eventually(lambda: not path.exists(), "the body is removed")

    def test_a_body_file_that_was_cut_is_set_aside_and_its_sender_told(self):
        self.send([body_of(1), large_body(0), body_of(2)], SENDER)
        self.suite.stop_service("queued")
        path = self.body(0)
        with open(path, "r+b") as file:
            file.truncate(path.stat().st_size // 2)
        texts = self.start_and_deliver(2)
        self.assertFalse([text for text in texts if b"message 0000" in text])
        self.expect_report(path)
        self.assertIn(f"event=queue.body_missing role=queue id={path.name}", self.suite.log("queued"))

    def test_a_body_file_with_a_flipped_bit_is_not_delivered_and_its_sender_told(self):
        choose = random.Random()
        state = choose.getrandbits(32)
        choose.seed(state)
        self.send([large_body(number) for number in range(5)], SENDER)
        self.suite.kill_service("queued")
        path = self.body(3)
        self.flip(path, choose.randrange(64 * 1024, path.stat().st_size), choose.randrange(8))
        texts = self.start_and_deliver(4)
        for number in range(5):
            self.assertEqual(sum(b"message %04d\n" % number in text for text in texts), 0 if number == 3 else 1, f"{number}, seed {state}")
        self.expect_report(path)
        self.assertIn(f"event=queue.damaged role=queue id={path.name}", self.suite.log("queued"))
        self.assertEqual(len(self.suite.messages(USER)), 4)
        self.assertEqual([*self.suite.maildir(USER).glob("tmp/*")], [])

    def test_a_body_file_that_is_damaged_while_the_queue_runs_is_found_too(self):
        self.send([large_body(0)], SENDER)
        path = self.body(0)
        self.flip(path, 64 * 1024, 0)
        self.suite.start_service("deliverd")
        self.expect_report(path)
        self.assertEqual(self.suite.messages(USER), [])

    def test_a_damaged_header_section_is_not_returned(self):
        self.send([large_body(0)], SENDER)
        path = self.body(0)
        self.flip(path, path.read_bytes().index(b"damage"), 3)
        self.suite.start_service("deliverd")
        report, = self.suite.wait_messages(SENDER)
        self.assertIn(b"\nStatus: 5.3.0\n", report)
        self.assertNotIn(b"\nSubject: da", report)


class FlippedBitsOnTheWay(DamageTest):
    """The next hop is down, so that mail waits for it; damaged, it is not sent when that is back."""

    def setUp(self):
        self.suite = self.start_suite([SENDER], services=ALL_SERVICES, relay_networks="127.0.0.0/8")
        self.port, = free_ports(1)
        self.suite.dbtool("route", "add", "down.example", f"smtp://127.0.0.1:{self.port}")

    def damage_and_relay(self, **options):
        recipient = "user@down.example"
        self.send([large_body(number) for number in range(3)], SENDER, recipient)
        eventually(lambda: self.suite.log("queued").count("event=queue.deferred") >= 3, "all wait")
        path, = (path for path in (self.suite.directory / "spool" / "body").iterdir() if b"message 0001" in path.read_bytes())
        self.flip(path, path.stat().st_size - 100, 5)
        remote = Remote(port=self.port, **options)
        self.addCleanup(remote.stop)
        subprocess.run([SBIN / "queuetool", "-c", self.suite.configuration, "retry", "--all"], capture_output=True, check=True)
        report, = self.suite.wait_messages(SENDER)
        self.assertIn(b"\nStatus: 5.3.0\n", report)
        self.assertIn(b"Final-Recipient: rfc822; " + recipient.encode(), report)
        self.assertIn(b"X-Angarium-Queue-ID: " + path.name.encode(), report)
        eventually(lambda: len(remote.messages) >= 2, "the others arrive")
        eventually(lambda: [*path.parent.iterdir()] == [], "the bodies are removed")
        contents = [message.content for message in remote.messages]
        self.assertEqual(len(contents), 2)
        for number in (0, 2):
            self.assertEqual(sum(large_body(number) in content for content in contents), 1)
        self.assertEqual(self.damaged(), sorted([path.name, path.name + ".body"]))
        self.assertIn(f"event=relay.damaged role=worker queue_id={path.name}", self.suite.log("relayd"))

    def test_what_is_sent_by_data_is_not_ended(self):
        self.damage_and_relay(extensions=("PIPELINING", "8BITMIME"))

    def test_what_is_sent_in_chunks_is_not_ended(self):
        self.damage_and_relay(extensions=("PIPELINING", "8BITMIME", "CHUNKING"))
