//! docs/performance.md and its plots say what the figures in docs/performance/ say. Nothing is timed here.

use std::fs;
use std::path::Path;

#[path = "../../benches/performance/data.rs"]
mod data;
#[path = "../../benches/performance/goals.rs"]
mod goals;
#[expect(dead_code, reason = "the benchmarks write what is compared here")]
#[path = "../../benches/performance/page.rs"]
mod page;
#[path = "../../benches/performance/plots.rs"]
mod plots;

#[test]
fn the_page_and_its_plots_are_what_the_figures_make() {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    for (path, made) in page::made(checkout).unwrap() {
        let kept = fs::read_to_string(checkout.join(&path)).unwrap_or_default();
        assert!(kept == made, "{path} is not what its figures make; make it with: cargo bench -- report");
    }
}

#[test]
fn every_plot_of_the_page_is_made() {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR"));
    let page = fs::read_to_string(checkout.join(page::PAGE)).unwrap();
    let made: Vec<String> = page::made(checkout).unwrap().into_iter().map(|(path, _)| path).collect();
    for image in page.split("](performance/").skip(1) {
        let path = format!("docs/performance/{}", image.split(')').next().unwrap_or_default());
        assert!(made.contains(&path), "nothing makes {path}");
    }
}
