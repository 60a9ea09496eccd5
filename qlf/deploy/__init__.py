"""Applications that run on this machine, each in a sandbox behind a port of the loopback interface.

Example:
    deployment = start_local(Path("shop"), state_dir=state, cache_dir=cache)
    print(deployment.url)
    stop_local(deployment.name, state_dir=state)

A deployment is a folder below `state_dir`:

    deployments/shop/
      deployment.json   which source folder it belongs to
      claim.json        what runs now; absent when nothing does
      secrets.json      the signing key and the first administrator's password, mode 0600
      data/             the database, kept when the application stops
      app/              the files that run
      run/              the socket between the application and its port
      log.txt           the latest output, without secrets
"""

from __future__ import annotations

from qlf.deploy.local import list_local, logs_local, start_local, status_local, stop_local
from qlf.deploy.model import Deployment

__all__ = ["Deployment", "list_local", "logs_local", "start_local", "status_local", "stop_local"]
