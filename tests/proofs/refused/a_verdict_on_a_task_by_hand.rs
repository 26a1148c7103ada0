use fargate_migrate::verdict::{Asked, judge};

fn main() {
    let asked = Asked { container: "app", image_digest: Some("sha256:1"), require_report: false };
    let _ = judge(&"shop".parse().expect("a name"), &asked, &Default::default(), &Default::default());
}
