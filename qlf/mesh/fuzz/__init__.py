"""What runs inside the fuzzer's own sandbox; its packages are those of `tools.lock`, not of `qlf`."""
