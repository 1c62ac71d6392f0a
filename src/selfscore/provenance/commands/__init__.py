"""The commands `kedro run`, `resume`, `stale`, `plan` and `prune`.

They know arguments, tables and exit codes. Kedro reads them for each of its commands, so the rest
is imported when one of these is called.
"""

from selfscore.provenance.commands.plan import plan
from selfscore.provenance.commands.prune import prune
from selfscore.provenance.commands.resume import resume
from selfscore.provenance.commands.run import run
from selfscore.provenance.commands.stale import stale

COMMANDS = (run, resume, plan, prune, stale)
