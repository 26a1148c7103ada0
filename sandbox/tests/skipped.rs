//! Lists what the whole test run lacked. Cargo runs test binaries by package and name, and this one is the last.

fn main() {
    sandbox::real_parts::list_missing();
}
