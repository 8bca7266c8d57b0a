# What we type often, and why it is typed that way. `just` lists it; `.ci/run` needs none of it.

_default:
    @just --list --unsorted

# The main job on our own examples. Release: a debug build reads YAML ten times slower.
lint *PATHS="examples/":
    cargo run --release -- lint {{ PATHS }}

# What a newcomer runs. Debug: overflow checks and debug assertions are tests, too.
test *ARGS:
    cargo test {{ ARGS }}

# The pages of the library in docs/policies; a test fails while they are behind policies/.
docs:
    cargo run -- policies docs docs/policies

# The table of kinds, from definitions on PyPI, discovery of a live server (../shared) and tools/api/known.txt. A release of
# Kubernetes comes in by a newer kubernetes-validate and known.txt; `tools/api/generate.py --verify FOLDER` then compares with
# the API servers' own OpenAPI documents.
api:
    pip download --quiet --no-deps --dest target/api kubernetes-validate==1.37.0
    tools/api/generate.py

# The schemas of the built-in kinds (crates/objects/src/schema/definitions.txt), from definitions on PyPI, Kubernetes' Go
# sources (tools/schemas/structs, by Go's modules) and a live server's OpenAPI (../shared).
schemas:
    pip download --quiet --no-deps --dest target/api kubernetes-validate==1.37.0
    tools/schemas/generate.py

# Golden vectors beside the project (`../shared`, or PLIMSOLL_SHARED). Release: there are tens of thousands of cases.
conformance *ARGS:
    cargo test --release --test conformance -- {{ ARGS }}

# What lint says of the public repositories beside the project, by policy, and the largest changes since the table that is
# committed (tests/field/last.tsv). `just field --write` makes it the last one; `just field --sample POLICY '*'` prints
# findings to read by eye.
field *ARGS:
    cargo build --release
    tests/field/table.py target/release/plimsoll {{ ARGS }}

# Whatever text, bytes or policy: nothing panics, and no limit is passed. Each target for SECONDS, one after the other;
# fuzz/run.sh runs one of them. What each must hold stands at the head of fuzz/fuzz_targets/*.rs.
fuzz SECONDS="600":
    fuzz/run.sh {{ SECONDS }} cel image policy review yaml

# SARIF as its authors' validator sees it. It is 96 MB from npm, kept in target/; without it that test skips itself.
sarif:
    npm install --no-audit --no-fund --prefix target/sarif @microsoft/sarif-multitool-linux@5
    chmod u+x target/sarif/node_modules/@microsoft/sarif-multitool-linux/Sarif.Multitool
    cargo test --test formats sarif

# The page of `--format html` in a browser: Debian's chromium (or CHROMIUM=…) driven by playwright-core from npm, kept in
# target/; without them that test skips itself. SCREENSHOTS=DIR keeps pictures to look at.
html:
    npm install --no-audit --no-fund --prefix target/html playwright-core@1
    cargo test --test formats html -- --nocapture

# Every test against a real kube-apiserver. REQUIRED: without it, tests that find no cluster skip themselves.
e2e *ARGS:
    tests/control-plane/build.sh
    PLIMSOLL_E2E_REQUIRED=1 cargo test --release --test e2e {{ ARGS }}

# What we say of objects beside a real kube-apiserver, on mutants: `just fidelity 3000 7` makes so many by another seed
# (docs/fidelity.md). What differs goes to target/tmp/fidelity.txt.
fidelity COUNT="3000" SEED="1877":
    tests/control-plane/build.sh
    PLIMSOLL_E2E_REQUIRED=1 PLIMSOLL_FIDELITY={{ COUNT }} PLIMSOLL_FIDELITY_SEED={{ SEED }} \
        cargo test --release --test fidelity

# What must be quiet before anything lands; all targets, or the tests rot.
check:
    cargo fmt --check
    cargo clippy --all-targets -- -D warnings
    cargo clippy --no-default-features --lib --bins -- -D warnings
    cargo deny check licenses bans sources

# Look at changed snapshots one by one: accepting them unseen makes them worthless.
snapshots:
    INSTA_UPDATE=new cargo test || true
    git status --short -- '*.snap' '*.snap.new'

# What reading the library and compiling its expressions gives, after a change of a policy or of what CEL compiles to.
ready:
    PLIMSOLL_UPDATE=1 cargo test --lib store::ready

# The database of advisories lies on GitHub, so this is by hand where that can be reached.
advisories:
    cargo deny check advisories

# What ships; size and speed are quoted on this profile only.
dist:
    cargo build --profile dist
    ls -l target/dist/plimsoll

# All that CI does, the same way.
ci:
    .ci/run

# What people install, into target/package: a static binary in an archive with completions, manual pages and licence, a .deb,
# an SBOM (where cargo-cyclonedx is installed) and checksums. `just package --target aarch64-apple-darwin` for another system.
package *ARGS:
    packaging/package.sh {{ ARGS }}
