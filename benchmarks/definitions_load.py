"""How long the definitions take to load, as a ratio to `import dagster` of the same run, and where the time goes.

`python -m benchmarks.definitions_load [--repeats 3]`
"""

import argparse
import re
import statistics
import subprocess
import sys
import time
from collections import defaultdict

BASELINE = "import dagster"
SUBJECT = "from orchestration.definitions import defs; defs.resolve_asset_graph()"
HEAVY = ("torch", "feast", "mlflow", "prophet", "pyspark", "transformers", "great_expectations")
SHOWN = 12


def seconds(code: str, repeats: int) -> float:
    """Median wall time of a fresh interpreter that runs `code`."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        times.append(time.perf_counter() - started)
    return statistics.median(times)


def import_times() -> list[tuple[str, float]]:
    """Seconds of own import time by top-level package, largest first."""
    run = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", SUBJECT], check=True, capture_output=True, text=True
    )
    own: dict[str, float] = defaultdict(float)
    for line in run.stderr.splitlines():
        if match := re.match(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", line):
            own[match[2].split(".")[0]] += int(match[1]) / 1e6
    return sorted(own.items(), key=lambda item: -item[1])


def main() -> int:
    """Print the ratio and the packages; fail when a heavy library is imported."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=3)
    repeats = parser.parse_args().repeats
    baseline, subject = seconds(BASELINE, repeats), seconds(SUBJECT, repeats)
    print(f"definitions load: {subject:.2f} s, `{BASELINE}`: {baseline:.2f} s, ratio {subject / baseline:.2f}")
    packages = import_times()
    for name, own in packages[:SHOWN]:
        print(f"  {name:24} {own:6.2f} s")
    heavy = [name for name, _ in packages if name in HEAVY]
    print(f"heavy libraries imported: {', '.join(heavy) or 'none'}")
    return 1 if heavy else 0


if __name__ == "__main__":
    sys.exit(main())
