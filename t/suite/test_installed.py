"""What make install puts in place besides the programs: manual pages, systemd units, init scripts."""

import os
import re
import shutil
import subprocess

from harness import DOMAIN, PREFIX, SBIN, ALL_SERVICES, SLOWNESS, OwnSuiteTest, Suite, is_root, is_running

UNITS = PREFIX / "lib" / "systemd" / "system"
SECURITY_MAX = 3.0  # of systemd-analyze security: below 5 is called "OK"; the network and the start as root cost most of it


class Files(OwnSuiteTest):
    def test_the_manual_pages_are_without_fault(self):
        pages = sorted((PREFIX / "share" / "man").rglob("*.[0-9]"))
        names = {path.name for path in pages}
        for name in [service + ".8" for service in ALL_SERVICES] + ["dbtool.8", "angarium.conf.5"]:
            self.assertIn(name, names)
        result = subprocess.run(["mandoc", "-T", "lint", "-W", "warning", *pages], capture_output=True, text=True, check=False)
        self.assertEqual(result.stdout + result.stderr, "")

    def test_no_program_searches_for_libraries_in_the_build(self):
        for program in [SBIN / service for service in ALL_SERVICES] + [SBIN / "dbtool"]:
            text = subprocess.run(["readelf", "-d", program], capture_output=True, text=True, check=True).stdout
            self.assertNotRegex(text, r"R(UN)?PATH")

    def test_the_programs_are_hardened(self):
        if os.environ.get("ANGARIUM_SANITIZED") == "1":
            self.skipTest("sanitizers take the place of hardening")
        for program in [SBIN / service for service in ALL_SERVICES]:
            text = subprocess.run(["readelf", "-hldW", program], capture_output=True, text=True, check=True).stdout
            self.assertRegex(text, r"Type:\s+DYN")
            self.assertIn("GNU_RELRO", text)
            self.assertRegex(text, r"BIND_NOW|Flags:.*NOW")
            self.assertRegex(text, r"GNU_STACK.* RW ")


class Systemd(OwnSuiteTest):
    def analyze(self, *arguments):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd is not installed")
        environment = dict(os.environ, MANPATH=str(PREFIX / "share" / "man"), SYSTEMD_PAGER="", LC_ALL="C.UTF-8")
        return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, env=environment, check=False)

    def test_systemd_finds_no_fault_in_the_units(self):
        units = sorted(UNITS.glob("angarium*"))
        self.assertEqual(len(units), len(ALL_SERVICES) + 1)
        result = self.analyze("verify", *units)
        # systemd looks for manual pages by man(1), which a small system does not have.
        faults = [line for line in (result.stdout + result.stderr).splitlines() if "Command 'man " not in line]
        self.assertEqual(faults, [])

    def test_the_units_leave_little_open(self):
        for service in ALL_SERVICES:
            result = self.analyze("security", "--offline=true", "--no-pager", UNITS / f"angarium-{service}.service")
            level = float(re.search(r"Overall exposure level for \S+: ([\d.]+)", result.stdout).group(1))
            self.assertLessEqual(level, SECURITY_MAX, result.stdout)

    def test_the_services_need_no_capability_that_their_units_do_not_leave_them(self):
        if not is_root():
            self.skipTest("only root has capabilities")
        suite = Suite(services=())
        self.addCleanup(suite.stop)
        suite.services = ALL_SERVICES
        for service in ALL_SERVICES:
            unit = (UNITS / f"angarium-{service}.service").read_text()
            names = re.search(r"^CapabilityBoundingSet=(.*)", unit, re.M).group(1).lower().replace("cap_", "+").split()
            suite.wrapper = ["setpriv", "--no-new-privs", "--bounding-set", ",".join(["-all", *names])]
            suite.start_service(service)
        suite.add_user("a@" + DOMAIN)
        suite.deliver("a@" + DOMAIN)
        suite.pop3("a@" + DOMAIN).quit()
        for service in ALL_SERVICES:
            suite.kill_role(service, {"tabled": "owner", "queued": "queue", "pop3d": "login"}.get(service, "worker"))
        suite.wait_accepting("a@" + DOMAIN)
        suite.wait_messages("a@" + DOMAIN, 2)


class InitScripts(OwnSuiteTest):
    def script(self, service, verb, status=0):
        environment = dict(os.environ, ANGARIUM_DEFAULTS=str(self.defaults))
        log = self.suite.log_path(service)
        with open(log, "ab") as file:
            result = subprocess.run([PREFIX / "etc" / "init.d" / f"angarium-{service}", verb], env=environment, stdin=subprocess.DEVNULL,
                                    stdout=file, stderr=file, timeout=60 * SLOWNESS, check=False)
        self.assertEqual(result.returncode, status, f"{service} {verb}\n{self.suite.log_end(service)}")

    def pid(self, service):
        return int((self.suite.directory / "run" / f"{service}.pid").read_text())

    def setUp(self):
        if not shutil.which("start-stop-daemon"):
            self.skipTest("start-stop-daemon is not installed")
        self.suite = Suite(services=())
        self.suite.services = ALL_SERVICES
        self.addCleanup(self.suite.stop)
        self.defaults = self.suite.directory / "default"
        self.defaults.write_text(f"CONFIG={self.suite.configuration}\nRUN={self.suite.directory}/run\n")

    def test_the_scripts_start_reload_restart_and_stop_the_services(self):
        self.addCleanup(lambda: [self.script(service, "stop") for service in reversed(ALL_SERVICES)])
        for service in ALL_SERVICES:
            self.script(service, "status", 3)
            self.script(service, "reload", 7)
            self.script(service, "stop")
            self.script(service, "start")
            self.script(service, "status")
        self.suite.add_user("a@" + DOMAIN)
        self.suite.deliver("a@" + DOMAIN)
        for service in ALL_SERVICES:
            before = self.pid(service)
            self.script(service, "start")
            self.assertEqual(self.pid(service), before, "a second start changes nothing")
            self.script(service, "reload")
            self.assertEqual(self.pid(service), before)
            self.script(service, "restart")
            self.assertNotEqual(self.pid(service), before)
        self.suite.wait_accepting("a@" + DOMAIN)
        for service in reversed(ALL_SERVICES):
            pid = self.pid(service)
            self.script(service, "stop")
            self.assertFalse(is_running(pid))
            self.script(service, "status", 3)

    def test_a_mistake_in_the_configuration_does_not_cost_a_running_service(self):
        self.script("tabled", "start")
        self.addCleanup(self.script, "tabled", "stop")
        before = self.pid("tabled")
        self.suite.write_configuration(no_such_directive="x")
        self.script("tabled", "restart", 78)
        self.script("tabled", "reload", 78)
        self.script("tabled", "status")
        self.assertEqual(self.pid("tabled"), before)
        self.suite.write_configuration(no_such_directive=None)

    def test_an_unknown_verb_is_answered_with_the_usage(self):
        self.script("smtpd", "frobnicate", 2)
