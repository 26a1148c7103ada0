//! docs/performance.md says what the figures in docs/performance/ say. Nothing is timed here.

use std::fs;
use std::path::Path;

#[path = "../../benches/performance/data.rs"]
mod data;
#[path = "../../benches/performance/goals.rs"]
mod goals;
#[path = "../../benches/performance/tables.rs"]
mod tables;
#[expect(dead_code, reason = "the benchmarks write what is compared here")]
#[path = "../../benches/performance/page.rs"]
mod page;

#[test]
fn the_page_is_what_the_figures_make() {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    let kept = fs::read_to_string(checkout.join(page::PAGE)).unwrap();
    let made = page::made(checkout).unwrap();
    assert!(kept == made, "{} is not what its figures make; make it with: cargo bench -- report", page::PAGE);
}
