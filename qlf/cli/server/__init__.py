"""The local Prefect server that `qlf up` starts and `qlf down` stops, looked after as a process group."""
