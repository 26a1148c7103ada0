//! The plan of `fargate-migrate build`: what happens to the image, and how that reads.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::ImagePlan;
use super::facts::image_sentence;
use super::image::image_plan;
use super::observed::ObservedBuild;
use super::print::image_json;
use crate::failure::Failure;
use crate::ports::Account;
use crate::settings::BuildSettings;
use crate::untrusted::{markdown_text, one_line};

#[derive(Debug, Clone)]
pub struct BuildPlan {
    pub account: Account,
    pub image: ImagePlan,
    /// What a person should know before this is done.
    pub notes: Vec<String>,
}

impl BuildPlan {
    /// # Errors
    /// The task definition runs on a platform that no image is built for.
    pub fn new(settings: &BuildSettings, observed: ObservedBuild) -> Result<Self, Failure> {
        let ObservedBuild { account, base, image, mut notes } = observed;
        let image = image_plan(&settings.image, base.as_ref(), image, &mut notes)?;
        Ok(Self { account, image, notes })
    }
}

pub fn text(plan: &BuildPlan) -> String {
    let mut out = "Plan: build the image. Nothing has been changed.\n\n".to_owned();
    for (name, value) in facts(plan) {
        let _ = writeln!(out, "  {name:<12} {}", one_line(&value));
    }
    for note in &plan.notes {
        let _ = writeln!(out, "  note         {}", one_line(note));
    }
    out
}

pub fn json(plan: &BuildPlan) -> Value {
    json!({
        "version": 1,
        "operation": "build",
        "account": plan.account.caller.account,
        "region": plan.account.region,
        "image": image_json(&plan.image, exists(plan)),
        "notes": plan.notes,
    })
}

pub fn markdown(plan: &BuildPlan) -> String {
    let mut out = "### Plan: build the image\n\nNothing has been changed.\n\n| | |\n|---|---|\n".to_owned();
    for (name, value) in facts(plan) {
        let _ = writeln!(out, "| {name} | {} |", markdown_text(&value));
    }
    for note in &plan.notes {
        let _ = writeln!(out, "\n> [!NOTE]\n> {}", markdown_text(note));
    }
    out
}

fn facts(plan: &BuildPlan) -> [(&'static str, String); 2] {
    [
        ("account", format!("{} in {}", plan.account.caller.account, plan.account.region)),
        ("image", image_sentence(&plan.image, exists(plan))),
    ]
}

fn exists(plan: &BuildPlan) -> Option<bool> {
    Some(matches!(plan.image, ImagePlan::Reuse { .. }))
}
