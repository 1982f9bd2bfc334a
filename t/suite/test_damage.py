"""Bits that flipped in the spool of a queue that was stopped: what they hit is set aside and named, everything else is delivered."""

import random

from harness import DOMAIN, OwnSuiteTest

USER = "a@" + DOMAIN
MESSAGES = 12
HEADER = 4096  # bytes of a segment before its first record


def body_of(number):
    return b"Subject: damage\r\n\r\n" + b"message %04d\r\n" % number + b"x" * 70 + b"\r\nend\r\n"


class FlippedBits(OwnSuiteTest):
    def setUp(self):
        # Mail waits in the spool, since deliverd is not there.
        self.suite = self.start_suite([USER], inline_limit="1k")
        self.suite.stop_service("deliverd")

    def send(self, bodies):
        with self.suite.smtp() as client:
            client.hello()
            for body in bodies:
                client.message("s@example.net", [USER], body)

    def segment(self):
        """The one with all the mail."""
        return max((self.suite.directory / "spool" / "segment").iterdir(), key=lambda path: path.stat().st_blocks)

    def damaged(self):
        return sorted(path.name for path in (self.suite.directory / "spool" / "damaged").iterdir())

    def flip(self, path, offset, bit):
        with open(path, "r+b") as file:
            file.seek(offset)
            byte = file.read(1)[0]
            file.seek(offset)
            file.write(bytes([byte ^ 1 << bit]))

    def start_and_deliver(self, count):
        self.suite.start_service("queued")
        self.suite.start_service("deliverd")
        return self.suite.wait_messages(USER, count)

    def test_a_message_with_a_flipped_bit_is_set_aside_and_the_others_arrive(self):
        self.send(body_of(number) for number in range(MESSAGES))
        self.suite.stop_service("queued")
        segment = self.segment()
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
        segment = self.segment()
        text = segment.read_bytes()
        for _ in range(8):  # the segment's header is there twice
            self.flip(segment, choose.randrange(HEADER // 2, HEADER), choose.randrange(8))
        hit = choose.sample(range(0, MESSAGES, 2), 3)  # neighbours would be set aside as one
        for number in hit:
            middle = text.index(b"message %04d" % number)
            begin, end = text.rindex(b"ANGr", HEADER, middle), text.index(b"end\r\n", middle) + 5
            self.flip(segment, choose.randrange(begin, end), choose.randrange(8))
        texts = self.start_and_deliver(MESSAGES - len(hit))
        for number in range(MESSAGES):
            self.assertEqual(sum(b"message %04d\n" % number in text for text in texts), 0 if number in hit else 1, f"{number}, seed {state}")
        self.assertEqual(len(self.damaged()), len(hit), f"seed {state}")
        self.assertTrue(all(text.endswith(b"\nend\n") for text in texts))
        self.suite.wait_accepting(USER)

    def test_a_body_file_that_was_cut_is_set_aside_with_its_message(self):
        large = body_of(0) + b"y" * 70 + b"\r\n" + b"z" * 2000 + b"\r\n"
        self.send([body_of(1), large, body_of(2)])
        self.suite.stop_service("queued")
        path, = (self.suite.directory / "spool" / "body").iterdir()
        with open(path, "r+b") as file:
            file.truncate(path.stat().st_size // 2)
        texts = self.start_and_deliver(2)
        self.assertFalse([text for text in texts if b"message 0000" in text])
        self.assertEqual(self.damaged(), sorted([path.name, path.name + ".body"]))
        self.assertIn(f"event=queue.body_missing role=queue id={path.name}", self.suite.log("queued"))
