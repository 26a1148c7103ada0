"""What AWS does where emulators do otherwise, row by row, asked of the sandbox with boto3.

stdin: as checks.py has it.
stdout: [[row, what is not as at AWS or null, why the row is not or not wholly checked here or null], …]
"""

import json
import sys

import rows_definitions, rows_tasks, rows_logs, rows_elsewhere  # each adds its rows
from checks import judge
from rows import ROWS

if __name__ == "__main__":
    json.dump([[name, judge(check), reason] for name, check, reason in ROWS], sys.stdout)
