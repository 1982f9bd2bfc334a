"""Processes that hang: whoever waits for one is served by another, or by its successor."""

import os
import signal
import unittest

from harness import ALL_SERVICES, DOMAIN, Suite, eventually, free_ports
from remote import Remote

USER = "a@" + DOMAIN
FAR = "b@far.example"


class Stopped(unittest.TestCase):
    """Workers that are stopped as by a debugger, or by a device that does not answer."""

    def setUp(self):
        port, = free_ports(1)
        self.hop = Remote(address="127.0.0.12", port=port, extensions=("PIPELINING", "8BITMIME"))
        self.addCleanup(self.hop.stop)
        self.suite = Suite(services=ALL_SERVICES, role_timeout="2s", delivery_workers=1, relay_workers=1, smtp_workers=1, relay_ca_file="off",
                           dns_trust_anchor="off", dns_servers="127.0.0.1:9")
        self.addCleanup(self.suite.stop)
        self.suite.start()
        self.suite.add_user(USER)
        self.suite.dbtool("route", "add", "far.example", f"smtp://127.0.0.12:{port}")

    def freeze(self, service, role):
        pid, = self.suite.roles(service, role)
        os.kill(pid, signal.SIGSTOP)

    def wait_ended(self, service):
        eventually(lambda: "event=role.hung" in self.suite.log(service), f"the parent of {service} ends the role", 20)

    def test_mail_that_a_hung_worker_has_in_hand_arrives_once_by_the_next_one(self):
        self.freeze("deliverd", "worker")
        self.freeze("relayd", "worker")
        with self.suite.smtp() as client:
            client.hello()
            client.message(f"s@{DOMAIN}", [USER, FAR])
        self.wait_ended("deliverd")
        self.wait_ended("relayd")
        eventually(lambda: self.hop.messages, "the message has left")
        self.assertEqual(len(self.suite.wait_messages(USER)), 1)
        self.assertEqual(len(self.hop.messages), 1)

    def test_clients_of_a_hung_worker_are_served_by_the_next_one(self):
        for service, role in (("smtpd", "worker"), ("pop3d", "login")):
            for pid in self.suite.roles(service, role):
                os.kill(pid, signal.SIGSTOP)
        self.wait_ended("smtpd")
        self.wait_ended("pop3d")
        self.suite.wait_accepting(USER)
        with self.suite.wait_login(USER):
            pass
