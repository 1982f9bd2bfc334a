"""What the benchmark computes (t/bench): processor times, shares, medians and ratios."""

import os
import pathlib
import sys
import unittest

sys.path.append(str(pathlib.Path(__file__).resolve().parent.parent / "bench"))
from measures import Row, Target, shares  # noqa: E402
from processor import TICK, Figure, Meter, parse_machine, parse_process  # noqa: E402
from table import entry_of  # noqa: E402

PROCESS = "17 (a (b) 9 c) S 1 17 17 0 -1 4194560 1 2 3 4 100 20 3 1 20 0 1 0 5 6 7\n"
MACHINE = "cpu  10 1 20 500 30 2 3 4 7 0\ncpu0 10 1 20 500 30 2 3 4 7 0\nintr 1 2\n"


def entry(contestants, figures, more_is_better=True, targets=()):
    return entry_of(Row("name", "what", "unit", more_is_better, [(name, None) for name in contestants], targets), figures, {})


class Times(unittest.TestCase):
    def test_a_process_has_the_time_of_those_it_reaped_whatever_its_name(self):
        self.assertAlmostEqual(parse_process(PROCESS), 124 * TICK)

    def test_waiting_for_a_disk_is_idleness_and_guests_are_not_counted_twice(self):
        idle, total = parse_machine(MACHINE)
        self.assertAlmostEqual(idle, 530 * TICK)
        self.assertAlmostEqual(total, 570 * TICK)

    def test_what_is_not_the_machine_s_is_refused(self):
        with self.assertRaises(ValueError):
            parse_machine("intr 1 2\n")

    def test_a_meter_counts_a_child_that_has_ended(self):
        with Meter(lambda: [os.getpid()]) as meter:
            child = os.fork()
            if child == 0:
                while sum(os.times()[:2]) < 0.2:
                    pass
                os._exit(0)
            os.waitpid(child, 0)
        figure = meter.rate(10)
        self.assertGreaterEqual(figure.microseconds, 0.15 * 1e6 / 10)
        self.assertLess(figure.value, 10 / 0.15)


class Table(unittest.TestCase):
    def test_a_load_is_shared_as_equally_as_can_be(self):
        self.assertEqual(shares(20, 4), [5, 5, 5, 5])
        self.assertEqual(shares(11, 4), [3, 3, 3, 2])

    def test_the_ratio_is_the_median_of_those_of_the_turns(self):
        result = entry(["ours", "theirs"], {"ours": [Figure(10), Figure(20), Figure(90)], "theirs": [Figure(5), Figure(5), Figure(30)]})
        self.assertEqual(result["medians"], {"ours": 20, "theirs": 5})
        self.assertEqual(result["ratios"], {"theirs": 3})

    def test_less_is_better_where_it_is_time(self):
        result = entry(["ours", "theirs"], {"ours": [Figure(2)], "theirs": [Figure(10)]}, more_is_better=False)
        self.assertEqual(result["ratios"], {"theirs": 5})

    def test_a_target_against_a_server_that_is_not_there_is_neither_reached_nor_missed(self):
        targets = [Target("against theirs", "theirs", 3, True), Target("ours alone", None, 5, False)]
        result = entry(["ours", "theirs"], {"ours": [Figure(4)]}, targets=targets)
        self.assertEqual([(target["text"], target["reached"]) for target in result["targets"]], [("ours alone", True)])

    def test_processor_time_is_shown_where_it_was_measured(self):
        result = entry(["ours", "theirs"], {"ours": [Figure(4, 10.0, 0.5), Figure(4, 20.0, 0.7)], "theirs": [Figure(4)]})
        self.assertEqual(result["microseconds"], {"ours": 15.0})
        self.assertAlmostEqual(result["idle"]["ours"], 0.6)


if __name__ == "__main__":
    unittest.main()
