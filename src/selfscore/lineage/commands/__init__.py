"""The commands `kedro run`, `resume`, `handoff`, `stale`, `plan` and `prune`.

They know arguments, tables and exit codes. Kedro reads them for each of its commands, so the rest
is imported when one of these is called.
"""

from selfscore.lineage.commands.handoff import handoff
from selfscore.lineage.commands.resume import resume
from selfscore.lineage.commands.run import run
from selfscore.lineage.commands.state import plan, prune, stale

COMMANDS = (run, resume, handoff, plan, prune, stale)
