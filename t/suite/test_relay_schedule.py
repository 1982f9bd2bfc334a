"""The whole suite as a relay: bulk does not hurt others, and a destination that was down is found again."""

import json
import subprocess
import time

from harness import ALL_SERVICES, SBIN, SLOWNESS, OwnSuiteTest, eventually, free_ports
from test_relay import Hop

BULK = 1500
SENDER = "sender@example.net"


class Scheduling(OwnSuiteTest):
    def setUp(self):
        self.suite = self.start_suite(services=ALL_SERVICES, relay_networks="127.0.0.0/8", rate_exempt_networks="127.0.0.0/8")
        self.fast, self.slow = (self.hop(name, port) for name, port in zip(("fast", "slow"), free_ports(2)))

    def hop(self, name, port, **options):
        hop = Hop("127.0.0.1", port, **options)
        self.addCleanup(hop.close)
        self.suite.dbtool("route", "add", name + ".example", f"smtp://127.0.0.1:{port}")
        return hop

    def send(self, recipients, count=1):
        with self.suite.smtp() as client:
            client.hello()
            for _ in range(count):
                client.message(SENDER, recipients)

    def queue(self, *arguments):
        result = subprocess.run([SBIN / "queuetool", "-c", self.suite.configuration, *arguments], capture_output=True, check=True)
        return result.stdout

    def list(self):
        return json.loads(self.queue("list", "--json"))

    def leaves_within_a_second(self):
        begin = time.monotonic()
        self.send(["single@fast.example"])
        eventually(lambda: self.fast.messages, "the single message leaves")
        self.assertLess(time.monotonic() - begin, SLOWNESS)

    def arrives(self, hop, count):
        eventually(lambda: len(hop.messages) >= count, f"{count} messages arrive", 30)
        eventually(lambda: self.list() == [], "the queue is empty")
        self.assertEqual(len(hop.messages), count)

    def test_many_messages_to_a_slow_domain_do_not_hold_up_a_single_one_to_another(self):
        self.slow.hold.clear()
        self.send(["user@slow.example"], BULK)
        self.leaves_within_a_second()
        self.assertEqual(len(self.slow.sessions), 5)  # the window of a destination that has not answered yet
        self.slow.hold.set()
        self.arrives(self.slow, BULK)
        self.assertLessEqual(len(self.slow.sessions), 20)  # relay_connections, kept and used again

    def test_a_message_to_many_recipients_does_not_hold_up_a_single_one(self):
        self.slow.hold.clear()
        self.send([f"user{number}@slow.example" for number in range(900)])
        self.leaves_within_a_second()
        self.slow.hold.set()
        self.arrives(self.slow, 9)  # a hundred recipients each

    def test_a_destination_that_is_there_again_gets_all_that_waits_for_it_when_one_message_has_found_it(self):
        port, = free_ports(1)
        down = self.hop("down", port, listens=False)
        self.send(["user@down.example"], 50)
        eventually(lambda: [entry["state"] for entry in self.list()] == ["deferred"] * 50, "all are deferred")
        eventually(lambda: all("refused" in entry["reason"] for entry in self.list()), "each has the words of the one that tried")
        self.assertEqual(self.suite.log("queued").count("queue.destination_down"), 1)
        down.close()
        back = Hop("127.0.0.1", port)
        self.addCleanup(back.close)
        self.queue("retry", self.list()[0]["id"])
        self.arrives(back, 50)

    def test_the_jobs_of_a_relay_worker_that_is_killed_go_to_the_next(self):
        self.slow.hold.clear()
        self.send(["user@slow.example"], 20)
        eventually(lambda: len(self.slow.sessions) == 5, "jobs are under way")
        self.suite.expected_crashes = True
        self.suite.kill_role("relayd", "worker")
        self.slow.hold.set()
        eventually(lambda: self.list() == [], "the queue is empty", 30)
        self.assertGreaterEqual(len(self.slow.messages), 20)
