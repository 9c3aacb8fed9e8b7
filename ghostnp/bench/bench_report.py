"""What was measured, written down: tables to read, Markdown for a page, JSON for programs."""

import json
from dataclasses import dataclass, field

from ghostnp.bench.contenders import CONTENDERS
from ghostnp.bench.session import BUSY, Measurement
from ghostnp.bench.timing import ratio

_TITLES = {
    "ops": "Operators",
    "networks": "Networks",
    "memory": "Peak memory",
    "startup": "Start-up",
}
_LEGEND = (
    "A column with a peer's name: ghostnp's time (or memory) over the peer's, below 1 where ghostnp is better. "
    "Median of the ratios round by round, in brackets their quartiles."
)
_ROOF = (
    "bound: the least time that this machine could need, {speeds} being what it does in a matrix product and in a sum "
    "of long arrays; reached: bound / time. Arrays in a cache can beat it."
)


@dataclass
class BenchReport:
    """Everything from one run.

    Parameters
    ----------
    surroundings : dict of str to str
        What the header says.
    missing : dict of str to str
        Contenders that are not installed, and what they need.
    rows : list of Measurement
        In order.
    failures : list of str
        What was wrong.
    """

    surroundings: dict[str, str]
    missing: dict[str, str]
    rows: list[Measurement] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def text(self, style="simple"):
        """The whole report; `style` is a format of tabulate, such as "simple" or "github"."""
        markdown = style == "github"
        header = [f"{name}: {value}" for name, value in self.surroundings.items()]
        header += [f"{name}: takes no part, {package} is not installed" for name, package in self.missing.items()]
        parts = ["\n".join(f"- {line}" for line in header) if markdown else "\n".join(header), _LEGEND]
        for section, title in _TITLES.items():
            rows = [row for row in self.rows if row.section == section]
            if rows:
                parts.append(f"### {title}" if markdown else title.upper())
                parts.append(self._table(section, rows, style))
        speeds = {
            f"{row.machine.flops / 1e9:.0f} GFLOP/s and {row.machine.bandwidth / 1e9:.0f} GB/s": row.where["threads"]
            for row in self.rows
            if row.machine
        }
        if speeds:
            told = "; ".join(f"{speed} (threads: {threads})" for speed, threads in speeds.items())
            parts.append(_ROOF.format(speeds=told))
        failures = [(row.text, *failure) for row in self.rows for failure in row.failures.items()]
        notes = [f"{task}: {name}: {why}" for task, name, why in failures]
        if notes:
            parts.append("Not measured:\n" + "\n".join(f"- {note}" for note in notes))
        disturbed = [row.text for row in self.rows if row.disturbed]
        if disturbed:
            parts.append(
                f"While these were measured, other programs took {BUSY:.0%} of the machine or more, again and again. "
                "There are no ratios of them:\n" + "\n".join(f"- {text}" for text in disturbed)
            )
        return "\n\n".join(parts)

    def to_json(self):
        """The same and every sample, as JSON: seconds and bytes."""
        return json.dumps(
            {
                "surroundings": self.surroundings,
                "missing": self.missing,
                "rows": [self._record(row) for row in self.rows],
                "failures": self.failures,
            },
            indent=1,
        )

    def picture(self):
        """The same as a picture: a dot for each ratio, with its quartiles, and operators under the roofline."""
        from ghostnp.pictures.speed import measured_speeds  # only here: it brings matplotlib

        peers = [name for name, contender in CONTENDERS.items() if not contender.is_ours]
        ratios = [
            (
                _line_name(row, ours),
                {peer: _value_and_quartiles(row, ours, peer) for peer in peers if peer in row.samples},
            )
            for row in self.rows
            if row.section != "ops" and not row.disturbed
            for ours in row.samples
            if CONTENDERS[ours].is_ours
        ]
        # One roof, so the calls of one number of threads.
        machine = next((row.machine for row in self.rows if row.machine), None)
        operators = [
            (row.labels["operator"], row.labels["pass"], row.work.intensity, row.work.flops / ours.median)
            for row in self.rows
            if row.section == "ops"
            and row.machine == machine
            and (ours := row.samples.get("ghostnp"))
            and row.work
            and row.work.flops
        ]
        roof = {"peak": machine.flops, "bandwidth": machine.bandwidth} if machine else {}
        title = ", ".join(
            (self.surroundings["processor"], f"{self.surroundings['cores']} cores", self.surroundings["date"])
        )
        return measured_speeds(ratios, operators, peers=peers, title=title, **roof)

    def _table(self, section, rows, style):
        from tabulate import tabulate  # only here: it takes as long to import as NumPy

        present = [name for name in CONTENDERS if any(name in row.samples for row in rows)]
        peers = [name for name in present if not CONTENDERS[name].is_ours]
        unit, size = ("MB", 1e6) if section == "memory" else ("s", 1) if section == "startup" else ("ms", 1e-3)
        several = any(not CONTENDERS[name].is_ours for name in present) and "ghostnp compiled" in present
        lines = []
        for row in rows:
            for ours in (name for name in present if CONTENDERS[name].is_ours and name in row.samples):
                mine = row.samples[ours]
                line = row.labels | row.where
                if several:
                    line["by"] = ours
                line[unit if several else f"ghostnp {unit}"] = _digits(mine.median / size)
                if row.machine:
                    bound = row.machine.bound(row.work)
                    line |= {
                        "MFLOP": _digits(row.work.flops / 1e6),
                        "MB": _digits(row.work.bytes / 1e6),
                        "FLOP/B": _digits(row.work.intensity),
                        "bound ms": _digits(bound * 1e3),
                        "reached": f"{bound / mine.median:.0%}",
                    }
                line |= {peer: self._against(row, mine, peer) for peer in peers}
                lines.append(line)
        return tabulate(lines, headers="keys", tablefmt=style, disable_numparse=True)

    def _against(self, row, mine, peer):
        if peer not in row.samples:
            return "–"
        return "disturbed" if row.disturbed else str(ratio(mine, row.samples[peer]))

    def _record(self, row):
        record = {"section": row.section, **row.labels, **row.where, "problems": row.problems, "others": row.others}
        record["samples"] = {name: samples.values for name, samples in row.samples.items()}
        record["ratios"] = {
            f"{ours} / {peer}": {"value": found.value, "quartiles": found.quartiles}
            for ours, mine in row.samples.items()
            if CONTENDERS[ours].is_ours
            for peer, theirs in row.samples.items()
            if not CONTENDERS[peer].is_ours and not row.disturbed
            for found in [ratio(mine, theirs)]
        }
        if row.work:
            record |= {"flops": row.work.flops, "bytes": row.work.bytes, "intensity": row.work.intensity}
        if row.work and row.machine:
            record |= {"machine": vars(row.machine), "bound": row.machine.bound(row.work)}
        return record


def _value_and_quartiles(row, ours, peer):
    found = ratio(row.samples[ours], row.samples[peer])
    return found.value, found.quartiles


def _line_name(row, ours):
    section = "" if row.section == "networks" else f"{row.section}: "
    size = (
        f"{row.labels['network']}, {row.labels['size']} px, batch {row.labels['batch']}, "
        if "size" in row.labels
        else ""
    )
    way = row.labels.get("pass", row.labels.get("what", "")) + ", compiled" * (ours != "ghostnp")
    return section + size + way + (f" [{row.where['threads']}]" if row.where else "")


def _digits(number):
    """Three significant digits, and no exponent for large numbers."""
    return f"{number:.3g}" if number < 1000 else f"{number:,.0f}"
