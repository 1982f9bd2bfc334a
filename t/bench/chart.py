"""The table as a picture: for each row one bar a server, as long as its figure beside the best one's."""

from html import escape

LEFT, WIDTH, BAR, GAP = 330, 520, 16, 26
COLOURS = ("#1f6feb", "#8b949e", "#b08800", "#a371f7", "#57606a")


def draw(entries):
    parts = []
    y = 30
    for entry in entries:
        medians = {name: value for name, value in entry["medians"].items() if value}
        if not medians:
            continue
        parts.append(f'<text x="10" y="{y}" font-weight="bold">{escape(entry["what"])} ({escape(entry["unit"])})</text>')
        y += 8
        most = max(medians.values())
        for index, (name, value) in enumerate(medians.items()):
            length = max(WIDTH * value / most, 1)
            parts.append(f'<text x="{LEFT - 10}" y="{y + 12}" text-anchor="end">{escape(name)}</text>')
            parts.append(f'<rect x="{LEFT}" y="{y}" width="{length:.1f}" height="{BAR}" fill="{COLOURS[index % len(COLOURS)]}"/>')
            parts.append(f'<text x="{LEFT + length + 6:.1f}" y="{y + 12}">{value:,.1f}</text>')
            y += BAR + 4
        y += GAP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{LEFT + WIDTH + 110}" height="{y}" font-family="sans-serif" font-size="13">\n'
            '<rect width="100%" height="100%" fill="white"/>\n' + "\n".join(parts) + "\n</svg>\n")
