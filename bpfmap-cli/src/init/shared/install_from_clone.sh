# A project in Rust expects the clone at this path.
if [ ! -e CLONE/bpfmap-cli/Cargo.toml ]; then
  : "${BPFMAP_REPOSITORY:?is not set: write the address of the repository of bpfmap into .github/workflows/bpfmap.yml}"
  git clone --depth 1 "$BPFMAP_REPOSITORY" CLONE
fi
cargo install --locked --path CLONE/bpfmap-cli
cargo install --locked --path CLONE/vmtest
