//! The plan of `fargate-migrate build`: what happens to the image.

use serde_json::json;

use super::ImagePlan;
use super::data::image_json;
use super::facts::image_sentence;
use super::image_plan::image_plan;
use super::observed::ObservedBuild;
use crate::document::{Content, Document, Section};
use crate::failure::Failure;
use crate::ports::Account;
use crate::settings::BuildSettings;

#[derive(Debug, Clone)]
pub struct BuildPlan {
    pub account: Account,
    pub image: ImagePlan,
    /// What a person should know before this is done.
    pub notes: Vec<String>,
}

impl BuildPlan {
    /// Makes the plan of a build.
    ///
    /// # Errors
    /// The task definition runs on a platform that no image is built for.
    pub fn new(settings: &BuildSettings, observed: ObservedBuild) -> Result<Self, Failure> {
        let ObservedBuild { account, base, image, mut notes } = observed;
        let image = image_plan(&settings.image, base.as_ref(), image, &mut notes)?;
        Ok(Self { account, image, notes })
    }

    pub fn document(&self) -> Document {
        let Account { caller, region, .. } = &self.account;
        let facts = vec![
            ("account", format!("{} in {region}", caller.account).into()),
            ("image", image_sentence(&self.image, true).into()),
        ];
        Document {
            title: "Plan: build the image".into(),
            lead: Some("Nothing has been changed."),
            sections: vec![Section::of([Content::Facts(facts), Content::Notes(self.notes.clone())])],
            data: json!({
                "version": 1,
                "operation": "build",
                "account": caller.account,
                "region": region,
                "image": image_json(&self.image, true),
                "notes": self.notes,
            }),
            ..Document::default()
        }
    }
}
