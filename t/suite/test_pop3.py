"""POP3 as RFC 1939 has it, with RFC 2449, 3206 and 6856."""

import os
import select

from harness import DOMAIN, PASSWORD, SLOWNESS, OwnSuiteTest, SuiteTest, eventually, is_root

BODY = b"Subject: pop\r\n\r\nfirst\r\n..second\r\nthird\r\n"


class Sessions(SuiteTest):
    def setUp(self):
        self.user = self.new_user()

    def open(self, login=None):
        client = self.suite.pop3(login or self.user)
        self.addCleanup(client.close)
        return client

    def fill(self, count=3):
        for number in range(count):
            self.suite.deliver(self.user, b"Subject: number %d\r\n\r\n" % number + b"x" * number + b"\r\n")

    def test_the_greeting_is_ok_and_gives_no_apop_challenge(self):
        with self.suite.pop3() as client:
            self.assertTrue(client.greeting.startswith("+OK"))
            self.assertNotIn("<", client.greeting)

    def test_capa_lists_the_capabilities_before_and_after_login(self):
        """RFC 2449."""
        with self.suite.pop3() as client:
            before = {line.decode().split()[0] for line in client.lines("CAPA")}
        after = {line.decode().split()[0] for line in self.open().lines("CAPA")}
        for keyword in ("TOP", "UIDL", "PIPELINING", "RESP-CODES", "EXPIRE", "LOGIN-DELAY", "IMPLEMENTATION", "UTF8", "AUTH-RESP-CODE"):
            self.assertIn(keyword, before | after)
        self.assertIn("USER", before)

    def test_an_empty_mailbox_that_never_got_mail_opens(self):
        client = self.open()
        self.assertEqual(client.ok("STAT"), "+OK 0 0")
        self.assertEqual(client.lines("LIST"), [])
        client.quit()

    def test_stat_list_and_retr_agree_on_sizes(self):
        self.fill()
        client = self.open()
        sizes = dict(map(int, line.split()) for line in client.lines("LIST"))
        self.assertEqual(client.ok("STAT").split()[:3], ["+OK", "3", str(sum(sizes.values()))])
        for number, size in sizes.items():
            self.assertEqual(client.ok(f"LIST {number}").split()[1:3], [str(number), str(size)])
            self.assertEqual(sum(len(line) + 2 for line in client.lines(f"RETR {number}")), size)

    def test_a_message_arrives_as_it_was_sent(self):
        self.suite.deliver(self.user, BODY)
        lines = self.open().lines("RETR 1")
        self.assertEqual(lines[-4:], [b"", b"first", b".second", b"third"])
        self.assertIn(b"Subject: pop", lines)

    def test_messages_come_in_the_order_of_their_arrival(self):
        self.fill(5)
        client = self.open()
        for number in range(5):
            self.assertIn(b"Subject: number %d" % number, client.lines(f"RETR {number + 1}"))

    def test_top_gives_the_header_and_so_many_lines(self):
        self.suite.deliver(self.user, BODY)
        client = self.open()
        self.assertEqual(client.lines("TOP 1 0")[-2:], [b"Subject: pop", b""])
        self.assertEqual(client.lines("TOP 1 2")[-3:], [b"", b"first", b".second"])
        self.assertEqual(client.lines("TOP 1 1000")[-2:], [b".second", b"third"])

    def test_retr_does_not_move_or_change_the_message(self):
        self.fill(1)
        client = self.open()
        client.lines("RETR 1")
        client.quit()
        self.assertEqual(self.open().ok("STAT").split()[1], "1")

    def test_deletions_happen_at_quit(self):
        self.fill()
        client = self.open()
        client.ok("DELE 2")
        client.refused("RETR 2")
        client.refused("DELE 2")
        self.assertEqual(client.ok("STAT").split()[1], "2")
        self.assertEqual([int(line.split()[0]) for line in client.lines("LIST")], [1, 3])
        self.assertEqual(len(self.suite.messages(self.user)), 3)
        client.quit()
        self.assertEqual(len(self.suite.messages(self.user)), 2)

    def test_rset_takes_deletions_back(self):
        self.fill()
        client = self.open()
        client.ok("DELE 1")
        client.ok("DELE 3")
        client.ok("RSET")
        self.assertEqual(client.ok("STAT").split()[1], "3")
        client.quit()
        self.assertEqual(len(self.suite.messages(self.user)), 3)

    def test_a_session_that_ends_without_quit_deletes_nothing(self):
        self.fill()
        for end in ("close", "vanish"):
            client = self.suite.pop3(self.user)
            client.ok("DELE 1")
            getattr(client, end)()
            with self.suite.wait_login(self.user) as again:
                again.quit()
        self.assertEqual(len(self.suite.messages(self.user)), 3)

    def test_a_message_that_arrives_during_a_session_is_seen_in_the_next_and_survives_its_deletions(self):
        self.fill(2)
        client = self.open()
        self.suite.deliver(self.user, b"Subject: meanwhile\r\n\r\n\r\n")
        self.assertEqual(client.ok("STAT").split()[1], "2")
        client.refused("RETR 3")
        client.ok("DELE 1")
        client.ok("DELE 2")
        client.quit()
        client = self.open()
        self.assertEqual(client.ok("STAT").split()[1], "1")
        self.assertIn(b"Subject: meanwhile", client.lines("RETR 1"))

    def test_a_second_session_on_the_maildrop_is_refused_with_in_use(self):
        """RFC 2449 8.1.1."""
        first = self.open()
        with self.suite.pop3() as second:
            second.ok(f"USER {self.user}")
            self.assertIn("[IN-USE]", second.refused(f"PASS {PASSWORD}"))
        first.quit()
        self.open().quit()

    def test_another_users_maildrop_can_be_opened_meanwhile(self):
        self.open()
        other = self.new_user()
        self.open(other).quit()

    def test_a_wrong_password_and_an_unknown_user_get_the_same_reply_with_auth(self):
        """RFC 3206 4."""
        replies = set()
        for login, password in ((self.user, "wrong"), ("nobody@" + DOMAIN, PASSWORD), ("nobody@unknown.example", PASSWORD)):
            with self.suite.pop3() as client:
                client.ok(f"USER {login}")
                replies.add(client.refused(f"PASS {password}"))
        self.assertEqual(len(replies), 1)
        self.assertIn("[AUTH]", replies.pop())

    def test_a_password_may_contain_blanks(self):
        self.assertIn(" ", PASSWORD)
        self.open().quit()

    def test_a_second_attempt_may_succeed_in_the_same_session(self):
        with self.suite.pop3() as client:
            client.ok(f"USER {self.user}")
            client.refused("PASS wrong")
            client.login(self.user)
            client.quit()

    def test_uidls_are_unique_and_short_enough(self):
        self.fill(5)
        uidls = self.open().uidl()
        self.assertEqual(len(set(uidls.values())), 5)
        for uidl in uidls.values():
            self.assertTrue(0 < len(uidl) <= 70 and all(33 <= ord(char) <= 126 for char in uidl))

    def test_a_uidl_never_changes_when_other_programs_move_the_message_or_set_flags(self):
        self.fill(3)
        client = self.open()
        before = client.uidl()
        self.assertEqual(client.ok("UIDL 2").split()[1:3], ["2", before["2"]])
        client.quit()
        first, second, _ = self.suite.messages(self.user)
        cur = self.suite.maildir(self.user) / "cur"
        first.rename(cur / (first.name + ":2,"))
        second.rename(cur / (second.name + ":2,S"))
        client = self.open()
        self.assertEqual(client.uidl(), before)
        client.quit()
        (cur / (second.name + ":2,S")).rename(cur / (second.name + ":2,FRS"))
        client = self.open()
        self.assertEqual(client.uidl(), before)
        client.quit()

    def test_a_message_moved_during_the_session_is_still_read_and_deleted(self):
        self.fill(1)
        client = self.open()
        path, = self.suite.messages(self.user)
        path.rename(self.suite.maildir(self.user) / "cur" / (path.name + ":2,S"))
        self.assertIn(b"Subject: number 0", client.lines("RETR 1"))
        client.ok("DELE 1")
        client.quit()
        self.assertEqual(self.suite.messages(self.user), [])

    def test_a_message_removed_by_another_program_during_the_session_is_an_error_of_that_message_alone(self):
        self.fill(2)
        client = self.open()
        self.suite.messages(self.user)[0].unlink()
        client.refused("RETR 1")
        client.lines("RETR 2")
        client.ok("DELE 2")
        client.quit()
        self.assertEqual(self.suite.messages(self.user), [])

    def test_a_folder_opens_by_its_own_login(self):
        self.suite.deliver(self.user)
        folder = self.suite.maildir(self.user) / ".Work"
        status = self.suite.maildir(self.user).stat()
        for path in (folder, folder / "new", folder / "cur", folder / "tmp"):
            path.mkdir(mode=0o700)
            os.chown(path, status.st_uid, status.st_gid)
        file = folder / "cur" / "1.M1P1Q1.host:2,S"
        file.write_bytes(b"Subject: in the folder\n\ntext\n")
        os.chown(file, status.st_uid, status.st_gid)
        client = self.open(self.user.replace("@", "+Work@"))
        self.assertEqual(client.ok("STAT").split()[1], "1")
        self.assertIn(b"Subject: in the folder", client.lines("RETR 1"))
        client.quit()

    def test_a_folder_that_is_not_there_is_refused_and_not_made(self):
        self.suite.deliver(self.user)
        with self.suite.pop3() as client:
            client.ok(f"USER {self.user.replace('@', '+Nosuch@')}")
            reply = client.command(f"PASS {PASSWORD}")
            if reply.startswith("+OK"):
                self.assertEqual(client.ok("STAT"), "+OK 0 0")
        self.assertFalse((self.suite.maildir(self.user) / ".Nosuch").exists())

    def test_a_folder_name_cannot_lead_out_of_the_mailbox(self):
        other = self.new_user()
        self.suite.deliver(other)
        for folder in ("../" + other.partition("@")[0], "..", "/etc", "x/../../" + other.partition("@")[0], "."):
            with self.subTest(folder=folder), self.suite.pop3() as client:
                client.ok(f"USER {self.user.replace('@', '+' + folder + '@')}")
                reply = client.command(f"PASS {PASSWORD}")
                if reply.startswith("+OK"):
                    self.assertEqual(client.ok("STAT"), "+OK 0 0")

    def test_a_pipeline_of_commands_is_answered_in_order(self):
        self.fill(2)
        with self.suite.pop3() as client:
            client.send(f"USER {self.user}\r\nPASS {PASSWORD}\r\nSTAT\r\nRETR 1\r\nRETR 2\r\nNOOP\r\nQUIT\r\n".encode())
            for _ in range(2):
                self.assertTrue(client.line().startswith(b"+OK"))
            self.assertTrue(client.line().startswith(b"+OK 2 "))
            for number in range(2):
                self.assertTrue(client.line().startswith(b"+OK"))
                self.assertIn(b"Subject: number %d" % number, client.multiline())
            self.assertTrue(client.line().startswith(b"+OK"))
            self.assertTrue(client.line().startswith(b"+OK"))
            self.assertTrue(client.closed())

    def test_utf8_is_switched_on_before_login_and_allows_such_logins(self):
        """RFC 6856 2."""
        self.suite.dbtool("user", "add", "--if-not-exists", "--password-stdin", "jürgen@" + DOMAIN, stdin=PASSWORD + "\n")
        with self.suite.pop3() as client:
            client.ok("UTF8")
            client.login("jürgen@" + DOMAIN)
            client.refused("UTF8")
            client.quit()


class BadInput(SuiteTest):
    def setUp(self):
        self.user = self.new_user()

    def test_commands_out_of_order_are_refused(self):
        with self.suite.pop3() as client:
            for command in ("STAT", "LIST", "UIDL", "RETR 1", "DELE 1", "TOP 1 1", "RSET", "PASS x"):
                client.refused(command)
            client.login(self.user)
            client.refused(f"USER {self.user}")
            client.refused("PASS x")
            client.quit()

    def test_unknown_commands_and_wrong_arguments_are_refused(self):
        self.suite.deliver(self.user)
        with self.suite.pop3(self.user) as client:
            for command in ("FROB", "", "RETR", "RETR 0", "RETR 2", "RETR -1", "RETR x", "RETR 1x", "RETR 99999999999999999999", "DELE", "DELE 2",
                            "TOP 1", "TOP 1 -1", "TOP x 1", "LIST 2", "LIST x", "UIDL 0", "STAT\0"):
                with self.subTest(command=command):
                    client.refused(command)
            client.ok("NOOP")

    def test_an_overlong_command_is_refused_and_the_session_ends_or_goes_on(self):
        with self.suite.pop3() as client:
            client.refused("USER " + "x" * 5000)
            client.login(self.user)

    def test_a_command_without_end_is_cut_off(self):
        with self.suite.pop3() as client:
            try:
                for _ in range(100):
                    client.send(b"x" * 65536)
                client.send(b"\r\n")
                self.assertTrue(client.line().startswith(b"-ERR"))
            except ConnectionError:
                pass
        self.suite.pop3(self.user).quit()

    def test_nul_bytes_and_bytes_above_127_are_refused(self):
        with self.suite.pop3() as client:
            client.refused(b"USER a\0b")
            client.refused(b"\xff\xfe\0")
            client.ok(b"USER " + self.user.encode())
            client.refused(b"PASS \0")

    def test_foreign_files_in_the_maildir_do_no_harm(self):
        self.suite.deliver(self.user)
        base = self.suite.maildir(self.user)
        status = base.stat()
        (base / "cur" / "directory").mkdir()
        (base / "new" / ".hidden").write_bytes(b"x")
        (base / "cur" / "empty:2,S").write_bytes(b"")
        (base / "cur" / "binary").write_bytes(bytes(range(256)) * 50)
        (base / "cur" / "lies,S=5,W=7:2,").write_bytes(b"Subject: longer than its name says\n\n" + b"x" * 1000 + b"\n")
        (base / "cur" / "more,S=500000,W=500001:2,").write_bytes(b"Subject: shorter than its name says\n\n")
        (base / "cur" / "overflow,S=99999999999999999999999,W=1:2,").write_bytes(b"x\n")
        (base / "cur" / "no line end").write_bytes(b"Subject: no line end\n\n.dot")
        os.mkfifo(base / "cur" / "fifo")
        os.symlink("/etc/passwd", base / "cur" / "link")
        os.symlink("/nonexistent", base / "new" / "dangling")
        if is_root():
            for path in base.rglob("*"):
                os.chown(path, status.st_uid, status.st_gid, follow_symlinks=False)
        with self.suite.pop3(self.user) as client:
            count = int(client.ok("STAT").split()[1])
            texts = []
            for number in range(1, count + 1):
                if client.command(f"RETR {number}").startswith("+OK"):
                    texts.append(b"\r\n".join(client.multiline()))
                client.ok("NOOP")
            everything = b"\r\n".join(texts)
            self.assertIn(b"Subject: test", everything)
            self.assertIn(b"no line end", everything)
            self.assertNotIn(b"root:x:0", everything, "a symbolic link was followed")
            self.assertEqual(len(set(client.uidl().values())), count)
            client.quit()
        self.assertTrue((base / "cur" / "directory").exists())

    def test_a_corrupt_message_file_is_an_error_of_that_message_alone(self):
        self.suite.deliver(self.user, count=2)
        first, second = self.suite.messages(self.user)
        os.truncate(first, 10)
        with self.suite.pop3(self.user) as client:
            reply = client.command("RETR 1")
            if reply.startswith("+OK"):
                client.multiline()
            self.assertIn(b"Subject: test", client.lines("RETR 2"))
            client.ok("DELE 1")
            client.quit()
        self.assertEqual([path.name for path in self.suite.messages(self.user)], [second.name])

    def test_a_maildir_without_cur_and_tmp_opens(self):
        self.suite.deliver(self.user)
        base = self.suite.maildir(self.user)
        (base / "cur").rmdir()
        (base / "tmp").rmdir()
        with self.suite.pop3(self.user) as client:
            self.assertEqual(client.ok("STAT").split()[1], "1")
            client.quit()
        self.suite.deliver(self.user)

    def test_a_client_that_vanishes_during_retr_harms_nobody(self):
        self.suite.deliver(self.user, b"Subject: big\r\n\r\n" + (b"x" * 78 + b"\r\n") * 100000)
        client = self.suite.pop3(self.user)
        client.send(b"RETR 1\r\n" * 5)
        client.line()
        client.vanish()
        other = self.new_user()
        self.suite.pop3(other).quit()
        self.suite.wait_login(self.user).close()

    def test_a_login_without_a_domain_or_of_any_other_form_is_refused_like_a_wrong_password(self):
        logins = ("x", "@", "x@", "@" + DOMAIN, "@@", "+@" + DOMAIN, "x" * 200, "x@" + "y" * 200, "\u00e9", "\\", "%s%n", "postmaster")
        clients = [self.suite.pop3() for _ in logins]  # at once, because each refusal is slow
        refusals = set()
        for client, login in zip(clients, logins):
            client.ok(f"USER {login}")
            client.send(b"PASS x\r\n")
        for client in clients:
            refusals.add(client.line())
            client.close()
        self.assertEqual(len(refusals), 1)
        self.suite.pop3(self.user).quit()

    def test_a_client_that_reads_nothing_before_login_does_not_fill_the_memory(self):
        with self.suite.pop3() as deaf:
            deaf.socket.settimeout(2 * SLOWNESS)
            with self.assertRaises(TimeoutError, msg="50 megabytes of commands were taken"):
                for _ in range(500):
                    deaf.send(b"CAPA\r\n" * 17000)
            for pid in self.suite.roles("pop3d", "login"):
                with open(f"/proc/{pid}/status", encoding="ascii") as file:
                    resident = int(next(line for line in file if line.startswith("VmRSS")).split()[1])
                self.assertLess(resident, 30000 * SLOWNESS, "kilobytes")
            self.suite.pop3(self.user).quit()

    def test_a_client_that_reads_nothing_does_not_fill_the_memory(self):
        self.suite.deliver(self.user, b"Subject: big\r\n\r\n" + (b"x" * 78 + b"\r\n") * 100000)
        with self.suite.pop3(self.user) as client:
            client.send(b"RETR 1\r\n" * 30)
            self.suite.pop3(self.new_user()).quit()
            for pid in self.suite.roles("pop3d", "session"):
                with open(f"/proc/{pid}/status", encoding="ascii") as file:
                    resident = int(next(line for line in file if line.startswith("VmRSS")).split()[1])
                self.assertLess(resident, 100000 * SLOWNESS, "kilobytes, when 240 megabytes are to be sent")
            for _ in range(30):
                self.assertTrue(client.line().startswith(b"+OK"))
                client.multiline()


class Limits(OwnSuiteTest):
    def test_a_maildrop_of_ten_thousand_messages_opens_without_opening_a_message(self):
        suite = self.start_suite(users=["big@" + DOMAIN])
        suite.deliver("big@" + DOMAIN)
        base = suite.maildir("big@" + DOMAIN)
        status = base.stat()
        for number in range(9999):
            # The files hold less than their names say: only a program that believes the names gives these sizes.
            path = base / "cur" / f"1000000000.M{number}P1Q{number}.host,S=1000,W=1010:2,S"
            path.touch(mode=0o600)
            os.chown(path, status.st_uid, status.st_gid)
        with suite.pop3("big@" + DOMAIN) as client:
            self.assertEqual(client.ok("STAT").split()[1], "10000")
            sizes = [line.split()[1] for line in client.lines("LIST")]
            self.assertEqual(sizes.count(b"1010"), 9999)
            self.assertEqual(len(set(client.uidl().values())), 10000)
            client.quit()

    def test_a_silent_client_is_sent_away_after_the_timeouts(self):
        suite = self.start_suite(users=["a@" + DOMAIN], pop3_timeout="1s", pop3_login_timeout="1s")
        suite.deliver("a@" + DOMAIN)
        with suite.pop3() as silent, suite.pop3("a@" + DOMAIN) as logged_in:
            logged_in.ok("DELE 1")
            for client in (silent, logged_in):
                try:
                    while client.line():
                        pass
                except ConnectionError:
                    pass
        # RFC 1939 3: a timeout is no QUIT.
        self.assertEqual(len(suite.messages("a@" + DOMAIN)), 1)

    def test_a_client_that_sends_a_byte_now_and_then_is_sent_away_as_a_silent_one(self):
        suite = self.start_suite(users=["a@" + DOMAIN], pop3_timeout="1s", pop3_login_timeout="1s")
        with suite.pop3() as dripping, suite.pop3("a@" + DOMAIN) as logged_in:
            for client in (dripping, logged_in):
                def gone():
                    try:
                        client.send(b"x")
                    except ConnectionError:
                        return True
                    return bool(select.select([client.socket], [], [], 0.05)[0]) and not client.socket.recv(1000)
                eventually(gone, "the client is sent away", 5)

    def test_a_slow_password_hash_holds_up_no_lookup(self):
        suite = self.start_suite(users=["a@" + DOMAIN], hash_cost=9, password_cache_time=0)
        suite.dbtool("user", "passwd", "--password-stdin", "a@" + DOMAIN, stdin="slow\n")
        clients = [suite.pop3() for _ in range(4)]
        for client in clients:
            client.ok("USER a@" + DOMAIN)
            client.send(b"PASS wrong\r\n")
        with suite.smtp() as sender:
            sender.hello()
            sender.envelope("s@example.net", ["a@" + DOMAIN])
            clients[-1].socket.setblocking(False)
            try:
                answered = clients[-1].socket.recv(1) != b""
            except BlockingIOError:
                answered = False
        self.assertFalse(answered, "the last password was checked before the lookup was answered")
        for client in clients:
            client.socket.setblocking(True)
            self.assertTrue(client.line().startswith(b"-ERR"))
            client.close()
