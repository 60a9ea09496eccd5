"""Serves a language model with llama.cpp until its input ends. Run by the interpreter of build/model."""

from __future__ import annotations

import os
import sys

# Threads that wait must not burn the processors that others need.
os.environ["OMP_WAIT_POLICY"] = "passive"

import xllamacpp


def main(weights: str, key: str, prefix: str) -> None:
    settings = xllamacpp.CommonParams()
    settings.model.path = weights
    settings.model_alias = {"smollm2"}
    settings.n_ctx = 1024
    settings.n_parallel = 1
    settings.n_gpu_layers = 0
    settings.cpuparams.n_threads = settings.cpuparams_batch.n_threads = 1
    settings.n_threads_http = 4
    settings.hostnames = ["127.0.0.1"]
    settings.port = 0
    settings.warmup = settings.ui = False
    settings.api_keys = [key] if key else []
    settings.api_prefix = prefix
    server = xllamacpp.Server(settings)
    sys.stdout.write(f"serves at {server.listening_address}\n")
    sys.stdout.flush()
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main(*sys.argv[1:])
