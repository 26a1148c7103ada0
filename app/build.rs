//! `embed_migrations!` reads a directory that cargo does not know of: without this line a new file in it
//! would not be compiled in.

fn main() {
    println!("cargo::rerun-if-changed=migrations");
}
