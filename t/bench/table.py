"""The table: what the turns of a row come to, for bench.json and to be read."""

import statistics
import sys


def median(values):
    return statistics.median(values) if values else None


def ratio(row, ours, theirs):
    """How many times better we are."""
    pairs = [(a / b if row.more_is_better else b / a) for a, b in zip(ours, theirs) if a and b]
    return median(pairs)


def entry_of(row, figures, reasons):
    """What bench.json says of ROW."""
    def each(field):
        known = {name: [getattr(figure, field) for figure in turns if getattr(figure, field) is not None] for name, turns in figures.items()}
        return {name: turns for name, turns in known.items() if turns}
    values, microseconds, idle = each("value"), each("microseconds"), each("idle")
    first = row.contestants[0][0]
    entry = {"name": row.name, "unit": row.unit, "what": row.what, "more_is_better": row.more_is_better, "figures": values, "skipped": reasons,
             "medians": {name: median(turns) for name, turns in values.items()},
             "ratios": {name: ratio(row, values.get(first, []), turns) for name, turns in values.items() if name != first},
             "microseconds": {name: median(turns) for name, turns in microseconds.items()},
             "idle": {name: median(turns) for name, turns in idle.items()}, "targets": []}
    for target in row.targets:
        value = entry["ratios"].get(target.against) if target.against else entry["medians"].get(first)
        if value is not None:
            reached = value >= target.value if target.at_least else value <= target.value
            entry["targets"].append({"text": target.text, "wanted": target.value, "got": value, "reached": reached})
    return entry


def show(row, figures, reasons):
    entry = entry_of(row, figures, reasons)
    print(f"\n{row.name}: {row.what} ({row.unit})")
    for name, _ in row.contestants:
        if name in reasons:
            print(f"  {name:20} skipped: {reasons[name]}")
            continue
        turns = entry["figures"][name]
        line = f"  {name:20} {entry['medians'][name]:12,.1f}   {f'({min(turns):,.1f} to {max(turns):,.1f})':26}"
        if name in entry["microseconds"]:
            line += f" {entry['microseconds'][name]:10,.1f} us each"
        if name in entry["idle"]:
            line += f", {entry['idle'][name]:4.0%} idle"
        if entry["ratios"].get(name):
            line += f"   ours is {entry['ratios'][name]:.2f} times that"
        print(line.rstrip())
    for target in entry["targets"]:
        print(f"  {'reached' if target['reached'] else 'MISSED '}  {target['text']}: {target['got']:,.2f}")
    sys.stdout.flush()
    return entry
