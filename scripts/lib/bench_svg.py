# SPDX-License-Identifier: Apache-2.0
"""A handful of SVG: lines and bars, for the page of scripts/bench. Nothing but Python's own library."""
import html
import math

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 680, 320, 64, 190, 34, 48
COLOURS = ["#1f5fa8", "#c8501e", "#3c8a3c", "#7b4fa3", "#a08010", "#555555"]


def short(n):
    for unit, name in ((10 ** 6, " M"), (10 ** 3, " k")):
        if n >= unit and n % (unit // 10) == 0:
            return f"{n / unit:g}{name}"
    return f"{n:g}"


class Plot:
    """The frame, a scale for y, and what is drawn on it."""

    def __init__(self, title, y_label, most, least=None):
        """least: the y axis is logarithmic, from there."""
        self.logarithmic = least is not None
        if self.logarithmic:
            self.low, self.high = math.floor(math.log10(least)), math.ceil(math.log10(most))
            marks = [10.0 ** k for k in range(self.low, self.high + 1)]
        else:
            step = 10 ** math.floor(math.log10(most))
            step = next(step * k for k in (0.2, 0.25, 0.5, 1, 2) if step * k * 6 >= most * 1.05)
            n = math.ceil(most * 1.05 / step)
            self.low, self.high = 0, n * step
            marks = [k * step for k in range(n + 1)]
        self.out = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>']
        self.text(LEFT, 20, title, weight="bold")
        self.out.append(f'<text x="16" y="{(TOP + HEIGHT - BOTTOM) / 2:.0f}" text-anchor="middle" '
                        f'transform="rotate(-90 16 {(TOP + HEIGHT - BOTTOM) / 2:.0f})">{html.escape(y_label)}</text>')
        for value in marks:
            y = self.y(value)
            self.out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y:.1f}" y2="{y:.1f}" stroke="#ddd"/>')
            self.text(LEFT - 6, y + 4, f"{value:g}", "end")

    def text(self, x, y, text, anchor="start", weight="normal"):
        self.out.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-weight="{weight}">{html.escape(text)}</text>')

    def y(self, value):
        value = math.log10(value) if self.logarithmic else value
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - self.low) / (self.high - self.low)

    def x_label(self, text):
        self.text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, text, "middle")

    def legend(self, names):
        for i, name in enumerate(names):
            y = TOP + 12 + 20 * i
            self.out.append(f'<rect x="{WIDTH - RIGHT + 14}" y="{y - 10}" width="12" height="12" fill="{COLOURS[i % len(COLOURS)]}"/>')
            self.text(WIDTH - RIGHT + 32, y, name)

    def svg(self):
        return "\n".join([*self.out, "</svg>", ""])


def lines(title, y_label, x_label, series, logarithmic=False, tick=short):
    """series: {name: {x: y}}; the x are placed evenly, in their order."""
    values = [y for points in series.values() for y in points.values()]
    ticks = sorted({x for points in series.values() for x in points})
    plot = Plot(title, y_label, max(values), min(values) if logarithmic else None)
    step = (WIDTH - LEFT - RIGHT - 40) / max(len(ticks) - 1, 1)
    at = {x: LEFT + 20 + step * i for i, x in enumerate(ticks)}
    for x in ticks:
        plot.text(at[x], HEIGHT - BOTTOM + 18, tick(x), "middle")
    for i, points in enumerate(series.values()):
        path = " ".join(f"{at[x]:.1f},{plot.y(points[x]):.1f}" for x in ticks if x in points)
        colour = COLOURS[i % len(COLOURS)]
        plot.out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        plot.out += [f'<circle cx="{at[x]:.1f}" cy="{plot.y(y):.1f}" r="3" fill="{colour}"/>' for x, y in points.items()]
    plot.x_label(x_label)
    plot.legend(series)
    return plot.svg()


def stacked(title, y_label, bars):
    """bars: {name of a bar: {name of a part: y}}; every bar has the same parts, or fewer."""
    parts = list(dict.fromkeys(part for bar in bars.values() for part in bar))
    plot = Plot(title, y_label, max(sum(bar.values()) for bar in bars.values()))
    step = (WIDTH - LEFT - RIGHT) / len(bars)
    for i, (name, bar) in enumerate(bars.items()):
        x, below = LEFT + step * (i + 0.2), 0.0
        for part, value in bar.items():
            top, bottom = plot.y(below + value), plot.y(below)
            plot.out.append(f'<rect x="{x:.1f}" y="{top:.1f}" width="{step * 0.6:.1f}" height="{bottom - top:.1f}" '
                            f'fill="{COLOURS[parts.index(part) % len(COLOURS)]}"/>')
            below += value
        plot.text(x + step * 0.3, plot.y(below) - 5, f"{below:.0f}", "middle")
        for k, line in enumerate(name.split("\n")):
            plot.text(x + step * 0.3, HEIGHT - BOTTOM + 16 + 14 * k, line, "middle")
    plot.legend(parts)
    return plot.svg()
