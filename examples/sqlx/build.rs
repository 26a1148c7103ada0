fn main() {
    // A new migration is compiled in, although no source file has changed.
    println!("cargo:rerun-if-changed=migrations");
}
