"""The whole suite as a relay: bulk does not hurt others, and a destination that was down is found again."""

import json
import subprocess
import threading
import time

from harness import ALL_SERVICES, SBIN, SLOWNESS, OwnSuiteTest, eventually, free_ports
from remote import Remote

BULK = 1500
SENDER = "sender@example.net"


class Scheduling(OwnSuiteTest):
    def setUp(self):
        self.suite = self.start_suite(services=ALL_SERVICES, relay_networks="127.0.0.0/8", rate_exempt_networks="127.0.0.0/8")
        self.released = threading.Event()  # until then, the slow remote does not answer to the end of a message
        self.addCleanup(self.released.set)
        self.fast = self.remote()
        self.slow = self.remote(extensions=("PIPELINING",), answers={"END": self.hold})
        self.suite.dbtool("route", "add", "fast.example", self.fast.route)
        self.suite.dbtool("route", "add", "slow.example", self.slow.route)

    def hold(self, _session):
        self.released.wait(30 * SLOWNESS)

    def remote(self, **options):
        remote = Remote(**options)
        self.addCleanup(remote.stop)
        return remote

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

    def arrives(self, remote, count):
        eventually(lambda: len(remote.messages) >= count, f"{count} messages arrive", 30)
        eventually(lambda: self.list() == [], "the queue is empty")
        self.assertEqual(len(remote.messages), count)

    def test_many_messages_to_a_slow_domain_do_not_hold_up_a_single_one_to_another(self):
        self.send(["user@slow.example"], BULK)
        self.leaves_within_a_second()
        self.assertEqual(self.slow.sessions, 5)  # the window of a destination that has not answered yet
        self.released.set()
        self.arrives(self.slow, BULK)
        self.assertLessEqual(self.slow.sessions, 20)  # relay_connections, kept and used again

    def test_a_message_to_many_recipients_does_not_hold_up_a_single_one(self):
        self.send([f"user{number}@slow.example" for number in range(900)])
        self.leaves_within_a_second()
        self.released.set()
        self.arrives(self.slow, 9)  # a hundred recipients each

    def test_a_destination_that_is_there_again_gets_all_that_waits_for_it_when_one_message_has_found_it(self):
        port, = free_ports(1)
        self.suite.dbtool("route", "add", "down.example", f"smtp://127.0.0.1:{port}")
        self.send(["user@down.example"], 50)
        eventually(lambda: [entry["state"] for entry in self.list()] == ["deferred"] * 50, "all are deferred")
        eventually(lambda: all("refused" in entry["reason"] for entry in self.list()), "each has the words of the one that tried")
        self.assertEqual(self.suite.log("queued").count("queue.destination_down"), 1)
        back = self.remote(port=port)
        self.queue("retry", self.list()[0]["id"])
        self.arrives(back, 50)

    def test_the_jobs_of_a_relay_worker_that_is_killed_go_to_the_next(self):
        self.send(["user@slow.example"], 20)
        eventually(lambda: self.slow.sessions == 5, "jobs are under way")
        self.suite.expected_crashes = True
        self.suite.kill_role("relayd", "worker")
        self.released.set()
        eventually(lambda: self.list() == [], "the queue is empty", 30)
        self.assertGreaterEqual(len(self.slow.messages), 20)
