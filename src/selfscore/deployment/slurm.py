"""A shell script that hands the jobs of a run to Slurm, each to begin when those before ended well.

Not an array: the tasks of an array do not wait for each other. Knows Slurm's commands.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from selfscore.configuration.layout import GPU
from selfscore.deployment.jobs import Job

_HEAD = """\
#!/usr/bin/env bash
# Made by: kedro deploy slurm. Run it in the root of the project, on a disk that all machines see.
# SBATCH_ACCOUNT, SBATCH_PARTITION, SBATCH_TIMELIMIT and the like are Slurm's own.
set -euo pipefail

"""


def slurm_script(jobs: Sequence[Job], command: str, gpus: int, cpus: int) -> str:
    """The script.

    Args:
        jobs: in an order in which each can begin.
        command: `kedro run` with all its options but the group.
        gpus: of a job that needs some; as many workers compute in it.
        cpus: of every job.
    """
    return _HEAD + "".join(_submission(job, command, gpus, cpus) for job in jobs)


def _submission(job: Job, command: str, gpus: int, cpus: int) -> str:
    options = [f"--job-name={job.namespace}", f"--cpus-per-task={cpus}"]
    if job.needs == GPU:
        options.append(f"--gpus={gpus}")
    if job.after:
        waits = ":".join(f"${{{name}}}" for name in job.after)
        options += [f"--dependency=afterok:{waits}", "--kill-on-invalid-dep=yes"]
    run = f"{command} --namespaces={job.namespace}"
    return (
        f"{job.namespace}=$(sbatch --parsable {' '.join(options)} --wrap={shlex.quote(run)})\n"
        f'echo "{job.namespace}: ${{{job.namespace}}}"\n\n'
    )
