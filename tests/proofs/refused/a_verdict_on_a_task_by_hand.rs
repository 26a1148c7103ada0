use fargate_migrate::verdict::{Asked, Proof, judge};

fn main() {
    let asked = Asked { container: "app", image_digest: Some("sha256:1"), is_essential: true, essential: &[], proof: Proof::ExitCode };
    let _ = judge(&"shop".parse().expect("a name"), &asked, &Default::default(), &Default::default());
}
