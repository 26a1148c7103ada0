//! The Action as GitHub's runner uses it.

/// action.yml, the command line and the README name the same inputs, defaults and outputs.
mod agreement;
